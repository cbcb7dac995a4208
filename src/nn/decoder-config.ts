/** What a decoder is: its sizes and choices, a check that they fit together, and the presets of GPT-2 and Llama. */
import type { ClassifierConfig } from "./classifier-config.ts";
import { nnErrors } from "./errors.ts";
import type { Activation, NormKind } from "./layers.ts";

export interface DecoderConfig {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Feed-forward width. */
  readonly hidden: number;
  /** Longest sequence. */
  readonly context: number;
  readonly norm: NormKind;
  readonly epsilon: number;
  readonly positions: "learned" | "rotary";
  readonly rotaryBase: number;
  /** What each of the D/2 angles is divided by, for contexts longer than trained on (Llama 3.1, linear scaling, YaRN). */
  readonly rotaryFactors?: readonly number[];
  /** Queries and keys are multiplied by it as they are turned (YaRN). */
  readonly rotaryScale?: number;
  readonly activation: Activation;
  readonly bias: boolean;
  /** Queries, keys and values have biases although nothing else has (Qwen 2). */
  readonly qkvBias?: boolean;
  /** The output table is the embedding table. */
  readonly tied: boolean;
  readonly qkNorm: boolean;
  /** Each position sees this many positions back, itself included. */
  readonly window?: number;
  /** The layers that have the window, counted from 0, where others see everything (Gemma 2 and 3). */
  readonly windowLayers?: readonly number[];
  /** Base of the angles of those layers, which are not scaled; that of all layers when absent (Gemma 3). */
  readonly windowRotaryBase?: number;
  /** Scores of queries and keys are multiplied by it; 1 / sqrt(headSize) when absent. */
  readonly scoreScale?: number;
  /** Scores are squashed to (-cap, cap) by a tanh (Gemma 2). */
  readonly scoreCap?: number;
  /** Embeddings are multiplied by it (Gemma: sqrt(width)). */
  readonly embeddingScale?: number;
  /** What attention and feed-forward give is normalised too, before it is added (Gemma 2). */
  readonly postNorm?: boolean;
  /** Logits are squashed to (-cap, cap) by a tanh (Gemma 2). */
  readonly logitCap?: number;
  /** It tells classes of texts and continues none: a linear head over a text's state, no output table. */
  readonly classifier?: ClassifierConfig;
  /** Deviation of the start values; residual projections start at it / sqrt(2 layers) (GPT-2). */
  readonly deviation: number;
}

/** Checks that the numbers fit together; errors name the key. */
export function checkDecoder(c: DecoderConfig, place = "model"): void {
  const wrong = (key: string, expected: string, received: number, hint?: string) =>
    nnErrors.fail("config", { place: `${place}.${key}`, expected, received: `${received}`, ...(hint ? { hint } : {}) });
  for (const key of ["vocab", "width", "layers", "heads", "kvHeads", "headSize", "hidden", "context"] as const)
    if (!Number.isSafeInteger(c[key]) || c[key] < 1) throw wrong(key, "a whole number from 1", c[key]);
  if (c.heads % c.kvHeads) throw wrong("kvHeads", `a divisor of heads ${c.heads}`, c.kvHeads);
  if (c.positions === "rotary" && c.headSize % 2) throw wrong("headSize", "an even number for rotary positions", c.headSize);
  if (c.rotaryFactors && c.rotaryFactors.length !== c.headSize / 2)
    throw wrong("rotaryFactors", `${c.headSize / 2} numbers, one a pair of a head`, c.rotaryFactors.length);
  const beyond = c.windowLayers?.find(layer => !Number.isSafeInteger(layer) || layer < 0 || layer >= c.layers);
  if (beyond !== undefined) throw wrong("windowLayers", `layers from 0 to ${c.layers - 1}`, beyond);
  if (c.classifier?.pooling === "first")
    throw nnErrors.fail("config", {
      place: `${place}.classifier.pooling`,
      expected: "last or mean",
      received: "first",
      hint: "A decoder's first token has seen no other.",
    });
  if (c.windowLayers && c.window === undefined) throw wrong("windowLayers", "a window that they have", c.windowLayers.length);
}

/** The usual head size of a width; errors name divisors that would do. */
export function headSizeOf(width: number, heads: number, place = "model"): number {
  if (width % heads) {
    const near = Array.from({ length: width }, (_, i) => i + 1)
      .filter(h => width % h === 0)
      .sort((a, b) => Math.abs(a - heads) - Math.abs(b - heads));
    throw nnErrors.fail("config", {
      place: `${place}.heads`,
      expected: `a divisor of width ${width}`,
      received: `${heads}`,
      hint: `Try ${near[0]} or ${near[1]}.`,
    });
  }
  return width / heads;
}

export interface SmallConfig {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly context: number;
  readonly kvHeads?: number;
  readonly hidden?: number;
}
/** GPT-2 (Radford et al. 2019): layer norm, learned positions, GELU, biases, tied. */
export const gpt2Config = (c: SmallConfig): DecoderConfig => ({
  ...c,
  kvHeads: c.kvHeads ?? c.heads,
  headSize: headSizeOf(c.width, c.heads),
  hidden: c.hidden ?? 4 * c.width,
  norm: "layer",
  epsilon: 1e-5,
  positions: "learned",
  rotaryBase: 10_000,
  activation: "geluTanh",
  bias: true,
  tied: true,
  qkNorm: false,
  deviation: 0.02,
});
/** Llama (Touvron et al. 2023): RMS norm, rotary positions, SwiGLU, no biases, untied. */
export const llamaConfig = (c: SmallConfig): DecoderConfig => ({
  ...gpt2Config(c),
  hidden: c.hidden ?? 64 * Math.ceil((8 * c.width) / 3 / 64),
  norm: "rms",
  epsilon: 1e-5,
  positions: "rotary",
  activation: "swiglu",
  bias: false,
  tied: false,
});

/** Does a layer see no further back than the window? */
export const hasWindow = (c: DecoderConfig, layer: number): boolean =>
  c.window !== undefined && (c.windowLayers === undefined || c.windowLayers.includes(layer));

/** Has a decoder none of the choices by which Gemma differs from the others? Its window, if it has one, is that of all layers. */
export const isPlainDecoder = (c: DecoderConfig): boolean =>
  [c.windowLayers, c.windowRotaryBase, c.scoreScale, c.scoreCap, c.logitCap, c.embeddingScale].every(x => x === undefined) &&
  !c.postNorm &&
  !c.classifier;
