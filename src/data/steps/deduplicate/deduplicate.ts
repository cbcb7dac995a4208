/**
 * The deduplication step. Exact: texts equal but for case, white space and form of characters. Fuzzy: also texts alike by verified Jaccard
 * similarity. Who stays never depends on the order of reading: the longest text, then the smallest hash, then the smallest id.
 */
import { z } from "zod";
import { sha256 } from "../../../base/index.ts";
import { type Document, sizeOf } from "../../document.ts";
import { type NearDuplicateOptions, nearDuplicateOptions, type Sketch, sketcher, survivors, type Twin } from "../near-duplicates/index.ts";
import { type CorpusPass, corpusStep, type Judgement } from "../step.ts";

const options = z.strictObject({
  /** Also near-duplicates; `true` takes the defaults. */
  fuzzy: z.union([z.boolean(), nearDuplicateOptions]).default(false),
});

/** What exact comparison looks at. */
export const normalise = (text: string): string => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

interface Seen {
  readonly id: string;
  readonly hash: string;
  readonly sizeBytes: number;
  readonly sketch: Sketch | undefined;
}

/** Best first. */
const byWorth = (a: Seen, b: Seen) =>
  b.sizeBytes - a.sizeBytes || (a.hash === b.hash ? 0 : a.hash < b.hash ? -1 : 1) || (a.id < b.id ? -1 : 1);

function pass(fuzzy: NearDuplicateOptions | undefined): CorpusPass {
  const seen: Seen[] = [];
  const sketch = fuzzy && sketcher(fuzzy);
  return {
    see({ id, text }: Document) {
      seen.push({ id, hash: sha256(normalise(text)), sizeBytes: sizeOf(text), sketch: sketch?.(text) });
    },
    judge() {
      seen.sort(byWorth);
      const first = new Map<string, number>();
      const left: Seen[] = [];
      const copies: { readonly of: number; readonly copy: Seen }[] = [];
      for (const s of seen) {
        const of = first.get(s.hash);
        if (of !== undefined) copies.push({ of, copy: s });
        else first.set(s.hash, left.push(s) - 1);
      }
      const sketches = left.map(s => s.sketch!);
      const twins = fuzzy ? survivors(sketches, [...left.keys()], fuzzy) : new Map<number, Twin>();
      const judgements = new Map<string, Judgement>();
      const drop = (s: Seen, survivor: number, rule: string, value: number, threshold: number) => {
        const { id } = left[survivor]!;
        judgements.set(s.id, { verdicts: [{ rule, keep: false, value, threshold, cluster: id, survivor: id }] });
      };
      for (const [i, { survivor, similarity }] of twins) drop(left[i]!, survivor, "near-duplicate", similarity, fuzzy!.threshold);
      // A copy's survivor may itself be gone for a near-duplicate: name the one that stays.
      for (const { of, copy } of copies) drop(copy, twins.get(of)?.survivor ?? of, "exact", 1, 1);
      return judgements;
    },
  };
}

export const deduplicate = corpusStep({
  name: "deduplicate",
  version: 1,
  options,
  begin: ({ fuzzy }) => pass(fuzzy === true ? nearDuplicateOptions.parse({}) : fuzzy === false ? undefined : fuzzy),
});
