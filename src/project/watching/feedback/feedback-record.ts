/**
 * Feedback in the record (`states`). Scopes: `feedback/requests` what is remembered of each request, by owner and id; `feedback/early` labels that came
 * before their request; `feedback/MODEL` requests with labels; `feedback/models` the names of those; `feedback/sums` what estimates need. One transaction
 * finds a request and keeps its label, one keeps told requests and joins early labels: writers take turns, so no label falls between them.
 */
import { canonicalJson, type Json, sha256 } from "../../../base/index.ts";
import { earlyFeedbackMinutes } from "../../../protocols/index.ts";
import { changeStates, pruneStates, readState, type StatesChange, type Store, statesOf } from "../../../store/index.ts";
import {
  type DaySums,
  type FeedbackLabel,
  type FeedbackRow,
  factsJson,
  feedbackJson,
  labelInSlot,
  mergeFeedback,
  type QualitySums,
  type RequestFacts,
  sumsJson,
} from "../../../watch/index.ts";
import type { FeedbackConfig } from "../../../watch/part.ts";

const requestScope = "feedback/requests";
const earlyScope = "feedback/early";
const modelsScope = "feedback/models";
const sumsScope = "feedback/sums";
const modelScope = (model: string): string => `feedback/${model}`;

/** Bounds of what is kept of one record, each with its size. */
export const feedbackKept = {
  /** Requests: about 200 bytes each. */
  requests: 200_000,
  /** Labelled requests of a model: about 400 bytes each. */
  labelled: 100_000,
  /** Labels before their request. */
  early: 10_000,
  /** Of one owner. */
  earlyOfOwner: 100,
  /** Labels of one request, of all its texts and sources. */
  labelsOfRequest: 64,
} as const;

/** Owners as keys: their names are not kept. */
const ownerKey = (owner: string | null): string => (owner === null ? "-" : sha256(`loam feedback ${owner}`).slice(0, 20));
const keyOf = (owner: string | null, requestId: string): string => `${ownerKey(owner)}/${requestId}`;
const idIn = (key: string): string => key.slice(key.indexOf("/") + 1);

/** What was written is read back: the record is this code's own. */
const rowIn = (value: Json | undefined): FeedbackRow | undefined => value as FeedbackRow | undefined;
/** Of a response whose id is not its request's, the request's key. */
interface OtherId {
  readonly of: string;
}
const sumsIn = (value: Json): QualitySums => value as unknown as QualitySums; // written by `keepRequests` alone
const factsIn = (value: Json | undefined) => value as RequestFacts | OtherId | undefined;

/** A request as it is told. */
export interface ToldRequest {
  readonly requestId: string;
  /** The id in the response's body, where it has one of its own. */
  readonly responseId: string | null;
  readonly owner: string | null;
  readonly facts: RequestFacts;
}

async function putLabelled(states: StatesChange, key: string, row: FeedbackRow): Promise<void> {
  const { model } = row.facts!;
  await states.put(modelScope(model), key, feedbackJson(row));
  // its time says when the model was last labelled
  await states.put(modelsScope, model, true);
}

/** Where a request is remembered: its key and facts. */
async function findRequest(states: Pick<StatesChange, "read">, owner: string | null, requestId: string) {
  const key = keyOf(owner, requestId);
  const found = factsIn(await states.read(requestScope, key));
  if (!found || !("of" in found)) return found && { key, facts: found };
  const facts = factsIn(await states.read(requestScope, found.of));
  return facts && !("of" in facts) ? { key: found.of, facts } : undefined;
}

/** Keeps told requests with the sums that they were counted in, and joins labels that came before. Told twice, they are kept once. */
export async function keepRequests(store: Store, told: readonly ToldRequest[], sums: ReadonlyMap<string, QualitySums>): Promise<void> {
  if (told.length === 0 && sums.size === 0) return;
  await changeStates(store, async states => {
    const facts = new Map<string, RequestFacts>();
    for (const { owner, requestId, facts: own } of told) {
      const key = keyOf(owner, requestId);
      const merged = mergeFeedback({ facts: own, labels: [] }, { facts: facts.get(key) ?? null, labels: [] });
      facts.set(key, merged.facts!);
    }
    const before = await states.readAll(requestScope, [...facts.keys()]);
    const rows = new Map<string, Json>();
    for (const [key, own] of facts) {
      const known = factsIn(before.get(key));
      const merged = known && !("of" in known) ? await againTold(states, key, known, own) : own;
      facts.set(key, merged);
      rows.set(key, factsJson(merged));
    }
    for (const { owner, requestId, responseId } of told)
      if (responseId !== null && responseId !== requestId && !rows.has(keyOf(owner, responseId)))
        rows.set(keyOf(owner, responseId), { of: keyOf(owner, requestId) });
    await states.putAll(requestScope, rows);
    await states.putAll(sumsScope, new Map([...sums].map(([key, own]) => [key, sumsJson(own)])));
    await joinEarly(states, rows, facts, store.clock.now());
  });
}

