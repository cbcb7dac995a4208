/**
 * The split: whole groups go to one side. Groups are near-duplicates, the values of an attribute, or single documents; which are held out
 * follows from a seeded hash. How it is done is `plan.ts`; here are the options, and the split of documents that are at hand.
 */
import type { Document } from "../../document.ts";
import { inArray, talk } from "../../plan/in-memory.ts";
import type { SplitOptions } from "./options.ts";
import { splitPlan } from "./plan.ts";

/** Raise it when the same documents and options would be split otherwise. */
export const splitVersion = 6;

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
