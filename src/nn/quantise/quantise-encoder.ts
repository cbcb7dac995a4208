/**
 * An encoder's matrices in 8 bits: codes with a scale a column, and activations rounded by row (`matmulRows`). Norms, biases and tables, which
 * are looked up and not multiplied, stay floats. Channels that come out of a norm are smoothed (see smoothing.ts): the norm divides them and
 * the matrices behind it multiply. What is added to them afterwards wants them whole, so that the norm keeps its divisors.
 */
import { inTurns, pauses, type Tree, treeFrom, treePaths } from "../../base/index.ts";
import { abs, compile, type Device, type DeviceArray, max, reshape, type Tensor } from "../../tensor/index.ts";
import { type Encoder, type EncoderConfig, type EncoderSpec, encoderStates } from "../encoder.ts";
import type { Linear } from "../layers.ts";
import type { ArraysOf } from "../parameters.ts";
import { columnCodes } from "./codes.ts";
import { columnRanges, weightRows } from "./rounding-error.ts";
import { smoothingFactors } from "./smoothing.ts";

type EncoderParameters = ArraysOf<EncoderSpec>;
type FloatLinear = EncoderParameters["blocks"][number]["attention"]["query"];
type FloatNorm = EncoderParameters["norm"];

/** Greatest magnitudes of the channels that enter a block's queries, keys and values, and its up-projection [C]. */
export interface EncoderRanges {
  readonly attention: Float32Array;
  readonly feedForward: Float32Array;
}

/** Best of .5, .65, .7 by the lowest cosine to float vectors. */
const alpha = 0.5;

const hostOf = async (a: DeviceArray): Promise<Float32Array> => (a.memory.host() ?? (await a.read())) as Float32Array;

/** Runs the float encoder over texts (token ids within its context) and notes what enters the products of each block. */
export async function calibrateEncoder(
  config: EncoderConfig,
  parameters: EncoderParameters,
  device: Device,
  texts: readonly (readonly number[])[],
): Promise<readonly EncoderRanges[]> {
  const program = compile(
    (p: Encoder, tokens: Tensor) => {
      const seen: { attention: Tensor; feedForward: Tensor }[] = [];
      const watched = (l: Linear, see: (greatest: Tensor) => void): Linear => ({
        ...l,
        weight: { weight: l.weight as Tensor, observe: x => see(max(reshape(abs(x), [-1, x.shape.at(-1)!]), 0)) },
      });
      const blocks = p.blocks.map((b, i) => {
        const own = {} as (typeof seen)[number];
        seen[i] = own;
        return {
          ...b,
          attention: { ...b.attention, query: watched(b.attention.query, x => Object.assign(own, { attention: x })) },
          feedForward: { ...b.feedForward, up: watched(b.feedForward.up, x => Object.assign(own, { feedForward: x })) },
        };
      });
      encoderStates(config, { ...p, blocks } as Encoder, tokens);
      return seen;
    },
    { device, name: "calibrate" },
  );
  const ranges: EncoderRanges[] = parameters.blocks.map(() => ({
    attention: new Float32Array(config.width),
    feedForward: new Float32Array(config.width),
  }));
  try {
    for (const text of texts) {
      const tokens = await device.array(Int32Array.from(text), "i32", [1, text.length]);
      const found = await program(parameters, tokens);
      tokens.dispose();
      for (const [i, block] of found.entries())
        for (const key of ["attention", "feedForward"] as const) {
          const greatest = (await block[key].read()) as Float32Array;
          block[key].dispose();
          const range = ranges[i]![key];
          greatest.forEach((x, c) => {
            range[c] = Math.max(range[c]!, x);
          });
        }
    }
  } finally {
    program.dispose();
  }
  return ranges;
}

export interface QuantiseEncoderOptions {
  /** From `calibrateEncoder`; without it nothing is smoothed. */
  readonly ranges?: readonly EncoderRanges[];
  /** The float matrices are freed one by one as their codes are there, and the rest is taken over: the given parameters are gone then. */
  readonly consume?: boolean;
}

/** Factors for what several layers read. */
const factorsOf = async (range: Float32Array | undefined, layers: readonly FloatLinear[]) =>
  range &&
  smoothingFactors(
    range,
    await inTurns(
      columnRanges(await Promise.all(layers.map(async l => weightRows(await hostOf(l.weight), l.weight.shape[1]!))), range.length),
      pauses(),
    ),
    alpha,
  );

/** Makes arrays of codes and scales, and knows all that it has made. */
class EncoderQuantiser {
  readonly #device: Device;
  readonly #consume: boolean;
  readonly #made: DeviceArray[] = [];
  readonly #pause = pauses();

  constructor(device: Device, consume: boolean) {
    this.#device = device;
    this.#consume = consume;
  }