/** A request that is told again, or another of the same owner and id: the newer counts, for its labels too. */
async function againTold(states: StatesChange, key: string, known: RequestFacts, told: RequestFacts): Promise<RequestFacts> {
  const merged = mergeFeedback({ facts: told, labels: [] }, { facts: known, labels: [] }).facts!;
  if (canonicalJson(factsJson(merged)) === canonicalJson(factsJson(known))) return merged;
  const row = rowIn(await states.read(modelScope(known.model), key));
  if (row) {
    if (known.model !== merged.model) await states.remove(modelScope(known.model), key);
    await putLabelled(states, key, { ...row, facts: merged });
  }
  return merged;
}

/** Gives labels that came before to the requests that are kept now. */
async function joinEarly(
  states: StatesChange,
  rows: ReadonlyMap<string, Json>,
  facts: ReadonlyMap<string, RequestFacts>,
  nowMs: number,
): Promise<void> {
  for (const { key, value, atMs } of await states.range(earlyScope)) {
    const at = factsIn(rows.get(key));
    const own = at && "of" in at ? at.of : key;
    const found = facts.get(own);
    if (found) {
      const kept = rowIn(await states.read(modelScope(found.model), own)) ?? { facts: found, labels: [] };
      const labels = rowIn(value)!.labels.filter(l => l.index < textsOf(found));
      const merged = mergeFeedback(kept, { facts: found, labels });
      if (labels.length > 0 && merged.labels.length <= feedbackKept.labelsOfRequest) await putLabelled(states, own, merged);
    }
    if (found || atMs < nowMs - earlyFeedbackMinutes * 60_000) await states.remove(earlyScope, key);
  }
}

const textsOf = ({ readings }: RequestFacts): number => Math.max(1, readings.length);

type KeptLabel =
  | {
      readonly kind: "kept";
      readonly requestId: string;
      readonly facts: RequestFacts;
      readonly label: FeedbackLabel;
      readonly isReplaced: boolean;
    }
  | { readonly kind: "unknown" }
  | { readonly kind: "index"; readonly texts: number }
  | { readonly kind: "full" };

async function keepEarly(states: StatesChange, owner: string | null, requestId: string, label: FeedbackLabel): Promise<void> {
  const key = keyOf(owner, requestId);
  const own = { facts: null, labels: [label] };
  const before = rowIn(await states.read(earlyScope, key));
  if (!before) {
    const prefix = `${ownerKey(owner)}/`;
    const all = await states.range(earlyScope, { from: prefix, before: `${ownerKey(owner)}0`, limit: feedbackKept.earlyOfOwner });
    if (all.length === feedbackKept.earlyOfOwner) return;
  }
  const merged = before ? mergeFeedback(before, own) : own;
  if (merged.labels.length <= feedbackKept.labelsOfRequest) await states.put(earlyScope, key, feedbackJson(merged));
}

/** Keeps a label of a request of this owner. Of an id that no request of this owner has it is kept for some minutes, and `unknown` is the answer. */
export const keepLabel = (store: Store, owner: string | null, requestId: string, label: FeedbackLabel): Promise<KeptLabel> =>
  changeStates(store, async (states): Promise<KeptLabel> => {
    const found = await findRequest(states, owner, requestId);
    if (!found) {
      await keepEarly(states, owner, requestId, label);
      return { kind: "unknown" };
    }
    const { key, facts } = found;
    const texts = textsOf(facts);
    if (label.index >= texts) return { kind: "index", texts };
    const before: FeedbackRow = rowIn(await states.read(modelScope(facts.model), key)) ?? { facts, labels: [] };
    const merged = mergeFeedback(before, { facts, labels: [label] });
    if (merged.labels.length > feedbackKept.labelsOfRequest) return { kind: "full" };
    await putLabelled(states, key, merged);
    return {
      kind: "kept",
      requestId: idIn(key),
      facts,
      label: labelInSlot(merged, label)!,
      isReplaced: labelInSlot(before, label) !== undefined,
    };
  });

