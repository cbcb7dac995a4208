/** A model of `loam.yaml` that is tuned from another: a base, and a recipe that the row of its task checks (`src/tune/kind`). */
import { z } from "zod";
import { allKinds, modelName, type TuneOptions, tuningKindOf } from "../../tune/index.ts";

// one part for each row; their number is not known to the type of a discriminated union
const parts = allKinds().map(kind => kind.part) as unknown as readonly [z.ZodObject & z.ZodType<TuneOptions>];

export const tunedModel = z.strictObject({
  base: modelName,
  tune: z
    .discriminatedUnion("task", parts)
    .superRefine((tune, context) =>
      tuningKindOf(tune).check?.(tune, (path, message, input) => context.addIssue({ code: "custom", path: [...path], message, input })),
    ),
});
export type TunedModel = z.output<typeof tunedModel>;

/** Models that a tuned one is made of. */
export const madeOf = ({ base, tune }: TunedModel): string[] => [base, ...(tuningKindOf(tune).modelsOf?.(tune) ?? [])];

/** Is its recipe one that cross-validation scores: of documents that bear what is right? */
export const canBeCrossValidated = (tune: TunedModel["tune"]): boolean => tuningKindOf(tune).folds !== undefined;

/** The same tuning as trials are: without what their judgement does not need. */
export const withoutReports = ({ tune, ...model }: TunedModel): TunedModel => {
  // a row gives the part that it takes
  const part = tuningKindOf(tune).trialPart?.(tune) as TuneOptions | undefined;
  return { ...model, tune: part ?? tune };
};

/** Does an entry of `models:` say that it is tuned? */
export const isTuned = (entry: unknown): boolean => typeof entry === "object" && entry !== null && ("tune" in entry || "base" in entry);
