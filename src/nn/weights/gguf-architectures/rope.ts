/** Rotary angles as GGUF's keys and a tensor of divisors describe them. */
import { z } from "zod";
import { defined } from "../../../base/index.ts";
import type { DecoderConfig } from "../../decoder-config.ts";
import { linearFactors, oneFactorOf, yarnFactors, yarnScale } from "../../rotary-scaling.ts";
import type { GgufFile } from "../gguf.ts";
import type { GgufEntry } from "../gguf-write.ts";
import { any, size } from "../key-values.ts";
import { positive, wrongEntry } from "./shared.ts";

export const ropeKeys = {
  "rope.dimension_count": size.optional(),
  "rope.freq_base": positive.default(10_000),
  "rope.scale_linear": positive.optional(),
  "rope.scaling.type": z.enum(["none", "linear", "yarn"]).default("none"),
  "rope.scaling.factor": positive.optional(),
  "rope.scaling.original_context_length": size.optional(),
  "rope.scaling.attn_factor": positive.default(1),
  "rope.scaling.yarn_beta_fast": positive.default(32),
  "rope.scaling.yarn_beta_slow": positive.default(1),
  "rope.scaling.finetuned": any,
};
type RopeKeys = z.output<z.ZodObject<typeof ropeKeys>>;

/** Divisors of the rotary angles, which the configuration takes over. */
export const rotaryFactorsTensor = "rope_freqs.weight";

type Angles = Pick<DecoderConfig, "rotaryBase" | "rotaryFactors" | "rotaryScale">;

/** Ours of a file's; factors in a tensor stand for any rule. Errors: nn/weights where less than the whole head is turned. */
export async function anglesOfFile(c: RopeKeys, headSize: number, context: number, file: GgufFile): Promise<Angles> {
  if ((c["rope.dimension_count"] ?? headSize) !== headSize)
    throw wrongEntry(file, "rope.dimension_count", `the whole head, ${headSize}`, String(c["rope.dimension_count"]));
  const rotaryBase = c["rope.freq_base"];
  const factor = c["rope.scaling.type"] === "none" ? (c["rope.scale_linear"] ?? 1) : (c["rope.scaling.factor"] ?? 1);
  const isYarn = c["rope.scaling.type"] === "yarn";
  const scale = c["rope.scaling.attn_factor"] * (isYarn ? yarnScale(factor) : 1);
  const inFile = file.tensors.has(rotaryFactorsTensor);
  if (inFile && factor !== 1)
    throw wrongEntry(file, rotaryFactorsTensor, "factors of a tensor or of keys, not both", `rope.scaling.factor ${factor} beside it`);
  const factors = inFile
    ? [...(await file.read(rotaryFactorsTensor))]
    : isYarn
      ? yarnFactors(headSize, rotaryBase, {
          factor,
          trained: c["rope.scaling.original_context_length"] ?? context,
          fast: c["rope.scaling.yarn_beta_fast"],
          slow: c["rope.scaling.yarn_beta_slow"],
          truncates: true,
        })
      : factor === 1
        ? undefined
        : linearFactors(headSize, factor);
  return { rotaryBase, ...defined({ rotaryFactors: factors }), ...(scale === 1 ? {} : { rotaryScale: scale }) };
}

/** The keys of our angles. Factors that differ stand in a tensor, which the program reads for some architectures only. */
export function ropeEntries(name: string, c: DecoderConfig, takesTensor: boolean): GgufEntry[] | undefined {
  const factor = oneFactorOf(c.rotaryFactors);
  if (factor === undefined && !takesTensor) return undefined;
  return [
    [`${name}.rope.dimension_count`, "u32", c.headSize],
    [`${name}.rope.freq_base`, "f32", c.rotaryBase],
    ...(factor === undefined || factor === 1
      ? []
      : ([
          [`${name}.rope.scaling.type`, "text", "linear"],
          [`${name}.rope.scaling.factor`, "f32", factor],
        ] as const)),
    ...(c.rotaryScale === undefined ? [] : ([[`${name}.rope.scaling.attn_factor`, "f32", c.rotaryScale]] as const)),
  ];
}

/** What stands in the tensor: factors that are not one number. */
export const tensorFactors = (c: DecoderConfig): readonly number[] | undefined =>
  oneFactorOf(c.rotaryFactors) === undefined ? c.rotaryFactors : undefined;
