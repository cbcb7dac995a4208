/** Rotary angles as `config.json` describes them (`modeling_rope_utils.py`): for all positions alike, or scaled for longer contexts. */
import { z } from "zod";
import type { DecoderConfig } from "../../decoder-config.ts";
import { linearFactors, llama3Factors, oneFactorOf, yarnFactors, yarnScale } from "../../rotary-scaling.ts";
import { size } from "../key-values.ts";

const positive = z.number().positive();
const base = { rope_theta: positive.optional() };
const kinds = z.discriminatedUnion(
  "rope_type",
  [
    z.strictObject({ ...base, rope_type: z.literal("default") }),
    z.strictObject({ ...base, rope_type: z.literal("linear"), factor: positive }),
    z.strictObject({
      ...base,
      rope_type: z.literal("llama3"),
      factor: positive,
      low_freq_factor: positive,
      high_freq_factor: positive,
      original_max_position_embeddings: size,
    }),
    z.strictObject({
      ...base,
      rope_type: z.literal("yarn"),
      factor: positive,
      original_max_position_embeddings: size.optional(),
      attention_factor: positive.nullish(),
      beta_fast: positive.nullish(),
      beta_slow: positive.nullish(),
      mscale: positive.nullish(),
      mscale_all_dim: positive.nullish(),
      truncate: z.boolean().default(true),
    }),
  ],
  { error: "Invalid input: expected default, linear, llama3 or yarn" },
);
type Scaling = z.output<typeof kinds>;

export const scaling = kinds.nullish();

const isObject = (x: unknown): x is Record<string, unknown> => x !== null && typeof x === "object" && !Array.isArray(x);
/** Older files say `type` for `rope_type`; without either nothing is scaled. Models with two kinds of layers have one entry a kind. */
const typed = (value: unknown): unknown => {
  if (!isObject(value) || "rope_type" in value) return value;
  const kinds = Object.entries(value).filter(([key]) => key.endsWith("_attention"));
  if (kinds.length) return { ...value, ...Object.fromEntries(kinds.map(([key, kind]) => [key, typed(kind)])) };
  const { type, ...rest } = value;
  return { rope_type: type ?? "default", ...rest };
};
/** A configuration whose ways of scaling name their type, as schemas ask; done before, so that messages name what was checked. */
export const withRopeTypes = (config: Record<string, unknown>): Record<string, unknown> => ({
  ...config,
  ...("rope_scaling" in config ? { rope_scaling: typed(config.rope_scaling) } : {}),
  ...("rope_parameters" in config ? { rope_parameters: typed(config.rope_parameters) } : {}),
  ...(isObject(config.text_config) ? { text_config: withRopeTypes(config.text_config) } : {}),
});

/** Rotary settings in the spellings of the library's versions: 4.x has two keys, 5.x one. */
export const rotaryKeys = { rope_theta: positive.optional(), rope_scaling: scaling, rope_parameters: scaling };
interface RotaryKeys {
  readonly rope_theta?: number | undefined;
  readonly rope_scaling?: Scaling | null | undefined;
  readonly rope_parameters?: Scaling | null | undefined;
}

type Angles = Pick<DecoderConfig, "rotaryBase" | "rotaryFactors" | "rotaryScale">;

/** Ours of a way of scaling, for a model that reads `context` tokens. */
export function anglesOfConfig(s: Scaling | null | undefined, rotaryBase: number, headSize: number, context: number): Angles {
  switch (s?.rope_type) {
    case "linear":
      return { rotaryBase, ...(s.factor === 1 ? {} : { rotaryFactors: linearFactors(headSize, s.factor) }) };
    case "llama3":
      return {
        rotaryBase,
        rotaryFactors: llama3Factors(headSize, rotaryBase, {
          factor: s.factor,
          low: s.low_freq_factor,
          high: s.high_freq_factor,
          trained: s.original_max_position_embeddings,
        }),
      };
    case "yarn": {
      const { factor, mscale, mscale_all_dim: allDim } = s;
      const scale = s.attention_factor ?? (mscale && allDim ? yarnScale(factor, mscale) / yarnScale(factor, allDim) : yarnScale(factor));
      const trained = s.original_max_position_embeddings ?? context;
      const rotaryFactors = yarnFactors(headSize, rotaryBase, {
        factor,
        trained,
        fast: s.beta_fast ?? 32,
        slow: s.beta_slow ?? 1,
        truncates: s.truncate,
      });
      return { rotaryBase, rotaryFactors, ...(scale === 1 ? {} : { rotaryScale: scale }) };
    }
    default:
      return { rotaryBase };
  }
}
export const rotaryOf = (c: RotaryKeys, headSize: number, context: number): Angles =>
  anglesOfConfig(c.rope_parameters ?? c.rope_scaling, c.rope_parameters?.rope_theta ?? c.rope_theta ?? 10_000, headSize, context);

/** The one number that all angles are divided by; undefined where they differ: which rule made them cannot be told any more. */
export const linearFactorOf = (c: DecoderConfig): number | undefined =>
  c.rotaryScale === undefined ? oneFactorOf(c.rotaryFactors) : undefined;
