/** Lists what the log says of who did what, and records an act by hand. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { defined, fileError } from "../../base/index.ts";
import { type Act, type Deed, type DeedFilter, listDeeds, type RecordedAct, recordAct } from "../../store/index.ts";
import { thisUser } from "../person.ts";
import type { Workspace } from "../workspace.ts";

export interface LogList {
  /** The newest first. */
  readonly acts: readonly Deed[];
}

/** Acts, and what releases, approvals, gates and steps of loops say in the same terms. */
export const listLog = async (at: Workspace, filter: DeedFilter = {}): Promise<LogList> => ({
  acts: await listDeeds((await at.store()).records.read, filter),
});

export interface ActGiven extends Omit<Act, "who" | "evidence"> {
  /** Default: the user of this machine. */
  readonly who?: string | undefined;
  /** Files whose digests are the evidence; nothing else of them is kept. */
  readonly evidence?: readonly string[] | undefined;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw fileError(error, path);
  }
  return hash.digest("hex");
}

/** Records an act by hand: an incident, a decision outside of Loam. Errors: store/act; those of the evidence's files (base). */
export async function recordProjectAct(at: Workspace, { who = thisUser(), evidence = [], ...act }: ActGiven): Promise<RecordedAct> {
  const digests: Record<string, string> = {};
  for (const file of evidence) digests[basename(file)] = await digestOf(resolve(at.cwd, file));
  return recordAct(await at.store(), { ...act, who, ...defined({ evidence: evidence.length > 0 ? digests : undefined }) });
}
