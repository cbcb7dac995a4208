/** A model of `loam.yaml` that is tuned from another: a base, and a recipe that its task checks. A new task is a row here and in `tuned-life.ts`. */
import { z } from "zod";
import { textClassifierNames } from "../../evaluate/index.ts";
import { classifyOptions } from "../../tune/index.ts";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, "a short name of letters, digits and -");

const classify = classifyOptions.extend({
  task: z.literal("classify"),
  /** The data set whose documents bear the classes. */
  on: name,
  /** What it is compared with, on the same test part. */
  baselines: z.array(z.enum(textClassifierNames)).default([...textClassifierNames]),
});

export const tunedModel = z.strictObject({
  /** Another model of the file, or a version of the record: `mail-small`, `minilm`, `minilm@2`. */
  base: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[A-Za-z0-9._-]+)?$/, "a model's name, or name@version"),
  tune: z.discriminatedUnion("task", [classify]),
});
export type TunedModel = z.output<typeof tunedModel>;

/** Does an entry of `models:` say that it is tuned? */
export const isTuned = (entry: unknown): boolean => typeof entry === "object" && entry !== null && ("tune" in entry || "base" in entry);