/** Labels of a request of this owner; undefined where it has no request of this id. */
export async function feedbackOf(store: Store, owner: string | null, requestId: string) {
  const db = store.records.read;
  const found = await findRequest({ read: (scope, key) => readState(db, scope, key) }, owner, requestId);
  if (!found) return undefined;
  const row = rowIn(await readState(db, modelScope(found.facts.model), found.key));
  return { requestId: idIn(found.key), facts: found.facts, labels: row?.labels ?? [] };
}

/** Forgets a request and its labels; how many labels there were, undefined where this owner has no request of the id. */
export const removeLabels = (store: Store, owner: string | null, requestId: string): Promise<number | undefined> =>
  changeStates(store, async states => {
    await states.remove(earlyScope, keyOf(owner, requestId));
    const found = await findRequest(states, owner, requestId);
    if (!found) return undefined;
    const { key, facts } = found;
    const row = rowIn(await states.read(modelScope(facts.model), key));
    await states.remove(modelScope(facts.model), key);
    await states.remove(requestScope, key);
    await states.remove(requestScope, keyOf(owner, requestId));
    return row?.labels.length ?? 0;
  });

const modelsWithLabels = async (store: Store): Promise<string[]> => (await statesOf(store.records.read, modelsScope)).map(s => s.key);

/** Forgets all requests and labels of an owner (`user:ann`, `team:research`); how many labelled requests and requests there were. */
export const removeOwner = (store: Store, owner: string): Promise<{ readonly labelled: number; readonly requests: number }> =>
  changeStates(store, async states => {
    const prefix = `${ownerKey(owner)}/`;
    let labelled = 0;
    for (const { key } of await states.range(modelsScope)) labelled += await states.removeAll(modelScope(key), prefix);
    await states.removeAll(earlyScope, prefix);
    return { labelled, requests: await states.removeAll(requestScope, prefix) };
  });

/** Requests of an owner that are remembered. */
export async function feedbackOfOwner(store: Store, owner: string): Promise<number> {
  const from = `${ownerKey(owner)}/`;
  return (await statesOf(store.records.read, requestScope, { from, before: `${ownerKey(owner)}0` })).length;
}

const dayMs = 86_400_000;

/** Drops what is past its time, and the oldest beyond the bounds. */
export async function pruneFeedback(
  store: Store,
  { requestDays, labelDays }: Pick<FeedbackConfig, "requestDays" | "labelDays">,
): Promise<void> {
  const now = store.clock.now();
  const labelled = { beforeMs: now - labelDays * dayMs, most: feedbackKept.labelled };
  await pruneStates(store, requestScope, { beforeMs: now - requestDays * dayMs, most: feedbackKept.requests });
  await pruneStates(store, earlyScope, { beforeMs: now - earlyFeedbackMinutes * 60_000, most: feedbackKept.early });
  await pruneStates(store, sumsScope, labelled);
  for (const model of await modelsWithLabels(store)) await pruneStates(store, modelScope(model), labelled);
}

/** Key of the sums of one process: it writes its own totals, so nothing is counted twice. */
export const sumsKey = (model: string, version: number | null, day: string, process: string): string =>
  `${model}/${day}/${version ?? "-"}/${process}`;

/** Labelled requests of a model, by key. */
export async function labelledRequests(store: Store, model: string): Promise<Map<string, FeedbackRow>> {
  const rows = await statesOf(store.records.read, modelScope(model));
  return new Map(rows.map(({ key, value }) => [key, rowIn(value)!]));
}

export const requestIdOf = idIn;

/** Sums of a model's days from one day on (`2026-11-30`). */
export async function daySums(store: Store, model: string, fromDay: string): Promise<DaySums[]> {
  const rows = await statesOf(store.records.read, sumsScope, { from: `${model}/${fromDay}`, before: `${model}0` });
  return rows.map(({ key, value }) => {
    const [day, version] = key.slice(model.length + 1).split("/") as [string, string];
    return { version: version === "-" ? null : Number(version), day, sums: sumsIn(value) };
  });
}

/** Differs as soon as a label was given. */
export const feedbackRevision = async (store: Store): Promise<string> =>
  (await statesOf(store.records.read, modelsScope)).map(s => `${s.key} ${s.atMs}`).join();

/** Models of which something is known: with labels, or told of. */
export async function modelsWithQuality(store: Store): Promise<string[]> {
  const told = (await statesOf(store.records.read, sumsScope)).map(s => s.key.split("/")[0]!);
  return [...new Set([...(await modelsWithLabels(store)), ...told])].sort();
}
