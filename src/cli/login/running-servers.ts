/** Servers of this machine that a verb can talk to: those whose token files lie in the project, in its folder, or in the home. */

import { homeFolder, projectOrNone } from "../../project/models/index.ts";
import { type RunningServer, readTokenFiles } from "../../session/index.ts";
import type { Context, Options } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** The newest first. */
export async function runningServers(context: Context, options: Options, more: readonly string[] = []): Promise<readonly RunningServer[]> {
  const folder = folderOf(context, options);
  let project: string | undefined;
  try {
    project = projectOrNone(folder)?.folder;
  } catch {
    // a broken loam.yaml is no reason to leave a running server unreached
  }
  const folders = new Set([...(project === undefined ? [] : [project]), folder, ...more, homeFolder()]);
  const found = await Promise.all([...folders].map(f => readTokenFiles(f)));
  return found.flat().sort((a, b) => b.startedMs - a.startedMs);
}
