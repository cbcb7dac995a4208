/** Where a verb looks for its project: `--project`, else where it was called. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { cliErrors } from "./errors.ts";
import type { Context, Options } from "./verb.ts";

/** Errors: cli/usage where the folder that was named is none. */
export function folderOf(context: Context, options: Options): string {
  if (typeof options.project !== "string") return context.cwd;
  const folder = resolve(context.cwd, options.project);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw cliErrors.fail("usage", { place: `--project ${options.project}`, expected: "a folder", received: "none", hint: "Check the path." });
}
