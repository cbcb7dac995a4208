/**
 * PEFT's `adapter_config.json` (0.21): which modules it adapts, with which rank and scale. A setting that would change what is computed and
 * is not done here is refused by its name, and so is a key that nobody knows; one that is null says nothing.
 */
import { RE2JS } from "re2js";
import { z } from "zod";
import { check } from "../../base/index.ts";
import { nnErrors } from "../errors.ts";

/** Settings with another meaning than low-rank sums: each must be off (null, false, empty). */
const refused: Readonly<Record<string, string>> = {
  modules_to_save: "whole modules beside the adapter are not swapped; merge them into the model",
  use_dora: "DoRA scales the weight's columns too",
  use_qalora: "QA-LoRA pools the inputs",
  use_bdlora: "block-diagonal factors are not read",
  lora_bias: "biases of the adapter are not added",
  alora_invocation_tokens: "an activated adapter begins in the middle of a text",
  layer_replication: "layers are not repeated",
  target_parameters: "parameters that are no linear module are not adapted",
  trainable_token_indices: "the token table is not adapted",
  arrow_config: "several adapters are not mixed",
  megatron_config: "Megatron's parallel layers are not known",
  velora_config: "VeLoRA is not known",
  monteclora_config: "MonteCLoRA is not known",
  kasa_config: "KaSA is not known",
};
/** Ways to begin a training that leave the base weights as they are; the others (PiSSA, OLoRA, LoftQ, CorDA, LoRA-GA) change them. */
const harmlessStarts: readonly unknown[] = [undefined, null, true, false, "gaussian", "eva", "orthogonal"];

/** Keys that say nothing about the sums: bookkeeping, and what only training reads. */
const silent = Object.fromEntries(
  `task_type auto_mapping peft_version revision inference_mode lora_dropout init_lora_weights eva_config
   loftq_config corda_config lora_ga_config megatron_core qalora_group_size ensure_weight_tying`
    .split(/\s+/)
    .map(key => [key, z.unknown().optional()]),
);
const positive = z.number().positive().max(1e6);
const rankSchema = z.int().min(1).max(65_536);
const texts = z.array(z.string().max(1000)).max(100_000);
const schema = z.strictObject({
  ...silent,
  base_model_name_or_path: z.string().max(4096).optional().catch(undefined),
  peft_type: z.literal("LORA"),
  r: rankSchema.default(8),
  lora_alpha: positive.default(8),
  use_rslora: z.boolean().default(false),
  // whether the base weight lies [in, out]; the adapter's own do not depend on it
  fan_in_fan_out: z.boolean().default(false),
  bias: z.literal("none").default("none"),
  target_modules: z.union([z.string().min(1).max(10_000), texts.min(1)]),
  exclude_modules: z.union([z.string().min(1).max(10_000), texts]).optional(),
  rank_pattern: z.record(z.string().max(1000), rankSchema).default({}),
  alpha_pattern: z.record(z.string().max(1000), positive).default({}),
  layers_to_transform: z.union([z.int().min(0), z.array(z.int().min(0)).max(10_000)]).optional(),
  layers_pattern: z.union([z.string().max(1000), texts]).optional(),
});

export interface PeftConfig {
  /** The model that it was made for, where it is said. */
  readonly baseName: string | undefined;
  /** The greatest rank that it names. */
  readonly mostRank: number;
  /** Whether a linear module of the blocks is adapted. */
  isTarget(name: string, layer: number): boolean;
  rankOf(name: string): number;
  /** alpha / rank, or alpha / sqrt(rank) with rank-stabilised scales (Kalajdzievski 2023). */
  scaleOf(name: string): number;
}

const isOff = (value: unknown): boolean =>
  value === undefined || value === null || value === false || (typeof value === "object" && Object.keys(value).length === 0);

/** Whether names match a pattern of Python's; whole names. Time is linear in pattern and name. Errors: nn/adapter. */
function whole(pattern: string, place: string): (name: string) => boolean {
  try {
    const re = RE2JS.compile(pattern);
    return name => re.matches(name);
  } catch (error) {
    const received = `${JSON.stringify(pattern.slice(0, 100))} (${(error as Error).message.slice(0, 100)})`;
    throw nnErrors.fail("adapter", { place, expected: "a pattern without looking around and back-references", received });
  }
}
/** A list's entry means a module of that name or one that ends with it; a text is a pattern for whole names. */
function named(list: string | readonly string[], place: string): (name: string) => boolean {
  if (typeof list === "string") return list === "all-linear" ? () => true : whole(list, place);
  return name => list.some(t => name === t || name.endsWith(`.${t}`));
}
/** The value of the first key that matches a module's end. */
function patterned(values: Readonly<Record<string, number>>, otherwise: number, place: string): (name: string) => number {
  const rows = Object.entries(values).map(([key, value]) => ({ value, fits: whole(`(.*\\.)?(${key})`, `${place}: ${key.slice(0, 100)}`) }));
  return name => rows.find(row => row.fits(name))?.value ?? otherwise;
}

/** Reads it. Errors: nn/adapter, base/config and base/unknownKey, by name. */
export function parsePeftConfig(value: Readonly<Record<string, unknown>>, place: string): PeftConfig {
  for (const [key, why] of Object.entries(refused))
    if (!isOff(value[key]))
      throw nnErrors.fail("adapter", {
        place: `${place}: ${key}`,
        expected: "none",
        received: JSON.stringify(value[key]).slice(0, 100),
        hint: `Not supported: ${why}.`,
      });
  const { init_lora_weights: start } = value;
  if (!harmlessStarts.includes(start))
    throw nnErrors.fail("adapter", {
      place: `${place}: init_lora_weights`,
      expected: "a start that leaves the base weights as they are",
      received: JSON.stringify(start).slice(0, 100),
      hint: "Convert it: save_pretrained(..., path_initial_model_for_weight_conversion=...).",
    });
  const said = Object.fromEntries(Object.entries(value).filter(([key, v]) => v !== null && !(key in refused)));
  const c = check(schema, said, place);
  if (c.layers_pattern !== undefined && !isOff(c.layers_pattern) && c.layers_to_transform === undefined)
    throw nnErrors.fail("adapter", { place: `${place}: layers_pattern`, expected: "layers_to_transform beside it", received: "none" });
  const layers = c.layers_to_transform === undefined ? undefined : [c.layers_to_transform].flat();
  const isNamed = named(c.target_modules, `${place}: target_modules`);
  const isExcluded = isOff(c.exclude_modules) ? () => false : named(c.exclude_modules!, `${place}: exclude_modules`);
  const rankOf = patterned(c.rank_pattern, c.r, `${place}: rank_pattern`);
  const alphaOf = patterned(c.alpha_pattern, c.lora_alpha, `${place}: alpha_pattern`);
  return {
    baseName: c.base_model_name_or_path || undefined,
    mostRank: Math.max(c.r, ...Object.values(c.rank_pattern)),
    isTarget: (name, layer) => (layers === undefined || layers.includes(layer)) && isNamed(name) && !isExcluded(name),
    rankOf,
    scaleOf: name => alphaOf(name) / (c.use_rslora ? Math.sqrt(rankOf(name)) : rankOf(name)),
  };
}
