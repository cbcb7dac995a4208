/** What forgetting documents means, before anything is done: their places and copies, the artifacts that hold them, the models made of them. */
import { type ForgetPlace, forgetPlaces, hashedEntry, idsWithin } from "../../data/index.ts";
import { listArtifacts, openArtifact, type Store, traceArtifact } from "../../store/index.ts";
import type { DataSet } from "./data-set.ts";
import { type ModelWith, type Whereabouts, whereabouts } from "./whereabouts.ts";

export interface ForgetDocument extends ForgetPlace {
  /** What is written under `forget:`. */
  readonly entry: string;
  readonly where: Whereabouts;
}

export interface Holder {
  readonly artifact: string;
  readonly kind: string;
  /** How many of the documents it holds, as text or tokens. */
  readonly documents: number;
  /** Versions that were made from it. */
  readonly versions: readonly string[];
}

export interface ForgetPlan {
  readonly name: string;
  readonly artifact: string;
  readonly documents: readonly ForgetDocument[];
  /** Copies that stay unless they are forgotten too. */
  readonly copies: readonly string[];
  readonly holders: readonly Holder[];
  readonly trainedOnThem: readonly ModelWith[];
  readonly heldOutFrom: readonly ModelWith[];
}

/** Versions that came out of an artifact. */
export async function versionsFrom(store: Store, artifact: string): Promise<string[]> {
  const t = await traceArtifact(store, artifact, { first: 0 });
  const into = new Set([artifact, ...t.madeInto]);
  return [...new Set(t.nodes.filter(n => into.has(n.id)).flatMap(n => n.versions))].sort();
}

/** Artifacts that still have their files and hold some of the documents as text (documents, dropped ones too; examples and reports made of them) or as tokens (shards). */
export async function holdersOf(store: Store, ids: readonly string[], known: readonly Whereabouts[]): Promise<Holder[]> {
  const holders: Holder[] = [];
  for (const info of await listArtifacts(store, { kind: "documents" })) {
    if (info.releasedMs !== null) continue;
    const within = await idsWithin(await openArtifact(store, info.id), ids);
    if (within.length > 0)
      holders.push({ artifact: info.id, kind: info.kind, documents: within.length, versions: await versionsFrom(store, info.id) });
  }
  // examples made of them hold their text, reports quote it
  const made = await store.records.read
    .selectFrom("inputs")
    .innerJoin("artifacts", "artifacts.id", "inputs.artifact")
    .select(["artifacts.id", "artifacts.kind", "inputs.source"])
    .where("inputs.source", "in", ["", ...holders.map(h => h.artifact)])
    .where("artifacts.kind", "in", ["examples", "evaluation"])
    .where("artifacts.released_ms", "is", null)
    .execute();
  for (const { id, kind, source } of made) {
    const { documents } = holders.find(h => h.artifact === source)!;
    holders.push({ artifact: id, kind, documents, versions: await versionsFrom(store, id) });
  }
  // sketches keep numbers of documents, and those of models are made of the data set's
  for (let from = holders.map(h => h.artifact); from.length > 0; ) {
    const sketches = await store.records.read
      .selectFrom("inputs")
      .innerJoin("artifacts", "artifacts.id", "inputs.artifact")
      .select(["artifacts.id", "inputs.source"])
      .where("inputs.source", "in", from)
      .where("artifacts.kind", "=", "sketch")
      .where("artifacts.released_ms", "is", null)
      .execute();
    const known = new Set(holders.map(h => h.artifact));
    const found = new Map(sketches.filter(s => !known.has(s.id)).map(s => [s.id, holders.find(h => h.artifact === s.source)!.documents]));
    for (const [artifact, documents] of found)
      holders.push({ artifact, kind: "sketch", documents, versions: await versionsFrom(store, artifact) });
    from = [...found.keys()];
  }
  const shards = new Map<string, number>();
  for (const w of known) for (const s of new Set(w.tokens.map(t => t.shards))) shards.set(s, (shards.get(s) ?? 0) + 1);
  for (const [artifact, documents] of shards)
    holders.push({ artifact, kind: "shards", documents, versions: await versionsFrom(store, artifact) });
  return holders;
}

const merged = (all: readonly ModelWith[]): ModelWith[] => [...new Map(all.map(m => [m.artifact, m])).values()];

export async function forgetPlan(store: Store, set: DataSet, ids: readonly string[], isHashed: boolean): Promise<ForgetPlan> {
  const documents: ForgetDocument[] = [];
  for (const place of await forgetPlaces(set.artifact, ids))
    documents.push({ ...place, entry: isHashed ? hashedEntry(place.id) : place.id, where: await whereabouts(store, place.id) });
  const where = documents.map(d => d.where);
  const going = new Set(ids);
  return {
    name: set.name,
    artifact: set.artifact.id,
    documents,
    copies: [...new Set(documents.flatMap(d => d.alike.map(a => a.id)))].filter(id => !going.has(id)).sort(),
    holders: await holdersOf(store, ids, where),
    trainedOnThem: merged(where.flatMap(w => w.trainedOnIt)),
    heldOutFrom: merged(where.flatMap(w => w.heldOutFrom)),
  };
}
