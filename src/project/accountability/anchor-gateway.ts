/**
 * Anchors the gateway's list of changes in the record's log: its newest head and an act for each change, at least every minute and when the gateway shuts
 * down. A list that is cut or rewritten afterwards no longer fits its last anchor, which becomes an incident in the log.
 */
import { redact, sha256 } from "../../base/index.ts";
import type { ChangeEntry, Control, GatewayConfig } from "../../gateway/index.ts";
import { type Act, anchorChain, anchorsOf, lastAnchor, listActs, recordAct, type Store, type StoredAnchor } from "../../store/index.ts";
import { projectOrNone } from "../models/home.ts";
import { openProjectStore } from "../project-file.ts";

/** Changes that become acts of one transaction. */
const atOnce = 500;

type ChangesSource = Pick<Control, "changes" | "head">;

/** The chain of a gateway's state; none of a state in memory, which starts again with each process. */
const chainOf = ({ state }: Pick<GatewayConfig, "state">): string | undefined =>
  state.startsWith("memory:") ? undefined : `gateway-changes/${sha256(redact(state)).slice(0, 12)}`;

const actOf = ({ by, what, detail, head }: ChangeEntry): Act => {
  const named = ["kind", "prefix", "name", "subject", "id"].flatMap(key =>
    typeof detail[key] === "string" ? [detail[key].slice(0, 200)] : [],
  );
  return {
    kind: what.startsWith("review.") ? "review" : "policy",
    who: by || "unknown",
    what,
    on: named.join(" ") || "gateway",
    evidence: { change: head },
  };
};

async function firstFrom(source: ChangesSource, position: number): Promise<ChangeEntry | undefined> {
  for await (const entry of source.changes(position)) return entry;
  return undefined;
}

/** The sentence of an anchor that the list no longer fits, or null. */
async function misfit(source: ChangesSource, { position, head }: StoredAnchor): Promise<string | null> {
  const entry = await firstFrom(source, position);
  if (entry?.position === position && entry.head === head) return null;
  const found = entry?.position === position ? `the head ${entry.head}` : "no such entry";
  return `changes: the log holds the head ${head} of change ${position}, the list has ${found}. The end was cut off, or entries were rewritten.`;
}

/** Holds the list against all anchors of its chain; the sentence of the first that does not fit, or null. */
async function verifyAnchors(store: Store, chain: string, entries: readonly ChangeEntry[]): Promise<string | null> {
  const list: ChangesSource = {
    async *changes(from = 0) {
      yield* entries.slice(from);
    },
    head: async () => null,
  };
  for (const anchor of await anchorsOf(store.records.read, chain)) {
    const finding = await misfit(list, anchor);
    if (finding !== null) return finding;
  }
  return null;
}

export interface AnchoredChanges {
  /** Changes that were new to the log. */
  readonly changes: number;
  /** The last anchor no longer fits; an incident was recorded the first time. */
  readonly finding: string | null;
}

/** Anchors what is new. Errors: those of the state and of the record. */
export async function anchorGateway(store: Store, chain: string, source: ChangesSource): Promise<AnchoredChanges> {
  const last = await lastAnchor(store.records.read, chain);
  const finding = last ? await misfit(source, last) : null;
  if (finding !== null && last) {
    const on = `${chain} ${last.position}`;
    if ((await listActs(store.records.read, { kind: "incident", on, most: 1 })).length === 0)
      await recordAct(store, {
        kind: "incident",
        who: "loam gateway",
        what: "chain.broken",
        on,
        evidence: { anchored: last.head },
        note: finding,
      });
  }
  const head = await source.head();
  if (!head || head.position <= (last?.position ?? -1)) return { changes: 0, finding };
  let changes = 0;
  let acts: Act[] = [];
  let newest: ChangeEntry | undefined;
  const write = async (): Promise<void> => {
    if (newest && (await anchorChain(store, { chain, position: newest.position, head: newest.head }, acts))) changes += acts.length;
    acts = [];
  };
  for await (const entry of source.changes((last?.position ?? -1) + 1)) {
    acts.push(actOf(entry));
    newest = entry;
    if (acts.length === atOnce) await write();
  }
  if (acts.length > 0) await write();
  return { changes, finding };
}

/**
 * Anchors a gateway's changes in the record of the project that its file lies in: nothing where there is none, or where it is only read. Answers the
 * sentence of what does not fit. Errors: those of the project's file, the state and the record.
 */
export async function anchorInProject(config: Pick<GatewayConfig, "folder" | "state">, source: ChangesSource): Promise<string | null> {
  const chain = chainOf(config);
  const project = chain === undefined ? undefined : projectOrNone(config.folder);
  if (chain === undefined || !project) return null;
  const store = await openProjectStore(project);
  try {
    return store.isReadOnly ? null : (await anchorGateway(store, chain, source)).finding;
  } finally {
    await store.close();
  }
}

/** Holds the list against the anchors in the record of the project that the gateway's file lies in; null where there is none. Errors: as above. */
export async function verifyInProject(
  config: Pick<GatewayConfig, "folder" | "state">,
  entries: readonly ChangeEntry[],
): Promise<string | null> {
  const chain = chainOf(config);
  const project = chain === undefined ? undefined : projectOrNone(config.folder);
  if (chain === undefined || !project) return null;
  const store = await openProjectStore(project);
  try {
    return await verifyAnchors(store, chain, entries);
  } finally {
    await store.close();
  }
}
