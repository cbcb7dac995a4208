/**
 * The deduplication step. Exact: texts equal but for case, white space and form of characters. Fuzzy: also texts alike by verified Jaccard
 * similarity. Who stays never depends on the order of reading: the longest text, then the smallest hash, then the smallest id.
 */
import { z } from "zod";
import { type Document, sizeOf } from "../../document.ts";
import { type NearDuplicateOptions, nearDuplicateOptions, sketchStore, survivors, type Twin } from "../near-duplicates/index.ts";
import { type CorpusPass, corpusStep, type Judgement } from "../step.ts";
import { exactKey } from "./exact.ts";
import { columns, hashIndex } from "./register.ts";

const options = z.strictObject({
  /** Also near-duplicates; `true` takes the defaults. */
  fuzzy: z.union([z.boolean(), nearDuplicateOptions]).default(false),
});

/** Four 32-bit words of 32 hex digits. */
const wordsOf = (hash: string): number[] => [0, 8, 16, 24].map(at => Number.parseInt(hash.slice(at, at + 8), 16));

/** Columns of the documents and of the groups of copies. */
const [SIZE, GROUP] = [0, 1];
const [LEADER, SKETCH] = [0, 1];

export interface DeduplicatePass extends CorpusPass {
  /** After `judge`: of every document its cluster, named by the smallest id in it; also of those that stay and of those that are alone. */
  clusters(): ReadonlyMap<string, string>;
}

/** The step's pass; without `fuzzy` only copies are found. */
export function deduplicatePass(fuzzy: NearDuplicateOptions | undefined): DeduplicatePass {
  const ids: string[] = [];
  const documents = columns(2);
  const hashes = hashIndex(4);
  const groups = columns(2);
  /** Groups whose leader is not plain ASCII: a copy of other characters may have other shingles. */
  const unlike = new Set<number>();
  const sketches = fuzzy && sketchStore(fuzzy);
  const clusters = new Map<string, string>();
  /** Whether document `a` is the better one of two copies. */
  const leads = (a: number, b: number): boolean =>
    documents.get(a, SIZE) === documents.get(b, SIZE) ? ids[a]! < ids[b]! : documents.get(a, SIZE) > documents.get(b, SIZE);

  return {
    see({ id, text }: Document) {
      const { hash, ascii } = exactKey(text);
      const d = documents.add();
      ids.push(id);
      const g = hashes.number(wordsOf(hash));
      documents.set(d, SIZE, ascii ? text.length : sizeOf(text));
      documents.set(d, GROUP, g);
      const isNew = g === groups.rows;
      if (isNew) groups.add();
      else if (!leads(d, groups.get(g, LEADER))) return;
      groups.set(g, LEADER, d);
      // ASCII copies differ by case and white space only, which shingles do not see.
      if (sketches && (isNew || !ascii || unlike.has(g))) groups.set(g, SKETCH, sketches.add(ascii ?? text));
      if (ascii) unlike.delete(g);
      else unlike.add(g);
    },
    judge() {
      const leader = (g: number) => groups.get(g, LEADER);
      const size = (g: number) => documents.get(leader(g), SIZE);
      // Best first.
      const order = Uint32Array.from({ length: groups.rows }, (_, g) => g).sort(
        (a, b) => size(b) - size(a) || (hashes.isBefore(a, b) ? -1 : hashes.isBefore(b, a) ? 1 : 0),
      );
      const twins = new Map<number, Twin>();
      /** Of every group of copies the cluster it is in. */
      let clusterOf = (g: number): number => g;
      if (fuzzy && sketches) {
        const sketchOf = (g: number) => groups.get(g, SKETCH);
        const groupOf = new Map(Array.from({ length: groups.rows }, (_, g) => [sketchOf(g), g] as const));
        const { twins: found, linked } = survivors(sketches, order.map(sketchOf), fuzzy);
        for (const [sketch, { survivor, similarity }] of found)
          twins.set(groupOf.get(sketch)!, { survivor: groupOf.get(survivor)!, similarity });
        clusterOf = g => linked.find(sketchOf(g));
      }
      const smallest = new Map<number, string>();
      for (let d = 0; d < ids.length; d++) {
        const c = clusterOf(documents.get(d, GROUP));
        const was = smallest.get(c);
        if (was === undefined || ids[d]! < was) smallest.set(c, ids[d]!);
      }
      for (let d = 0; d < ids.length; d++) clusters.set(ids[d]!, smallest.get(clusterOf(documents.get(d, GROUP)))!);
      const judgements = new Map<string, Judgement>();
      for (let d = 0; d < ids.length; d++) {
        const g = documents.get(d, GROUP);
        const twin = twins.get(g);
        const isCopy = leader(g) !== d;
        if (!isCopy && !twin) continue;
        // A copy's survivor may itself be gone for a near-duplicate: name the one that stays.
        const survivor = ids[leader(twin?.survivor ?? g)]!;
        const [rule, value, threshold] =
          isCopy || !twin ? (["exact", 1, 1] as const) : (["near-duplicate", twin.similarity, fuzzy!.threshold] as const);
        judgements.set(ids[d]!, { verdicts: [{ rule, keep: false, value, threshold, cluster: clusters.get(ids[d]!)!, survivor }] });
      }
      return judgements;
    },
    clusters: () => clusters,
  };
}

export const deduplicate = corpusStep({
  name: "deduplicate",
  version: 2,
  options,
  begin: ({ fuzzy }) => deduplicatePass(fuzzy === true ? nearDuplicateOptions.parse({}) : fuzzy === false ? undefined : fuzzy),
});
