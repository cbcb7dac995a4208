/**
 * A user's own validation part: documents of the train side whose attribute has a value select, the rest trains (`validation: { split: dev }`).
 * What was made of one of them bears its value and trains nothing either.
 */
import { z } from "zod";
import { formatCount } from "../base/index.ts";
import { type Attributes, type OwnPartOptions, ownPart, ownPartCounter, ownPartOptions, ownPartProblem } from "../data/index.ts";
import { tuneErrors } from "./errors.ts";

/** A share that is drawn, or the documents of the user's own part. */
export const validationOptions = z.union([z.number().positive().max(0.5), ownPartOptions]);

interface Placed {
  readonly group: string;
  readonly isMade: boolean;
  readonly attributes: Attributes;
}

/** The train side divided by what its documents say. Errors: tune/labels for an attribute or value that none has; near-duplicates across the parts. */
export function dividedByOwn<T extends Placed>(
  all: readonly T[],
  options: OwnPartOptions,
  { allowCrossing }: { readonly allowCrossing: boolean },
  place: string,
): { readonly train: readonly T[]; readonly validation: readonly T[] } {
  const own = ownPart(options);
  const { add, counts } = ownPartCounter(own);
  for (const { attributes } of all) add(attributes);
  const problem = ownPartProblem(own, counts);
  if (problem) throw tuneErrors.fail("labels", { place: `${place}: validation`, ...problem });
  const train = all.filter(d => !own.has(d.attributes));
  const validation = all.filter(d => !d.isMade && own.has(d.attributes));
  const trained = new Set(train.map(d => d.group));
  const crossing = validation.filter(d => trained.has(d.group)).length;
  if (crossing > 0 && !allowCrossing)
    throw tuneErrors.fail("labels", {
      place: `${place}: validation`,
      expected: "near-duplicates in one part of the train side",
      received: `${formatCount(crossing)} validation documents with one that trains`,
      hint: "Draw the validation part by a share (validation: 0.1), or say allowCrossing: true.",
    });
  return { train, validation };
}
