/** `loam data look`: what a folder holds, before anything is made of it, and a `loam.yaml` that runs on it. */
import { existsSync, statSync } from "node:fs";
import { basename, relative, resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { inspectFolder } from "../../data/index.ts";
import { projectFile, wrongArgument } from "../../project/index.ts";
import { proposedYaml } from "../../project/init/index.ts";
import { showInspection } from "../data/show-inspection.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

/** A folder as a project in `from` would name it. */
export function namedFrom(from: string, folder: string): string {
  const path = relative(from, folder).replaceAll("\\", "/");
  return path === "" ? "." : path;
}

/** Errors: project/argument for what is no folder. */
export function checkFolder(place: string, folder: string): void {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw wrongArgument(place, "a folder", existsSync(folder) ? `the file ${folder}` : `${folder}, which is not there`);
}

export const dataLook: VerbRun = async ({ out, cwd, signal }, [given = "."], options) => {
  const folder = resolve(cwd, given);
  checkFolder("loam data look", folder);
  const documents = numberOption(options, "documents", "data look", { least: 20, most: 1_000_000, whole: true });
  const to = textOption(options, "write");
  const target = to === undefined ? undefined : resolve(cwd, to);
  if (target !== undefined && existsSync(target)) throw wrongArgument("loam data look: --write", "a file that is not there yet", target);
  const inspection = await inspectFolder(folder, { signal, ...(documents === undefined ? {} : { documents }) });
  showInspection(out, { ...inspection, folder: given });
  const from = target === undefined ? cwd : resolve(target, "..");
  const yaml = proposedYaml({ name: basename(folder), folder: namedFrom(from, folder), inspection });
  if (yaml !== undefined && target !== undefined) {
    writeFileAtomic(target, yaml);
    out.line(`\n  wrote ${to}   next: loam run`);
  } else if (yaml !== undefined)
    out.line(`\n  A ${projectFile} for it (--write ${projectFile} writes it; loam init NAME --data ${given} begins a project):\n\n${yaml}`);
  out.result({ event: "result", ...inspection, yaml: yaml ?? null });
};
