/** A new project in a folder of its own, whole or not at all; what is there already is never touched. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileError, temporaryBeside } from "../../base/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { linkPackage } from "./link.ts";
import { type ProjectContent, projectFiles } from "./project-files.ts";

const namePattern = /^[a-z0-9][a-z0-9-]{0,63}$/i;

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  const near = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
  throw wrongArgument("loam init", "a name of letters, digits and -", JSON.stringify(name), near ? `Try "${near}".` : undefined);
}

function checkEmpty(folder: string): void {
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

export interface WrittenProject {
  readonly name: string;
  readonly folder: string;
  readonly files: number;
  readonly sizeBytes: number;
}

/** Errors: project/argument, project/exists. */
export function checkNewProject(at: string): void {
  const folder = resolve(at);
  checkName(basename(folder));
  checkEmpty(folder);
}

/** The folder's last name is the project's. Errors: project/argument, project/exists; base/readOnly, base/diskFull. */
export function writeProject(at: string, content: ProjectContent = { template: "pretrain" }): WrittenProject {
  const folder = resolve(at);
  const name = basename(folder);
  checkName(name);
  const part = temporaryBeside(folder);
  let sizeBytes = 0;
  const files = projectFiles(name, folder, content);
  try {
    checkEmpty(folder);
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
  return { name, folder, files: files.size, sizeBytes };
}
