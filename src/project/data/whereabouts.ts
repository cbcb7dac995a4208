/** Where a document ended up: the shards with its range of tokens, and the models whose lineage holds it. Read from the record alone. */
import { isLoamError } from "../../base/index.ts";
import { type ArtifactReader, openArtifact, type Store, type Trace, traceArtifact } from "../../store/index.ts";
import type { ShardSide } from "../../train/index.ts";

export interface TokenRange {
  readonly shards: string;
  readonly side: ShardSide;
  /** The document's number on that side, from 0. */
  readonly document: number;
  /** Its first token there, and the one after its last. */
  readonly from: number;
  readonly to: number;
}

export interface ModelWith {
  readonly artifact: string;
  readonly versions: readonly string[];
}

export interface Whereabouts {
  /** Artifacts that list it. */
  readonly artifacts: readonly string[];
  readonly tokens: readonly TokenRange[];
  readonly trainedOnIt: readonly ModelWith[];
  /** Models that were measured on it, or made beside it, and never trained on it. */
  readonly heldOutFrom: readonly ModelWith[];
}

const nowhere: Whereabouts = { artifacts: [], tokens: [], trainedOnIt: [], heldOutFrom: [] };

/** Looks into the small files of a shards artifact (see train/shards.ts), never into the tokens. */
async function rangeIn(shards: ArtifactReader, id: string): Promise<TokenRange | undefined> {
  const files = new Set(shards.files.map(f => f.name));
  for (const side of ["train", "held-out"] as const) {
    if (!files.has(`${side}.ids`) || !files.has(`${side}.offsets`)) continue;
    const document = (await shards.read(`${side}.ids`)).toString("utf8").split("\n").indexOf(id);
    if (document < 0) continue;
    const bytes = await shards.read(`${side}.offsets`);
    const [from, to] = [bytes.readDoubleLE(8 * document), bytes.readDoubleLE(8 * (document + 1))];
    return { shards: shards.id, side, document, from, to };
  }
  return undefined;
}

/** Lineage of a document; undefined where no artifact lists it (it was dropped). */
async function lineageOf(store: Store, id: string): Promise<Trace | undefined> {
  try {
    return await traceArtifact(store, id, { first: 0 });
  } catch (error) {
    if (isLoamError(error, "store/notFound")) return undefined;
    throw error;
  }
}

export async function whereabouts(store: Store, id: string): Promise<Whereabouts> {
  const found = await lineageOf(store, id);
  if (found?.subject.type !== "document") return nowhere;
  const into = new Set([...found.subject.artifacts, ...found.madeInto]);
  const nodes = found.nodes.filter(n => into.has(n.id));
  const sides = new Map<string, TokenRange>();
  for (const n of nodes.filter(x => x.kind === "shards" && x.releasedMs === null)) {
    const range = await rangeIn(await openArtifact(store, n.id), id);
    if (range) sides.set(n.id, range);
  }
  const models = nodes
    .filter(n => n.kind === "model")
    .map(n => ({
      artifact: n.id,
      versions: n.versions,
      side: found.edges.filter(e => e.to === n.id).flatMap(e => sides.get(e.from)?.side ?? [])[0],
    }));
  const of = (side: ShardSide) => models.filter(m => m.side === side).map(({ artifact, versions }) => ({ artifact, versions }));
  // The same content made twice is told once, by its newest name.
  const digestOf = new Map(nodes.map(n => [n.id, n.digest]));
  const newest = [...nodes].sort((a, b) => a.createdMs - b.createdMs).flatMap(n => sides.get(n.id) ?? []);
  const tokens = [...new Map(newest.map(t => [digestOf.get(t.shards), t])).values()];
  return { artifacts: found.subject.artifacts, tokens, trainedOnIt: of("train"), heldOutFrom: of("held-out") };
}
