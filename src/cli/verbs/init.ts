/** `loam init`: a new project in a folder of its own, whole or not at all; what is there already is never touched. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileError, formatBytes, temporaryBeside } from "../../base/index.ts";
import { projectErrors } from "../../project/index.ts";
import { linkPackage, projectFiles } from "../../project/init/index.ts";
import { cliErrors } from "../errors.ts";
import type { VerbRun } from "../verb.ts";

const namePattern = /^[a-z0-9][a-z0-9-]{0,63}$/i;

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  const near = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
  throw cliErrors.fail("usage", {
    place: "loam init",
    expected: "a name of letters, digits and -",
    received: JSON.stringify(name),
    ...(near ? { hint: `Try "${near}".` } : {}),
  });
}

function checkFree(folder: string): void {
  if (!existsSync(folder)) return;
  const there = readdirSync(folder);
  if (there.length === 0) return;
  throw projectErrors.fail("exists", {
    place: folder,
    expected: "no such folder yet, or an empty one",
    received: `one with ${there.slice(0, 3).join(", ")}${there.length > 3 ? ", ..." : ""}`,
    hint: "Choose another name.",
  });
}

export const init: VerbRun = async ({ out, cwd }, [given]) => {
  const folder = resolve(cwd, given ?? "");
  const name = basename(folder);
  checkName(name);
  const part = temporaryBeside(folder);
  let sizeBytes = 0;
  const files = projectFiles(name, folder);
  try {
    checkFree(folder);
    // Alone first: asked for several levels at once, Node calls a read-only disk "no such file".
    mkdirSync(part);
    for (const [path, text] of files) {
      mkdirSync(dirname(join(part, path)), { recursive: true });
      writeFileSync(join(part, path), text, { flag: "wx" });
      sizeBytes += Buffer.byteLength(text);
    }
    linkPackage(part, folder);
    if (existsSync(folder)) rmdirSync(folder);
    renameSync(part, folder);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw fileError(error, folder);
  }
  const shown = relative(cwd, folder) || ".";
  out.line(`  ${shown}/loam.yaml       a small model's life, from text to server`);
  out.line(`  ${shown}/texts/          ${files.size - 5} letters to learn from, ${formatBytes(sizeBytes)}; put your own there`);
  out.line(`\n  Next: cd ${shown}, then npx loam run (half a minute), npx loam serve`);
  out.result({ event: "result", name, folder, files: files.size });
};
