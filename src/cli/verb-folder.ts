/** Where a verb works: `--project`, else where it was called. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { findProject, type Workplace, Workspace, wrongArgument } from "../project/index.ts";
import type { Context, Options } from "./verb.ts";

/** Errors: cli/usage where the folder that was named is none. */
export function folderOf(context: Context, options: Options): string {
  if (typeof options.project !== "string") return context.cwd;
  const folder = resolve(context.cwd, options.project);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw wrongArgument(`--project ${options.project}`, "a folder", "none", "Check the path.");
}

/** For calls that need no project. */
export const workplaceOf = (context: Context, options: Options): Workplace => ({ folder: folderOf(context, options), cwd: context.cwd });

/** The project there, opened for as long as `use` takes. Errors: cli/noProject, and those of its file. */
export async function inProject<T>(context: Context, options: Options, use: (at: Workspace) => Promise<T>): Promise<T> {
  await using at = new Workspace(findProject(folderOf(context, options)), context.cwd);
  return await use(at);
}
