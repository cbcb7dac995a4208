/**
 * The semantic-duplicates step: of texts whose vectors are alike one stays: the best by an attribute if asked, then the longest, then the
 * smallest hash and id. Idea: SemDeDup (Abbas et al. 2023); different here: a text is compared with those of neighbouring cells too, and
 * goes only if one that is truly like it stays.
 *
 * As messages: every document sends its vector (a byte a number) to one stream, which draws a sample, trains cells and sends each vector
 * to its cell and to those it visits; cells send the likenesses they find to a last stream, which judges. Memory: the sample (at most
 * 65,536 vectors), one cell, and about 300 bytes a document that is like another.
 */
import type { StepVerdict } from "../../ledger.ts";
import type { Embedder } from "../../resources.ts";
import { type Cells, type Codes, cellStars, codesOf, encode, type Likeness, resolveStars, trainCells } from "../../semantic/index.ts";
import { everything, fromJson, jsonMessage } from "../messages.ts";
import { type BinBlocks, type CorpusPlan, corpusStep, type GroupRound, type Key, type Out, type StreamRound } from "../step.ts";
import { type SemanticOptions, semanticOptions } from "./options.ts";
import { asVisitor, carried, codeIn, drawIn, isVisitor, likenessIn, likenessOf, nameInOrder, orderOf, semanticRank } from "./value.ts";

/** Vectors from which cells are trained: this many a cell, and at most so many. */
const [samplePerCell, maxSample] = [32, 65_536];
/** Texts given to the embedder at once. */
const batchTexts = 64;

type Told = { readonly verdict: StepVerdict } | { readonly cluster: string; readonly alike: number };

async function* valuesOf(blocks: BinBlocks): AsyncGenerator<Buffer> {
  for await (const block of blocks) for (const { value } of block) yield value;
}

const codesIn = (values: readonly Buffer[]): Codes => codesOf(values.map(codeIn), values[0] ? codeIn(values[0]).length : 0);

/** The cells for all values, or undefined where one will do. */
async function cellsFor(values: () => BinBlocks, o: SemanticOptions): Promise<Cells | undefined> {
  let count = 0;
  for await (const _ of valuesOf(values())) count++;
  const numCells = Math.ceil(count / o.cellSize);
  if (numCells <= 1) return undefined;
  // Who is drawn hangs on his text's hash, so the sample is the same however the corpus is cut.
  const limit = (Math.min(maxSample, samplePerCell * numCells) / count) * 2 ** 32;
  const drawn: Buffer[] = [];
  for await (const value of valuesOf(values())) if (drawIn(value) < limit) drawn.push(Buffer.from(value));
  drawn.sort(Buffer.compare);
  return trainCells(codesIn(drawn), { count: numCells, seed: o.seed });
}

const cellKey = (cell: number): Key => [cell, 0, 0, 1];

const assignRound = (o: SemanticOptions): StreamRound => ({
  async reduceStream(values, { send }) {
    const cells = await cellsFor(values, o);
    for await (const value of valuesOf(values())) {
      const [home, ...visits] = cells?.nearest(codeIn(value), o.probes) ?? [0];
      send(1, cellKey(home!), value);
      if (visits.length === 0) continue;
      const visitor = asVisitor(value);
      for (const cell of visits) send(1, cellKey(cell), visitor);
    }
  },
});

/** One cell; its members in order, best first. */
const cellRound = (o: SemanticOptions): GroupRound => ({
  atLeast: 2,
  reduce(group, { send }) {
    const members = Array.from(group.values(), value => ({ value, order: orderOf(value) }));
    members.sort((a, b) => Buffer.compare(a.order, b.order));
    const codes = codesIn(members.map(m => m.value));
    for (const { better, other, similarity } of cellStars(codes, m => isVisitor(members[m]!.value), o.threshold))
      send(2, everything, likenessOf(members[better]!.order, members[other]!.order, similarity));
  },
});

