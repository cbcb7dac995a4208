/** The model families as a table: what a stored configuration may say, and which parameters it means. A new family is a row. */
import { z } from "zod";
import { check } from "../base/index.ts";
import { type ClassifierConfig, classifierKinds, classifierPoolings } from "./classifier-config.ts";
import { checkDecoder, type DecoderConfig, type DecoderSpec, decoderSpec } from "./decoder.ts";
import { type EncoderConfig, type EncoderSpec, encoderSpec } from "./encoder.ts";
import { type EncoderDecoderConfig, type EncoderDecoderSpec, encoderDecoderSpec } from "./encoder-decoder.ts";
import { nnErrors } from "./errors.ts";
import { activations, normKinds } from "./layers.ts";
import type { ArraysOf } from "./parameters.ts";

export interface Families {
  readonly decoder: { readonly config: DecoderConfig; readonly spec: DecoderSpec };
  readonly encoder: { readonly config: EncoderConfig; readonly spec: EncoderSpec };
  readonly "encoder-decoder": { readonly config: EncoderDecoderConfig; readonly spec: EncoderDecoderSpec };
}
export type FamilyName = keyof Families;

/** A family with its configuration. */
export type ModelConfig = { [F in FamilyName]: { readonly family: F; readonly config: Families[F]["config"] } }[FamilyName];
/** A model in memory: family, configuration and parameters on a device. */
export type Model = {
  [F in FamilyName]: { readonly family: F; readonly config: Families[F]["config"]; readonly parameters: ArraysOf<Families[F]["spec"]> };
}[FamilyName];

// Limits of stored sizes, so that a hostile configuration cannot ask for more names than memory holds; each is far above any published model.
const count = (most: number) => z.number().int().min(1).max(most);
const layers = count(4096);
const heads = count(4096);
const width = count(2 ** 20);
const vocab = count(2 ** 24);
const context = count(2 ** 24);
const epsilon = z.number().min(0).max(1);
const deviation = z.number().min(0).max(10);
const sizes = {
  vocab,
  width,
  heads,
  kvHeads: heads,
  headSize: width,
  hidden: count(2 ** 22),
  context,
  epsilon,
  deviation,
  bias: z.boolean(),
};

const threshold = z.strictObject({ label: z.string().max(1000), at: z.number().min(0).max(1).nullable() });
const groupThresholds = z.strictObject({
  attribute: z.string().min(1).max(1000),
  label: z.string().max(1000),
  goal: z.string().max(100),
  bound: z.number().min(0).max(1),
  groups: z
    .array(z.strictObject({ group: z.string().max(1000), at: z.number().min(0).max(1).nullable() }))
    .min(2)
    .max(1000),
});
const classifierSchema = z.strictObject({
  labels: z
    .array(z.string().max(1000))
    .min(1)
    .max(2 ** 16),
  kind: z.enum(classifierKinds),
  pooling: z.enum(classifierPoolings).exactOptional(),
  longest: count(2 ** 24).exactOptional(),
  threshold: threshold.exactOptional(),
  groupThresholds: groupThresholds.exactOptional(),
  temperature: z.number().positive().exactOptional(),
  scales: z.array(z.strictObject({ slope: z.number().positive(), offset: z.number() })).exactOptional(),
  thresholds: z.array(z.number().min(0).max(1).nullable()).exactOptional(),
});
const classifier: z.ZodType<ClassifierConfig> = classifierSchema.superRefine((given, context) => {
  const { kind, labels, temperature } = given;
  for (const key of ["scales", "thresholds"] as const)
    if (given[key] && (kind !== "several" || given[key].length !== labels.length))
      context.addIssue({
        code: "custom",
        path: [key],
        message: "one for each label of kind several, and of no other kind",
        input: given[key].length,
      });
  if (temperature !== undefined && kind !== "one")
    context.addIssue({ code: "custom", path: ["temperature"], message: "none but of classes that exclude each other", input: temperature });
  const isOfClasses = kind === "one" && labels.length > 1;
  for (const key of ["threshold", "groupThresholds"] as const) {
    const label = given[key]?.label;
    if (label === undefined || (isOfClasses && labels.includes(label))) continue;
    const message = isOfClasses ? `one of the labels ${labels.slice(0, 20).join(", ")}` : "no threshold but of one of several classes";
    context.addIssue({ code: "custom", path: [key, "label"], message, input: label });
  }
  const groups = given.groupThresholds?.groups.map(g => g.group) ?? [];
  if (new Set(groups).size < groups.length)
    context.addIssue({ code: "custom", path: ["groupThresholds", "groups"], message: "one threshold for each group", input: groups });
});

