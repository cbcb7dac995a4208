/** The body that creates a fine-tuning job. */
import { z } from "zod";
import { serveErrors } from "../../errors.ts";
import { parseBody } from "../parse.ts";
import type { FineTuningMethod } from "./port.ts";

/** A number in bounds, or `auto`, which is also what absence and null mean. */
const orAuto = (number: z.ZodNumber | z.ZodInt, words: string) =>
  z
    .union([z.literal("auto"), number], { error: `"auto", or ${words}` })
    .nullish()
    .transform(v => v ?? ("auto" as const));

/** Loam's rates are at most 1: a multiplier beyond it makes no rate. */
const mostMultiplier = 5000;
const shared = {
  n_epochs: orAuto(z.int().min(1).max(50), "a whole number from 1 to 50"),
  batch_size: orAuto(z.int().min(1).max(256), "a whole number from 1 to 256"),
  learning_rate_multiplier: orAuto(z.number().positive().max(mostMultiplier), `a number above 0, at most ${mostMultiplier}`),
};
const supervised = z.object(shared);
const dpo = z.object({ ...shared, beta: orAuto(z.number().positive().max(2), "a number above 0, at most 2") });

const schema = z.object({
  model: z.string().min(1).max(256),
  training_file: z.string(),
  validation_file: z.string().nullish(),
  suffix: z.string().min(1).max(64).nullish(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .nullish(),
  hyperparameters: supervised.nullish(),
  method: z
    .object({
      type: z.enum(["supervised", "dpo"]),
      supervised: z.object({ hyperparameters: supervised.nullish() }).nullish(),
      dpo: z.object({ hyperparameters: dpo.nullish() }).nullish(),
    })
    .nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});

/** OpenAI: keys of metadata. */
const mostMetadata = 16;

type JobBody = Omit<z.output<typeof schema>, "method" | "hyperparameters"> & { readonly method: FineTuningMethod };

/** Errors: serve/missing, serve/type, serve/parameter; the place is the parameter. */
export function jobBody(body: Readonly<Record<string, unknown>>): JobBody {
  const { method, hyperparameters, ...rest } = parseBody(schema, body);
  const count = Object.keys(rest.metadata ?? {}).length;
  if (count > mostMetadata)
    throw serveErrors.fail("parameter", { place: "metadata", expected: `at most ${mostMetadata} keys`, received: String(count) });
  const type = method?.type ?? "supervised";
  const other = type === "dpo" ? "supervised" : "dpo";
  if (method?.[other])
    throw serveErrors.fail("parameter", { place: `method.${other}`, expected: `nothing beside the type ${type}`, received: "an object" });
  // the older place of the hyperparameters; the method's own come first
  if (type === "dpo")
    return { ...rest, method: { type, dpo: { hyperparameters: dpo.parse(method?.dpo?.hyperparameters ?? hyperparameters ?? {}) } } };
  const given = method?.supervised?.hyperparameters ?? hyperparameters ?? {};
  return { ...rest, method: { type: "supervised", supervised: { hyperparameters: supervised.parse(given) } } };
}
