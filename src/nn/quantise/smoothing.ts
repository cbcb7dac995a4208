/**
 * Activation smoothing (Xiao et al. 2023, SmoothQuant): channels of an activation that are large make the others coarse when a row is rounded
 * to int8. Each channel is divided by a factor that the weight behind it is multiplied with, so the product stays. The division costs
 * nothing where something linear stands before: norms before queries, keys and values and before up and gate, the up-projection before down
 * (gated feed-forward only). How much is moved is chosen for each product by the error that rounding is expected to make
 * (`rounding-error.ts`): in some layers a single token is a thousand times the others, and one rule for all ruins their weights.
 */
import { compile, type Device, type DeviceArray, reshape, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderStates } from "../decoder.ts";
import type { DecoderParameters } from "../generate/index.ts";
import type { Linear } from "../layers.ts";
import type { Paused } from "./codes.ts";
import { type CalibrationRows, channelRanges, columnRanges, expectedError, type RangeKind, type WeightRows } from "./rounding-error.ts";

/** What enters the products of a block, of some tokens. */
export interface BlockSamples {
  /** Queries, keys and values. */
  readonly attention: CalibrationRows;
  /** Up and gate. */
  readonly feedForward: CalibrationRows;
  readonly down: CalibrationRows;
}

/** What the channels of a block's products were divided by; absent where they were not. */
export type BlockFactors = { readonly [K in keyof BlockSamples]?: Float32Array };

/** Tokens kept of all texts together: enough to meet the rare ones, and 165 MB for a model of 135 million parameters. */
const keptTokens = 512;

/** Every n-th row, the first among them: a sequence's first token is the one that models make huge. */
function thinned(data: Float32Array, width: number, most: number): Float32Array {
  const count = data.length / width;
  const every = Math.ceil(count / most);
  const out = new Float32Array(Math.ceil(count / every) * width);
  for (let from = 0, to = 0; from < count; from += every, to++) out.set(data.subarray(from * width, (from + 1) * width), to * width);
  return out;
}

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const out = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
};

/** Runs the float model over texts (token ids; each cut to the context) and keeps what enters its products. At least one text. */
export async function calibrate(
  config: DecoderConfig,
  parameters: DecoderParameters,
  device: Device,
  texts: readonly (readonly number[])[],
): Promise<readonly BlockSamples[]> {
  const program = compile(
    (p: Decoder, tokens: Tensor) => {
      const seen: Record<keyof BlockSamples, Tensor>[] = p.blocks.map(() => ({}) as Record<keyof BlockSamples, Tensor>);
      const flat = (x: Tensor) => reshape(x, [-1, x.shape.at(-1)!]);
      const watched = (l: Linear, i: number, key: keyof BlockSamples): Linear => ({
        ...l,
        weight: {
          weight: l.weight as Tensor,
          observe: x => {
            seen[i]![key] = flat(x);
          },
        },
      });
      const blocks = p.blocks.map((b, i) => ({
        ...b,
        attention: { ...b.attention, query: watched(b.attention.query, i, "attention") },
        feedForward: {
          ...b.feedForward,
          up: watched(b.feedForward.up, i, "feedForward"),
          down: watched(b.feedForward.down, i, "down"),
        },
      }));
      decoderStates(config, { ...p, blocks } as Decoder, tokens);
      return seen;
    },
    { device, name: "calibrate" },
  );
  const length = Math.min(config.context, Math.max(...texts.map(t => t.length)));
  const most = Math.max(1, Math.floor(keptTokens / texts.length));
  const kept = async (a: DeviceArray): Promise<Float32Array> => {
    const rows = thinned((a.memory.host() ?? (await a.read())) as Float32Array, a.shape[1]!, most);
    a.dispose();
    return rows;
  };
  const kinds = ["attention", "feedForward", "down"] as const;
  const found = parameters.blocks.map(() => ({ attention: [], feedForward: [], down: [] }) as Record<keyof BlockSamples, Float32Array[]>);
  try {
    for (const text of texts) {
      const ids = Int32Array.from(text.slice(0, length));
      const tokens = await device.array(ids, "i32", [1, ids.length]);
      const blocks = await program(parameters, tokens);
      tokens.dispose();
      for (const [i, block] of blocks.entries()) for (const kind of kinds) found[i]![kind].push(await kept(block[kind]));
    }
  } finally {
    program.dispose();
  }
  const rows = (width: number, parts: readonly Float32Array[]): CalibrationRows => ({ data: joined(parts), width });
  return found.map(({ attention, feedForward, down }) => ({
    attention: rows(config.width, attention),
    feedForward: rows(config.width, feedForward),
    down: rows(config.hidden, down),
  }));
}

/** Least factor and least range: a channel that is never used must not become one that is divided by nothing. */
const least = 1e-5;

/** Factor of each channel: range^alpha / weight^(1 - alpha), where weight is the greatest magnitude of what it is multiplied with. */
export const smoothingFactors = (range: Float32Array, weight: Float32Array, alpha: number): Float32Array =>
  range.map((r, i) => Math.max(least, Math.max(r, least) ** alpha / Math.max(weight[i]!, least) ** (1 - alpha)));

/** What is tried: how a channel's range is measured, and how much of the difficulty moves to the weights. */
const tried: readonly { readonly range: RangeKind; readonly alpha: number }[] = [
  { range: "most", alpha: 0.35 },
  { range: "most", alpha: 0.5 },
  { range: "rms", alpha: 0.5 },
  { range: "rms", alpha: 0.65 },
  { range: "rms", alpha: 0.8 },
];

export interface Smoothing {
  /** What channels are divided by [in]; absent where nothing that was tried is better than nothing. */
  readonly factors?: Float32Array;
  /** Expected squared error of the product over its square. */
  readonly error: number;
}

/** The factors under which rounding rows of x and columns of the weights is expected to cost least. */
export function* smoothingOf(x: CalibrationRows, weights: readonly WeightRows[]): Paused<Smoothing> {
  const weight = yield* columnRanges(weights, x.width);
  let best: Smoothing = { error: yield* expectedError(x, weights) };
  for (const { range, alpha } of tried) {
    const factors = smoothingFactors(channelRanges(x, range), weight, alpha);
    const error = yield* expectedError(x, weights, factors);
    if (error < best.error) best = { error, factors };
  }
  return best;
}
