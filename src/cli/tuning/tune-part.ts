/** A model of `loam.yaml` that is tuned from another: a base, and a recipe that its task checks. A new task is a row here and in `tuned-life.ts`. */
import { z } from "zod";
import { textClassifierNames } from "../../evaluate/index.ts";
import { classifyOptions, distillOptions, embedOptions, instructOptions, preferenceOptions, regressOptions } from "../../tune/index.ts";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, "a short name of letters, digits and -");

const classify = classifyOptions.extend({
  task: z.literal("classify"),
  /** The data set whose documents bear the classes. */
  on: name,
  /** What it is compared with, on the same test part. */
  baselines: z.array(z.enum(textClassifierNames)).default([...textClassifierNames]),
});

const file = z.string().regex(/[./\\]/, "a path to a file of examples, such as data/chats.jsonl");
const instruct = instructOptions.extend({
  task: z.literal("instruct"),
  /** The file of examples, from the project's folder. */
  on: file,
  /** One that selects; a share of the examples when absent. */
  validationFile: file.optional(),
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
});

/** Another model of the file, or a version of the record: `mail-small`, `minilm`, `minilm@2`. */
const modelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[A-Za-z0-9._-]+)?$/, "a model's name, or name@version");

const distill = distillOptions.extend({
  task: z.literal("distill"),
  /** The file of examples, from the project's folder. */
  on: file,
  validationFile: file.optional(),
  /** The model whose distributions are learnt. */
  teacher: modelName,
});

const preference = preferenceOptions.extend({
  task: z.literal("preference"),
  /** The file of pairs, from the project's folder. */
  on: file,
  validationFile: file.optional(),
});

export const tunedModel = z.strictObject({
  base: modelName,
  tune: z.discriminatedUnion("task", [classify, regress, instruct, preference, distill, embed]),
});
export type TunedModel = z.output<typeof tunedModel>;

/** Which tasks learn from a data set of the file; the others name a file of their own. */
export const readsDataSet: { readonly [T in TunedModel["tune"]["task"]]: boolean } = {
  classify: true,
  instruct: false,
  preference: false,
  distill: false,
  embed: false,
  regress: true,
};
/** Models that a tuned one is made of. */
export const madeOf = ({ base, tune }: TunedModel): string[] => ("teacher" in tune ? [base, tune.teacher] : [base]);
/** The data set that a tuning learns from. */
export const dataSetOf = (tune: TunedModel["tune"]): string | undefined => (readsDataSet[tune.task] ? tune.on : undefined);

/** Does an entry of `models:` say that it is tuned? */
export const isTuned = (entry: unknown): boolean => typeof entry === "object" && entry !== null && ("tune" in entry || "base" in entry);