  disposeMade(): void {
    for (const a of this.#made) a.dispose();
  }

  async array(...given: Parameters<Device["array"]>): Promise<DeviceArray> {
    const a = await this.#device.array(...given);
    this.#made.push(a);
    return a;
  }

  /** Floats as they are. */
  async kept<T>(tree: T): Promise<T> {
    if (this.#consume) return tree;
    const copies: DeviceArray[] = [];
    for (const [, a] of treePaths<DeviceArray>(tree as Tree<DeviceArray>)) copies.push(await this.array(await a.read(), a.dtype, a.shape));
    return treeFrom<DeviceArray, DeviceArray>(tree as Tree<DeviceArray>, copies) as T;
  }

  /** A layer with its rows (inputs) multiplied by factors. */
  async linear({ weight, ...rest }: FloatLinear, factors?: Float32Array) {
    const [input, output] = weight.shape as [number, number];
    let data = await hostOf(weight);
    if (factors) data = data.map((x, at) => x * factors[Math.floor(at / output)]!);
    const { codes, scales } = await inTurns(columnCodes({ data, input, output, inStep: output, outStep: 1 }), this.#pause);
    const coded = { codes: await this.array(codes, "i8", [input, output]), columnScales: await this.array(scales, "f32", [output]) };
    if (this.#consume) weight.dispose();
    return { ...(await this.kept(rest)), weight: coded };
  }

  /** Layers over one input as one product, their outputs side by side. */
  async joined(layers: readonly FloatLinear[], factors?: Float32Array) {
    const input = layers[0]!.weight.shape[0]!;
    const output = layers.reduce((sum, l) => sum + l.weight.shape[1]!, 0);
    const data = new Float32Array(input * output);
    const bias = new Float32Array(output);
    let at = 0;
    for (const l of layers) {
      const [from, width] = [await hostOf(l.weight), l.weight.shape[1]!];
      for (let i = 0; i < input; i++) {
        const factor = factors ? factors[i]! : 1;
        for (let o = 0; o < width; o++) data[i * output + at + o] = from[i * width + o]! * factor;
      }
      if (l.bias) bias.set(await hostOf(l.bias), at);
      at += width;
    }
    const { codes, scales } = await inTurns(columnCodes({ data, input, output, inStep: output, outStep: 1 }), this.#pause);
    const weight = { codes: await this.array(codes, "i8", [input, output]), columnScales: await this.array(scales, "f32", [output]) };
    if (this.#consume) for (const l of layers) for (const a of [l.weight, l.bias]) a?.dispose();
    return { weight, ...(layers.some(l => l.bias) ? { bias: await this.array(bias, "f32", [output]) } : {}) };
  }

  /** A norm whose channels are divided by factors, which it keeps. */
  async norm(n: FloatNorm, factors: Float32Array | undefined) {
    if (!factors) return this.kept(n);
    const divided = async (a: DeviceArray) =>
      this.array(
        (await hostOf(a)).map((x, i) => x / factors[i]!),
        "f32",
        a.shape,
      );
    const result = {
      weight: await divided(n.weight),
      ...(n.bias ? { bias: await divided(n.bias) } : {}),
      divisors: await this.array(factors, "f32", [factors.length]),
    };
    if (this.#consume) for (const a of [n.weight, n.bias]) a?.dispose();
    return result;
  }
}

/** The parameters with the matrices of the blocks quantised, on the same device. Without `consume` nothing is shared with the given ones. */
export async function quantiseEncoder(
  parameters: EncoderParameters,
  device: Device,
  { ranges, consume = false }: QuantiseEncoderOptions = {},
): Promise<EncoderParameters> {
  const q = new EncoderQuantiser(device, consume);
  try {
    const blocks: unknown[] = [];
    const attentionFactors: (Float32Array | undefined)[] = [];
    for (const [i, { attention: a }] of parameters.blocks.entries())
      attentionFactors.push(await factorsOf(ranges?.[i]?.attention, [a.query, a.key, a.value]));
    for (const [i, { attention: a, feedForward: f, norm1, norm2 }] of parameters.blocks.entries()) {
      const own = attentionFactors[i];
      const inner = await factorsOf(ranges?.[i]?.feedForward, [f.up]);
      blocks.push({
        attention: {
          joined: await q.joined([a.query, a.key, a.value], own),
          output: await q.linear(a.output),
        },
        norm1: await q.norm(norm1, inner),
        feedForward: { up: await q.linear(f.up, inner), down: await q.linear(f.down) },
        // the next block reads it
        norm2: await q.norm(norm2, attentionFactors[i + 1]),
      });
    }
    const { blocks: _, norm: first, ...rest } = parameters;
    const tree: unknown = { ...(await q.kept(rest)), norm: await q.norm(first, attentionFactors[0]), blocks };
    // memory of the floats is kept for reuse otherwise
    if (consume) device.dispose();
    // layers read a weight of any form; the layout around the weights is the same
    return tree as EncoderParameters;
  } catch (error) {
    q.disposeMade();
    throw error;
  }
}
