/** Both ways through the record, and the proof of it. */
import { isLoamError } from "../base/index.ts";
import { type Trace, traceArtifact, type Verification, verify } from "../store/index.ts";
import { progressFor, type Watch } from "./call.ts";
import { findProject, withProjectStore } from "./project-file.ts";
import type { Workplace, Workspace } from "./workspace.ts";

export interface TraceOptions {
  /** Documents behind it that are listed, at most; default 5. */
  readonly documents?: number | undefined;
}

/** Errors: store/notFound. */
export const traceSubject = async (at: Workspace, id: string, { documents = 5 }: TraceOptions = {}): Promise<Trace> =>
  traceArtifact(await at.store(), id, { first: documents });

/** The lineage of what a gateway calls a server's model; undefined where there is no project here, or its record has no such version. */
export async function traceServed({ folder }: Workplace, served: string, { documents = 5 }: TraceOptions = {}): Promise<Trace | undefined> {
  try {
    return await withProjectStore(findProject(folder), store => traceArtifact(store, served, { first: documents }));
  } catch (error) {
    if (isLoamError(error, "project/noProject") || isLoamError(error, "store/notFound")) return undefined;
    throw error;
  }
}

/** Every row, entry and file against its hash; damage is in the findings. */
export const verifyRecord = async (at: Workspace, watch: Watch): Promise<Verification> =>
  verify(await at.store(), { content: true, progress: progressFor(watch, "verify"), signal: watch.signal });