const decoderSchema: z.ZodType<DecoderConfig> = z.strictObject({
  ...sizes,
  layers,
  norm: z.enum(normKinds),
  positions: z.enum(["learned", "rotary"]),
  rotaryBase: z.number().positive(),
  rotaryFactors: z
    .array(z.number().positive())
    .max(2 ** 16)
    .exactOptional(),
  rotaryScale: z.number().positive().exactOptional(),
  activation: z.enum(activations),
  tied: z.boolean(),
  qkNorm: z.boolean(),
  qkvBias: z.boolean().exactOptional(),
  window: count(2 ** 24).exactOptional(),
  windowLayers: z.array(z.number().int().min(0)).max(4096).exactOptional(),
  windowRotaryBase: z.number().positive().exactOptional(),
  scoreScale: z.number().positive().exactOptional(),
  scoreCap: z.number().positive().exactOptional(),
  embeddingScale: z.number().positive().exactOptional(),
  postNorm: z.boolean().exactOptional(),
  logitCap: z.number().positive().exactOptional(),
  classifier: classifier.exactOptional(),
});
const encoderSchema: z.ZodType<EncoderConfig> = z.strictObject({
  ...sizes,
  layers,
  types: count(2 ** 16),
  firstPosition: count(2 ** 16).exactOptional(),
  headless: z.boolean().exactOptional(),
  classifier: classifier.exactOptional(),
});
const encoderDecoderSchema: z.ZodType<EncoderDecoderConfig> = z.strictObject({
  ...sizes,
  encoderLayers: layers,
  decoderLayers: layers,
  norm: z.enum(normKinds),
  activation: z.enum(activations),
  relative: z.strictObject({ buckets: count(2 ** 16), farthest: count(2 ** 24) }).exactOptional(),
  scoreScale: z.number().positive().exactOptional(),
  outputScale: z.number().positive().exactOptional(),
  untied: z.boolean().exactOptional(),
});

/** What every family must obey: queries share keys evenly. */
const checkHeads = (c: { readonly heads: number; readonly kvHeads: number }, place: string): void => {
  if (c.heads % c.kvHeads)
    throw nnErrors.fail("config", { place: `${place}.kvHeads`, expected: `a divisor of heads ${c.heads}`, received: `${c.kvHeads}` });
};

const checkEncoder = (c: EncoderConfig, place: string): void => {
  checkHeads(c, place);
  if (c.classifier?.pooling === "last")
    throw nnErrors.fail("config", { place: `${place}.classifier.pooling`, expected: "first or mean", received: "last" });
};

interface FamilyRow<F extends FamilyName> {
  /** Strict: unknown keys are errors. */
  readonly schema: z.ZodType<Families[F]["config"]>;
  /** Do the numbers hold together? Errors name the key. */
  check(config: Families[F]["config"], place: string): void;
  spec(config: Families[F]["config"]): Families[F]["spec"];
}
export const families: { readonly [F in FamilyName]: FamilyRow<F> } = {
  decoder: { schema: decoderSchema, check: checkDecoder, spec: decoderSpec },
  encoder: { schema: encoderSchema, check: checkEncoder, spec: encoderSpec },
  "encoder-decoder": { schema: encoderDecoderSchema, check: checkHeads, spec: encoderDecoderSpec },
};
export const familyNames = Object.keys(families) as readonly FamilyName[];

/** Plain data as a family's configuration; errors name the key at `place`. */
export function checkedConfig<F extends FamilyName>(family: F, value: unknown, place: string): ModelConfig {
  const row: FamilyRow<FamilyName> = families[family];
  const config = check(row.schema, value, place);
  row.check(config, place);
  return { family, config } as ModelConfig;
}

/** The parameters' specifications of a configured family. */
export const specOfModel = <F extends FamilyName>(model: {
  readonly family: F;
  readonly config: Families[F]["config"];
}): Families[F]["spec"] => families[model.family].spec(model.config);

/** Joins what belongs together; the types of family, configuration and parameters are the caller's to match. */
export const modelOf = (model: ModelConfig, parameters: unknown): Model => ({ ...model, parameters }) as Model;
