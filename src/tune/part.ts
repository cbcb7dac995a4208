/** A model of `loam.yaml` that is tuned from another: a base, and a recipe that its task checks. A new task is a part file of its folder and a row here. */
import { z } from "zod";
import { classifyPart } from "./classify/part.ts";
import { embedPart } from "./contrast/part.ts";
import { distillPart } from "./distill/part.ts";
import { instructPart } from "./instruct/part.ts";
import { isPath, modelName } from "./names.ts";
import { preferencePart } from "./preference/part.ts";
import { regressPart } from "./regress/part.ts";

export { type SearchPart, searchPart } from "./study/part.ts";

export const tunedModel = z.strictObject({
  base: modelName.meta({ description: "Base model: a model of this file, or a version.", examples: ["mail-small", "minilm@2"] }),
  tune: z
    .discriminatedUnion("task", [classifyPart, regressPart, instructPart, preferencePart, distillPart, embedPart])
    .superRefine((tune, context) => {
      if (tune.task === "classify" && tune.costs && tune.classes && !Object.hasOwn(tune.classes, tune.costs.positive)) {
        const message = `one of the classes ${Object.keys(tune.classes).join(", ")}`;
        context.addIssue({ code: "custom", path: ["costs", "positive"], message, input: tune.costs.positive });
      }
      if (tune.task === "distill" && typeof tune.teacher === "object" && tune.temperature !== 1) {
        const message = "1 for a teacher behind an endpoint: how what it does not tell divides among tokens is not known";
        context.addIssue({ code: "custom", path: ["temperature"], message, input: tune.temperature });
      }
      if (tune.task !== "instruct" && tune.task !== "preference" && tune.task !== "distill") return;
      const { validationFile, heldOut, validation } = tune;
      const refuse = (key: "validationFile" | "heldOut", message: string) =>
        context.addIssue({ code: "custom", path: [key], message, input: tune[key] });
      if (validationFile !== undefined && !isPath(tune.on))
        refuse("validationFile", "none beside a data set, whose own groups select (validation:)");
      else if (validationFile !== undefined && typeof validation !== "number")
        refuse("validationFile", "none beside a validation part of your own (validation:)");
      if (heldOut !== undefined && !isPath(tune.on))
        refuse("heldOut", `none beside a data set, whose split says what is held out (data.${tune.on}.split.heldOut)`);
    })
    .describe("Tuning recipe."),
});
export type TunedModel = z.output<typeof tunedModel>;

/** Which tasks learn from a data set of the file, which from a file of their own. */
const reads: { readonly [T in TunedModel["tune"]["task"]]: "data set" | "file" | "either" } = {
  classify: "data set",
  instruct: "either",
  preference: "either",
  distill: "either",
  embed: "file",
  regress: "data set",
};
/** Models that a tuned one is made of. */
export const madeOf = ({ base, tune }: TunedModel): string[] =>
  "teacher" in tune && typeof tune.teacher === "string" ? [base, tune.teacher] : [base];
/** The data set that a tuning learns from. */
export const dataSetOf = (tune: TunedModel["tune"]): string | undefined =>
  reads[tune.task] === "data set" || (reads[tune.task] === "either" && !isPath(tune.on)) ? tune.on : undefined;

/** Tasks whose recipes are scored by cross-validation: those whose documents bear what is right. */
export const canBeCrossValidated = (tune: TunedModel["tune"]): tune is Extract<TunedModel["tune"], { task: "classify" | "regress" }> =>
  tune.task === "classify" || tune.task === "regress";

/** The same tuning as trials are: judged by probabilities alone, where no costs choose a threshold, and not cross-validated by itself. */
export const withoutReports = ({ tune, ...model }: TunedModel): TunedModel => {
  if (!canBeCrossValidated(tune)) return { ...model, tune };
  const { crossValidation: _, ...rest } = tune;
  if (rest.task !== "classify") return { ...model, tune: rest };
  const { costs: __, ...plain } = rest;
  return { ...model, tune: plain };
};

/** Does an entry of `models:` say that it is tuned? */
export const isTuned = (entry: unknown): boolean => typeof entry === "object" && entry !== null && ("tune" in entry || "base" in entry);
