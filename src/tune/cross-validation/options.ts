/** `crossValidation:` of a tuned model: how many folds, repeats of them, and seeds of training its recipe is scored by. */
import { z } from "zod";

export const crossValidationOptions = z
  .strictObject({
    folds: z.number().int().min(2).max(100).optional().describe("Folds of the train side, validation set included."),
    repeats: z.number().int().min(1).max(100).default(1).describe("Repeats with new folds."),
    seeds: z.number().int().min(1).max(100).default(1).describe("Training runs per fold, with consecutive seeds."),
  })
  .refine(o => o.folds !== undefined || o.repeats === 1, "folds with repeats, which draw the folds again")
  .refine(o => o.folds !== undefined || o.repeats > 1 || o.seeds > 1, "folds, or 2 seeds or more");
export type CrossValidationOptions = z.output<typeof crossValidationOptions>;

/** Where one training of a cross-validation stands, each counted from 1. */
export interface FoldPlace {
  readonly repeat: number;
  readonly fold: number;
}

/** The places of all splits, repeat by repeat. */
export const foldPlaces = ({ folds = 1, repeats }: { readonly folds?: number | undefined; readonly repeats: number }): FoldPlace[] =>
  Array.from({ length: repeats * folds }, (_, i) => ({ repeat: Math.floor(i / folds) + 1, fold: (i % folds) + 1 }));

/** Seeds of training: the recipe's own and those that follow it. */
export const seedsOf = (first: number | string, seeds: number): (number | string)[] =>
  Array.from({ length: seeds }, (_, i) => (typeof first === "number" ? first + i : i === 0 ? first : `${first}/${i + 1}`));
