/** A model of `loam.yaml` that is tuned from another: a base, and a recipe that its task checks. A new task is a row here and in `tuned-life.ts`. */
import { z } from "zod";
import { textClassifierNames } from "../../evaluate/index.ts";
import {
  classifyOptions,
  costOptions,
  crossValidationOptions,
  distillOptions,
  embedOptions,
  endpointTeacherOptions,
  frozenBaseline,
  frozenRegression,
  heldOutOptions,
  instructOptions,
  preferenceOptions,
  regressOptions,
} from "../../tune/index.ts";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, "a short name of letters, digits and -");

const classify = classifyOptions.extend({
  task: z.literal("classify"),
  /** The data set whose documents bear the classes. */
  on: name,
  /** What it is compared with, on the same test part. */
  baselines: z.array(z.enum([...textClassifierNames, frozenBaseline])).default([...textClassifierNames, frozenBaseline]),
  /** What its mistakes cost: the report tells the cheapest threshold. */
  costs: costOptions.optional(),
  crossValidation: crossValidationOptions.optional(),
});

const isPath = (on: string): boolean => /[./\\]/.test(on);
const file = z.string().refine(isPath, "a path to a file of examples, such as data/chats.jsonl");
/** A file of examples, from the project's folder; or a data set, whose train side is read and whose `columns` say what is asked and answered. */
const examples = z.string().refine(on => isPath(on) || name.safeParse(on).success, {
  error: "a path to a file of examples, such as data/chats.jsonl, or the name of a data set",
});
/** What a file of examples may have beside it, or say. */
const ofFiles = {
  /** One that selects; a share of the examples when absent. */
  validationFile: file.optional(),
  /** Records that neither train nor select (`{ split: test }`): they judge the winner of a search. */
  heldOut: heldOutOptions.optional(),
};
const instruct = instructOptions.extend({
  task: z.literal("instruct"),
  on: examples,
  ...ofFiles,
});

const embed = embedOptions.extend({
  task: z.literal("embed"),
  /** The file of pairs or triplets, from the project's folder. */
  on: file,
  /** Pairs with scores, which only measure. */
  scored: file.optional(),
});

const regress = regressOptions.extend({
  task: z.literal("regress"),
  /** The data set whose documents bear the numbers. */
  on: name,
  crossValidation: crossValidationOptions.optional(),
  /** What it is compared with beside the mean, on the same test part. */
  baselines: z.array(z.enum([frozenRegression])).default([frozenRegression]),
});

/** Another model of the file, or a version of the record: `mail-small`, `minilm`, `minilm@2`. */
const modelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[A-Za-z0-9._-]+)?$/, "a model's name, or name@version");

const distill = distillOptions.extend({
  task: z.literal("distill"),
  on: examples,
  ...ofFiles,
  /** The model whose distributions are learnt: one here, or behind an endpoint. */
  teacher: z.union([modelName, endpointTeacherOptions]),
});

const preference = preferenceOptions.extend({
  task: z.literal("preference"),
  on: examples,
  ...ofFiles,
});

export const tunedModel = z.strictObject({
  base: modelName,
  tune: z.discriminatedUnion("task", [classify, regress, instruct, preference, distill, embed]).superRefine((tune, context) => {
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
  }),
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
