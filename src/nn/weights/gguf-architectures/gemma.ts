/**
 * Gemma 2 and 3 in GGUF. Norms have their 1 added by the converter. What the files leave unsaid follows llama.cpp's loader: the one layer in so
 * many that sees everything, the base of the others' angles, and what scores are divided by in the largest model.
 */
import { z } from "zod";
import { defined } from "../../../base/index.ts";
import { type DecoderConfig, hasWindow } from "../../decoder-config.ts";
import type { GgufEntry } from "../gguf-write.ts";
import { size } from "../key-values.ts";
import type { WeightNames } from "../layout.ts";
import { ggufLlamaNames, llamaBody, llamaEntries, llamaKeys } from "./llama.ts";
import { type GgufRow, positive } from "./shared.ts";

const gemmaKeys = {
  ...llamaKeys,
  "attention.sliding_window_pattern": size.optional(),
  "rope.freq_base_swa": positive.optional(),
  final_logit_softcapping: positive.optional(),
};
type GemmaKeys = z.output<z.ZodObject<typeof gemmaKeys>>;

interface Unsaid {
  /** Layers of the model whose scores are divided by the root of width / heads and not of the head. */
  readonly largest: number;
  /** One layer in so many sees everything. */
  readonly pattern: number;
}
const gemma2Unsaid: Unsaid = { largest: 46, pattern: 2 };
const gemma3Unsaid: Unsaid = { largest: 62, pattern: 6 };

const windowLayersOf = (layers: number, pattern: number): number[] =>
  Array.from({ length: layers }, (_, i) => i).filter(i => (i + 1) % pattern !== 0);
const scoreScaleOf = (c: Pick<DecoderConfig, "layers" | "width" | "heads" | "headSize">, { largest }: Unsaid): number =>
  1 / Math.sqrt(c.layers === largest ? c.width / c.heads : c.headSize);

/** What Gemma has beside Llama's body. */
function gemmaParts(c: GemmaKeys, body: Awaited<ReturnType<typeof llamaBody>>, unsaid: Unsaid) {
  const window = c["attention.sliding_window"];
  const windowLayers = windowLayersOf(body.layers, c["attention.sliding_window_pattern"] ?? unsaid.pattern);
  const scoreScale = scoreScaleOf(body, unsaid);
  return {
    activation: "geglu",
    bias: false,
    ...(window ? { window, windowLayers } : {}),
    ...(scoreScale === 1 / Math.sqrt(body.headSize) ? {} : { scoreScale }),
    embeddingScale: Math.sqrt(body.width),
    postNorm: true,
    ...defined({ logitCap: c.final_logit_softcapping }),
  } as const;
}

/** The keys of what both have; undefined where a configuration is no Gemma's, or would be read as another. */
function gemmaEntries(name: string, c: DecoderConfig, unsaid: Unsaid): GgufEntry[] | undefined {
  const isGemma = c.norm === "rms" && c.positions === "rotary" && c.activation === "geglu" && !c.bias && !c.qkvBias && c.postNorm === true;
  const scale = scoreScaleOf(c, unsaid);
  const isScaled = c.embeddingScale === Math.sqrt(c.width) && Math.abs((c.scoreScale ?? 1 / Math.sqrt(c.headSize)) - scale) < 1e-9 * scale;
  const seen = windowLayersOf(c.layers, unsaid.pattern);
  const seesSo = c.window === undefined || Array.from({ length: c.layers }, (_, i) => hasWindow(c, i) === seen.includes(i)).every(Boolean);
  const entries = isGemma && isScaled && seesSo ? llamaEntries(name, c) : undefined;
  return entries && [...entries, ...(c.logitCap === undefined ? [] : [[`${name}.final_logit_softcapping`, "f32", c.logitCap] as const])];
}

const gemmaNames: WeightNames = {
  ...ggufLlamaNames,
  "blocks.*.postNorm1": "blk.*.post_attention_norm",
  "blocks.*.postNorm2": "blk.*.post_ffw_norm",
};
const gemmaShape = {
  family: "decoder",
  projections: "out-in",
  names: gemmaNames,
  spellings: [],
  leftOut: [],
} as const satisfies Partial<GgufRow<"decoder">>;

// early files leave these out, and mean the published models
const gemma2Schema = z.strictObject({
  ...gemmaKeys,
  "attention.sliding_window": z.number().int().min(0).default(4096),
  attn_logit_softcapping: positive.default(50),
  final_logit_softcapping: positive.default(30),
});
export const ggufGemma2: GgufRow<"decoder"> = {
  ...gemmaShape,
  architecture: "gemma2",
  schema: gemma2Schema,
  async toConfig(c: z.output<typeof gemma2Schema>, file) {
    const body = await llamaBody(c, file);
    const local = c["rope.freq_base_swa"];
    return {
      ...body,
      ...gemmaParts(c, body, gemma2Unsaid),
      ...defined({ windowRotaryBase: local }),
      scoreCap: c.attn_logit_softcapping,
    };
  },
  fromConfig(c) {
    // without a window or a cap the file would be read as one with those of the published models
    if (c.qkNorm || c.windowRotaryBase !== undefined || !c.window || !c.scoreCap || !c.logitCap) return undefined;
    const entries = gemmaEntries("gemma2", c, gemma2Unsaid);
    return entries && [...entries, ["gemma2.attn_logit_softcapping", "f32", c.scoreCap]];
  },
};

const defaultLocalBase = 10_000;
const gemma3Schema = z.strictObject(gemmaKeys);
export const ggufGemma3: GgufRow<"decoder"> = {
  ...gemmaShape,
  architecture: "gemma3",
  schema: gemma3Schema,
  async toConfig(c: z.output<typeof gemma3Schema>, file) {
    const body = await llamaBody(c, file);
    return { ...body, ...gemmaParts(c, body, gemma3Unsaid), windowRotaryBase: c["rope.freq_base_swa"] ?? defaultLocalBase };
  },
  fromConfig(c) {
    const fits = c.qkNorm && c.scoreCap === undefined && c.windowRotaryBase === defaultLocalBase;
    return fits ? gemmaEntries("gemma3", c, gemma3Unsaid) : undefined;
  },
};