const judgeRound = (o: SemanticOptions): StreamRound => ({
  async reduceStream(values, out: Out) {
    const seen = new Map<string, number>();
    const found: Likeness[] = [];
    const number = (order: Buffer): number => {
      const key = order.toString("latin1");
      const known = seen.get(key);
      if (known !== undefined) return known;
      seen.set(key, seen.size);
      return seen.size - 1;
    };
    for await (const value of valuesOf(values())) {
      const { better, other, similarity } = likenessIn(value);
      found.push({ better: number(better), other: number(other), similarity });
    }
    const orders = Array.from(seen.keys(), key => Buffer.from(key, "latin1"));
    const sorted = Uint32Array.from(orders, (_, i) => i).sort((x, y) => Buffer.compare(orders[x]!, orders[y]!));
    const places = new Uint32Array(orders.length);
    sorted.forEach((seenAt, place) => {
      places[seenAt] = place;
    });
    const likenesses = found.map(l => ({ ...l, better: places[l.better]!, other: places[l.other]! }));
    const { gone, sets } = resolveStars(orders.length, likenesses);
    const names = Array.from(sorted, i => nameInOrder(orders[i]!));
    const cluster = new Map<number, string>();
    for (const set of sets) {
      const first = set.map(i => names[i]!.id).sort()[0]!;
      for (const i of set) cluster.set(i, first);
    }
    const verdicts = new Map(gone.map(g => [g.member, g]));
    for (const set of sets)
      for (const i of set) {
        const why = verdicts.get(i);
        const told: Told = why
          ? {
              verdict: {
                rule: "semantic-duplicate",
                keep: false,
                value: why.similarity,
                threshold: o.threshold,
                cluster: cluster.get(i)!,
                survivor: names[why.survivor]!.id,
              },
            }
          : { cluster: cluster.get(i)!, alike: set.length };
        out.tell(names[i]!.ref, jsonMessage(told));
      }
  },
});

const hasWords = (text: string, least: number): boolean => {
  let n = 0;
  for (const _ of text.matchAll(/\S+/g)) if (++n >= least) return true;
  return least === 0;
};

/** Pieces of a text, the first at its beginning and the last at its end; no character is cut in two. */
export function semanticWindows(text: string, most: number, length: number): string[] {
  const count = Math.min(most, Math.ceil(text.length / length));
  if (count <= 1) return [text];
  return Array.from({ length: count }, (_, i) => {
    const from = Math.round((i * (text.length - length)) / (count - 1));
    return text.slice(from, from + length).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
  });
}

/** The code of every text's vector: the mean of its windows'. */
export async function codesFrom(
  texts: readonly string[],
  embedder: Embedder,
  o: Pick<SemanticOptions, "windows" | "windowLength">,
): Promise<Int8Array[]> {
  const windows = texts.map(t => semanticWindows(t, o.windows, o.windowLength));
  const vectors = (await embedder.embed(windows.flat())).values();
  return windows.map(pieces => {
    const sum = new Float32Array(embedder.width);
    for (const _ of pieces) {
      const vector = vectors.next().value!;
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + vector[i]!;
    }
    return encode(sum);
  });
}

/** The plan for an embedder. Documents of too few words take no part. */
export function semanticPlan(o: SemanticOptions, embedder: Embedder): CorpusPlan {
  return {
    phases: [
      {
        async ask(asked, send) {
          for (let at = 0; at < asked.length; at += batchTexts) {
            const batch = asked
              .slice(at, at + batchTexts)
              .map(({ document, ref }) => ({ document, ref }))
              .filter(({ document }) => hasWords(document.text, o.minWords));
            const codes = await codesFrom(
              batch.map(b => b.document.text),
              embedder,
              o,
            );
            for (const [i, { document, ref }] of batch.entries())
              send(0, everything, carried(document, ref, semanticRank(document, o.quality), codes[i]!));
          }
        },
        rounds: [assignRound(o), cellRound(o), judgeRound(o)],
      },
    ],
    settle(_, received) {
      for (const told of received.map(fromJson<Told>)) {
        if ("verdict" in told) return { verdicts: [told.verdict] };
        return { attributes: { alike: told.alike, semanticDuplicates: told.cluster } };
      }
      return {};
    },
  };
}

export const semanticDuplicates = corpusStep<typeof semanticOptions, Embedder>({
  name: "semantic-duplicates",
  version: 1,
  options: semanticOptions,
  needs: o => [{ kind: "embedder", model: o.model }],
  prepare: (o, resources) => resources.embedder(o.model),
  plan: semanticPlan,
});
