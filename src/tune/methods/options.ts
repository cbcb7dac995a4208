/** How a model is tuned, as a project file says it: `full`, `{ frozen: { layers: 4 } }`, `{ lora: { rank: 16 } }`, `{ dora: {} }`, `qlora`. */
import { z } from "zod";

const lowRank = z.strictObject({
  rank: z.number().int().min(1).max(1024).default(16).describe("Rank of the factors."),
  alpha: z
    .number()
    .positive()
    .max(1e6)
    .optional()
    .describe("Scaling: alpha / rank (`rslora`: alpha / sqrt(rank)). Default: twice the rank."),
  targets: z
    .union([z.literal("all"), z.array(z.string().min(1).max(200)).min(1).max(1000)])
    .default("all")
    .meta({ description: "Linear layers by a part of their path, or `all` of the blocks.", examples: ["all", ["query", "value"]] }),
  dropout: z.number().min(0).max(0.9).optional().describe("Dropout on the input of the adapters. Default: none."),
});
type LowRankOptions = z.output<typeof lowRank>;

const quantised = lowRank.extend({
  double: z.boolean().default(true).describe("Double quantisation of the base weights."),
});

export const frozenOptions = z.strictObject({
  layers: z
    .union([z.number().int().min(0).max(4096), z.literal("all")], { error: "a whole number from 0 to 4,096, or `all`" })
    .default(0)
    .meta({
      description: "Number of frozen blocks, from the first. `all` (models with a head over texts): only the last linear layer is trained.",
      examples: [4, "all"],
    }),
  embeddings: z.boolean().default(true).describe("Also freeze the embeddings."),
});

export const methodOptions = z.union([
  z.literal("full").transform(() => ({ full: {} }) as const),
  z.literal("qlora").transform(() => ({ qlora: quantised.parse({}) })),
  // a computed key has no type of its own
  z.enum(["lora", "rslora", "dora"]).transform(name => ({ [name]: lowRank.parse({}) }) as unknown as LowRankMethod),
  z.strictObject({ full: z.strictObject({}).describe("Tune all parameters.") }),
  z.strictObject({ frozen: frozenOptions.describe("Freeze the first blocks and tune the rest.") }),
  z.strictObject({ lora: lowRank.describe("LoRA: low-rank adapters.") }),
  z.strictObject({ rslora: lowRank.describe("Rank-stabilised LoRA.") }),
  z.strictObject({ dora: lowRank.describe("DoRA: weight-decomposed low-rank adaptation.") }),
  z.strictObject({ qlora: quantised.describe("QLoRA: adapters on a 4-bit quantised base.") }),
]);
type LowRankMethod = { readonly lora: LowRankOptions } | { readonly rslora: LowRankOptions } | { readonly dora: LowRankOptions };
/** A checked method: an object of one key. */
export type Method = z.output<typeof methodOptions>;
export type MethodInput = z.input<typeof methodOptions>;

export const methodNames = ["full", "frozen", "lora", "rslora", "dora", "qlora"] as const;
export type MethodName = (typeof methodNames)[number];
export const nameOfMethod = (method: Method): MethodName => Object.keys(method)[0] as MethodName;

/** The low-rank part of a method and how it scales; undefined for the others. */
export function lowRankOf(
  method: Method,
): { readonly options: LowRankOptions; readonly scale: number; readonly magnitudes: boolean } | undefined {
  const scaled = (options: LowRankOptions, divisor: number) => (options.alpha ?? 2 * options.rank) / divisor;
  if ("lora" in method) return { options: method.lora, scale: scaled(method.lora, method.lora.rank), magnitudes: false };
  if ("qlora" in method) return { options: method.qlora, scale: scaled(method.qlora, method.qlora.rank), magnitudes: false };
  if ("rslora" in method) return { options: method.rslora, scale: scaled(method.rslora, Math.sqrt(method.rslora.rank)), magnitudes: false };
  if ("dora" in method) return { options: method.dora, scale: scaled(method.dora, method.dora.rank), magnitudes: true };
  return undefined;
}
