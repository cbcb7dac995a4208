/** How a model is tuned, as a project file says it: `full`, `{ frozen: { layers: 4 } }`, `{ lora: { rank: 16 } }`, `{ dora: {} }`, `qlora`. */
import { z } from "zod";

const lowRank = z.strictObject({
  /** Rows of each factor. */
  rank: z.number().int().min(1).max(1024).default(16),
  /** What is added is scaled by alpha / rank (`rslora`: alpha / sqrt(rank)); twice the rank when absent. */
  alpha: z.number().positive().max(1e6).optional(),
  /**
   * Linear maps by name: any that stands in a path (`attention`, `query`, `feedForward.up`, `blocks.3`); `all` for every one of the blocks, which is
   * what keeps up with full tuning (Dettmers et al. 2023). `token` is the embedding.
   */
  targets: z.union([z.literal("all"), z.array(z.string().min(1).max(200)).min(1).max(1000)]).default("all"),
  /** Share of what the factors of linear maps read that is left out of a step; none when absent. */
  dropout: z.number().min(0).max(0.9).optional(),
});
export type LowRankOptions = z.output<typeof lowRank>;

const quantised = lowRank.extend({
  /** The magnitudes of the base's blocks are in 8 bits too: 4.13 bits a weight instead of 4.5. */
  double: z.boolean().default(true),
});

export const frozenOptions = z.strictObject({
  /** The first so many blocks stay as they are. */
  layers: z.number().int().min(0).max(4096).default(0),
  /** The tables of tokens, positions and types stay too. */
  embeddings: z.boolean().default(true),
});

export const methodOptions = z.union([
  z.literal("full").transform(() => ({ full: {} }) as const),
  z.literal("qlora").transform(() => ({ qlora: quantised.parse({}) })),
  // a computed key has no type of its own
  z.enum(["lora", "rslora", "dora"]).transform(name => ({ [name]: lowRank.parse({}) }) as unknown as LowRankMethod),
  z.strictObject({ full: z.strictObject({}) }),
  z.strictObject({ frozen: frozenOptions }),
  z.strictObject({ lora: lowRank }),
  z.strictObject({ rslora: lowRank }),
  z.strictObject({ dora: lowRank }),
  z.strictObject({ qlora: quantised }),
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
