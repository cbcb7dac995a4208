/** What servers of a project keep of clients, by age: counted, and erased. A state that does not respond is reported, not skipped. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { configPath, gatewayOf } from "../gateway/gateway-place.ts";
import { openFor } from "../gateway/open-control.ts";
import { eraseNames, namedVotes, undatedVotes, votesOlder } from "../labelling/erase-votes.ts";
import { votesFiles } from "../labelling/label-files.ts";
import { deleteFilesOlder, filesOlder, undatedFiles } from "../privacy/served-files.ts";
import type { Workspace } from "../workspace.ts";
import type { RetainedState } from "./retention-part.ts";

interface OldObjects {
  readonly count: number;
  /** Objects whose age cannot be told. */
  readonly unreadable?: readonly { readonly id: string; readonly problem: string }[];
  /** Why it was not looked into. */
  readonly problem?: string;
}

interface Older {
  readonly beforeMs: number;
  readonly except: readonly string[];
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);

async function inGateway(
  at: Workspace,
  state: Exclude<RetainedState, "files" | "labels">,
  older: Older,
  apply: boolean,
): Promise<OldObjects> {
  if (at.file.config.gateway === undefined && !existsSync(configPath({ folder: at.folder })))
    return { count: 0, problem: "the project has no gateway of its own: run it in the folder of the gateway" };
  try {
    const { config } = await gatewayOf({ folder: at.folder });
    if (config.state === "memory" || config.state === "memory:")
      return { count: 0, problem: "it is in the gateway's memory: it ends with the gateway" };
    if (config.state.startsWith("sqlite:")) {
      const path = config.state.slice("sqlite:".length);
      if (!existsSync(isAbsolute(path) ? path : join(config.folder, path))) return { count: 0 };
    }
    const control = await openFor(config, () => {}, { entriesMayNotFit: true });
    try {
      return { count: apply ? await control.eraseOlder(state, older) : await control.countOlder(state, older) };
    } finally {
      await control.close();
    }
  } catch (error) {
    return { count: 0, problem: reason(error) };
  }
}

/** Votes of `labels:`. */
function inVotes(at: Workspace, older: Older, apply: boolean): OldObjects {
  const isMeant = votesOlder(older);
  try {
    const files = votesFiles(at.folder);
    // each is read before one is changed
    const unreadable = files.flatMap(({ name, path }) =>
      undatedVotes(path).map(v => ({ id: `labels/${name}.votes.jsonl:${v.line}`, problem: v.problem })),
    );
    const count = files.reduce((sum, { path }) => sum + (apply ? eraseNames(path, isMeant) : namedVotes(path, isMeant).length), 0);
    return { count, unreadable };
  } catch (error) {
    return { count: 0, problem: reason(error) };
  }
}

/** Counts objects that are older, or erases them. */
export const oldObjects = async (at: Workspace, state: RetainedState, older: Older, apply: boolean): Promise<OldObjects> => {
  if (state === "labels") return inVotes(at, older, apply);
  if (state !== "files") return inGateway(at, state, older, apply);
  return { count: apply ? deleteFilesOlder(at.folder, older) : filesOlder(at.folder, older).length, unreadable: undatedFiles(at.folder) };
};
