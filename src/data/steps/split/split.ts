/**
 * The split: whole groups go to one side. Groups are near-duplicates, the values of an attribute, or single documents; which are held out
 * follows from a seeded hash. How it is done is `plan.ts`; here are the options, and the split of documents that are at hand.
 */
import { z } from "zod";
import type { Document } from "../../document.ts";
import { inArray, talk } from "../../plan/in-memory.ts";
import { ownPartOptions, splitByOptions } from "../../split-by/index.ts";
import { largestShare, nearDuplicateOptions } from "../near-duplicates/index.ts";
import { splitPlan } from "./plan.ts";

/** Raise it when the same documents and options would be split otherwise. */
export const splitVersion = 6;

export const splitOptions = z
  .strictObject({
    ...splitByOptions.shape,
    /**
     * Share that is held out, 0 for none; or the documents of your own split: an attribute with the value or values that are held out
     * (`{ split: test }`).
     */
    heldOut: z.union([z.number().min(0).max(0.9), ownPartOptions]).default(0.1),
    /** What stays together on one side. */
    by: z.union([z.enum(["near-duplicate", "document"]), z.strictObject({ attribute: z.string().min(1) })]).default("near-duplicate"),
    /** What the share counts. */
    share: z.enum(["documents", "bytes"]).default("documents"),
    seed: z.union([z.number().int(), z.string()]).default(1),
    /** How alike near-duplicates are. */
    near: nearDuplicateOptions
      .pick({ words: true, threshold: true })
      .extend({
        /** Texts of at most this many words are compared by their single words too; 0: none. */
        shortWords: z.number().int().min(0).max(256).default(60),
        /**
         * Share of the documents beyond which a group that single words chain together (texts of one template) is divided, by likeness that is raised step by
         * step; 1: never. Groups of at most 20 documents stay whole.
         */
        largestGroup: z.number().gt(0).max(1).default(largestShare),
      })
      .prefault({}),
  })
  .refine(o => !(o.time && o.stratify !== undefined), { message: "either time or stratify", path: ["stratify"] })
  .refine(o => typeof o.heldOut === "number" || (!o.time && o.stratify === undefined && o.share === "documents"), {
    message: "your own split by an attribute leaves nothing to time, stratify or share",
    path: ["heldOut"],
  });
export type SplitOptions = z.output<typeof splitOptions>;

export interface Split {
  readonly train: readonly Document[];
  readonly heldOut: readonly Document[];
  /** Document id -> smallest id of its group, for groups of two and more. */
  readonly clusters: ReadonlyMap<string, string>;
  /** Near-duplicates across the sides; none when split by near-duplicate. */
  readonly crossing: number;
  /** Held-out documents of divided groups (`near.largestGroup`) that are like a train document by their words. */
  readonly templated: number;
  /** Values of `together` and `check` that stand on both sides, by attribute. */
  readonly crossingValues: Readonly<Record<string, number>>;
}

/** Splits documents; both sides come sorted by id. Errors: `data/splitImpossible` where fewer than two groups exist, `data/leakage`. */
export async function splitDocuments(unsorted: readonly Document[], o: SplitOptions): Promise<Split> {
  const documents = [...unsorted].sort((a, b) => (a.id < b.id ? -1 : 1));
  const plan = splitPlan(o);
  const told = await talk(plan, inArray(documents));
  const clusters = new Map<string, string>();
  const sides: Record<"train" | "held-out", Document[]> = { train: [], "held-out": [] };
  let [crossing, templated] = [0, 0];
  const crossingValues: Record<string, number> = {};
  for (const [i, d] of documents.entries()) {
    const place = plan.place(d.id, told[i] ?? []);
    crossing += place.crossing;
    templated += place.isTemplated ? 1 : 0;
    for (const a of place.crossingValues) crossingValues[a] = (crossingValues[a] ?? 0) + 1;
    if (place.cluster !== undefined) clusters.set(d.id, place.cluster);
    sides[place.side].push(place.cluster === undefined ? d : { ...d, attributes: { ...d.attributes, cluster: place.cluster } });
  }
  return { train: sides.train, heldOut: sides["held-out"], clusters, crossing, templated, crossingValues };
}
