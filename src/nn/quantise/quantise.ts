/**
 * Quantisation as a transformation of parameters: the float tree in, a tree out whose matrices are codes and scales, those over one input
 * side by side as one product. The program over them is the one that was trained; its products are chosen by what the weights are
 * (`weight.ts`). Norms, biases and positions stay floats.
 */
import { setImmediate as turn } from "node:timers/promises";
import { defined, inTurns, pauses } from "../../base/index.ts";
import type { Device, DeviceArray, TypedArray } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { DecoderParameters } from "../generate/index.ts";
import { isGated } from "../layers.ts";
import { blockSize } from "../weight.ts";
import { blockCodes, columnCodes, type HostWeight, type Paused, rowsAtOnce } from "./codes.ts";
import { type CalibrationRows, weightRows } from "./rounding-error.ts";
import { type BlockFactors, type BlockSamples, type Smoothing, smoothingOf } from "./smoothing.ts";

export const weightForms = ["f32", "rows8", "blocks8", "blocks4"] as const;
/** How a matrix is stored; `rows8` rounds activations by row, the blocks by block. */
export type WeightForm = (typeof weightForms)[number];

export interface QuantisePlan {
  /** Matrices within the blocks. */
  readonly projections: WeightForm;
  /** The down-projections that cost most (`sensitiveBlocks`); as the others where absent. */
  readonly sensitive?: WeightForm;
  /** The token table, and the output table where it is another. */
  readonly tables: WeightForm;
}

export interface QuantiseOptions {
  /** From `calibrate`; without it nothing is smoothed. */
  readonly calibration?: readonly BlockSamples[];
  /** Float arrays are freed one by one as their codes are there, so that there are never two whole models. The given parameters are gone then. */
  readonly consume?: boolean;
  /** Hears of each block in turn what its channels were divided by; what is added to its products has to know (`adapters/bank.ts`). */
  readonly onSmoothed?: (factors: BlockFactors) => void;
}

/** A down-projection whose expected error is so many times the median is one that rounding by rows does not suit. */
const outlierError = 1.5;

/**
 * Which blocks' down-projections are worth a finer form: those of the first eighth (their output outweighs the young stream; ggml's mixtures
 * treat them alike) and those whose rows hold numbers that no smoothing tames.
 */
export function sensitiveBlocks(downs: readonly (Smoothing | undefined)[]): readonly boolean[] {
  const errors = downs.flatMap(d => (d ? [d.error] : [])).sort((a, b) => a - b);
  const median = errors[errors.length >> 1] ?? Number.POSITIVE_INFINITY;
  return downs.map((d, i) => i < downs.length / 8 || (d?.error ?? 0) > outlierError * median);
}

const hostOf = async (a: DeviceArray): Promise<Float32Array> => (a.memory.host() ?? (await a.read())) as Float32Array;

/** A row of a matrix times a factor and the columns' factors, to the same place of `out`. */
function scaleRow(
  data: Float32Array,
  out: Float32Array,
  from: number,
  count: number,
  factor: number,
  columns: Float32Array | undefined,
): void {
  for (let o = 0, at = from; o < count; o++, at++) out[at] = data[at]! * factor * (columns ? columns[o]! : 1);
}

/** A copy of a matrix [input, output] with its rows and columns multiplied by factors. */
function* scaled(
  data: Float32Array,
  input: number,
  output: number,
  rows: Float32Array | undefined,
  columns: Float32Array | undefined,
): Paused<Float32Array> {
  const out = new Float32Array(data.length);
  for (let i = 0; i < input; i++) {
    scaleRow(data, out, i * output, output, rows ? rows[i]! : 1, columns);
    if (i % rowsAtOnce === 0) yield;
  }
  return out;
}

interface FloatLinear {
  readonly weight: DeviceArray;
  readonly bias?: DeviceArray;
}
type FloatBlock = DecoderParameters["blocks"][number];
/** What is known of a block before it is quantised. */
interface BlockNotes {
  readonly place: string;
  readonly samples: BlockSamples | undefined;
  /** How its down-projection is smoothed, and whether it is worth a finer form. */
  readonly down8: Smoothing | undefined;
  readonly sensitive: boolean;
}

/** Makes arrays of another form, and knows all that it has made. */
class Quantiser {
  readonly #config: DecoderConfig;
  readonly #device: Device;
  readonly #plan: QuantisePlan;
  readonly #consume: boolean;
  readonly #onSmoothed: QuantiseOptions["onSmoothed"];
  readonly #made: DeviceArray[] = [];
  readonly #pause = pauses();

  constructor(config: DecoderConfig, device: Device, plan: QuantisePlan, { consume = false, onSmoothed }: QuantiseOptions) {
    this.#config = config;
    this.#device = device;
    this.#plan = plan;
    this.#consume = consume;
    this.#onSmoothed = onSmoothed;
  }

  disposeMade(): void {
    for (const a of this.#made) a.dispose();
  }

  /** A model's matrices take seconds of the processor, and so may one: signals, probes and sockets do not wait for it. */
  #inTurns<T>(work: Paused<T>): Promise<T> {
    return inTurns(work, this.#pause);
  }

  async #keep(data: TypedArray, dtype: "f32" | "i8" | "u8", shape: readonly number[]): Promise<DeviceArray> {
    const array = await this.#device.array(data, dtype, shape);
    this.#made.push(array);
    return array;
  }

  async copy(a: DeviceArray, change?: (x: number, i: number) => number): Promise<DeviceArray> {
    const data = (await hostOf(a)).slice();
    return this.#keep(change ? data.map(change) : data, "f32", a.shape);
  }

  async #inForm(form: WeightForm, w: HostWeight, shape: readonly number[], place: string): Promise<unknown> {
    if (form === "f32") return this.#keep(w.data.slice(), "f32", shape);
    await turn();
    if (form === "rows8") {
      const { codes, scales } = await this.#inTurns(columnCodes(w));
      return { codes: await this.#keep(codes, "i8", [w.input, w.output]), columnScales: await this.#keep(scales, "f32", [w.output]) };
    }
    if (w.input % blockSize)
      throw nnErrors.fail("config", {
        place,
        expected: `a width that ${blockSize} divides`,
        received: String(w.input),
        hint: "Quantise by rows (rows8).",
      });
    const bits = form === "blocks4" ? 4 : 8;
    const { codes, scales, offsets } = await this.#inTurns(blockCodes(w, bits));
    const blocks = w.input / blockSize;
    return {
      packed: await this.#keep(codes, "u8", [w.output, blocks, (blockSize * bits) / 8]),
      blockScales: await this.#keep(scales, "f32", [w.output, blocks]),
      ...(offsets ? { blockOffsets: await this.#keep(offsets, "f32", [blocks, w.output]) } : {}),
    };
  }

  /** A layer with its rows (inputs) multiplied by factors. */
  async #linear(l: FloatLinear, place: string, rows?: Float32Array, form = this.#plan.projections) {
    const [input, output] = l.weight.shape as [number, number];
    let data = await hostOf(l.weight);
    if (rows) data = await this.#inTurns(scaled(data, input, output, rows, undefined));
    const weight = await this.#inForm(form, { data, input, output, inStep: output, outStep: 1 }, l.weight.shape, place);
    const bias = l.bias && (await this.copy(l.bias));
    if (this.#consume) for (const a of [l.weight, l.bias]) a?.dispose();
    return { weight, ...defined({ bias }) };
  }

  /** Layers over one input as one product, their outputs side by side, columns multiplied by factors too. */
  async #joined(
    layers: readonly { readonly layer: FloatLinear; readonly columns?: Float32Array | undefined }[],
    place: string,
    rows: Float32Array | undefined,
  ): Promise<{ weight: unknown; bias?: DeviceArray }> {
    const input = layers[0]!.layer.weight.shape[0]!;
    const widths = layers.map(({ layer }) => layer.weight.shape[1]!);
    const output = widths.reduce((a, b) => a + b, 0);
    const data = new Float32Array(input * output);
    const bias = new Float32Array(output);
    let [at, hasBias] = [0, false];
    for (const [n, { layer, columns }] of layers.entries()) {
      const width = widths[n]!;
      const from = await hostOf(layer.weight);
      const own = rows || columns ? await this.#inTurns(scaled(from, input, width, rows, columns)) : from;
      for (let i = 0; i < input; i++) data.set(own.subarray(i * width, (i + 1) * width), i * output + at);
      if (layer.bias) {
        hasBias = true;
        bias.set(
          (await hostOf(layer.bias)).map((x, i) => (columns ? x * columns[i]! : x)),
          at,
        );
      }
      at += width;
    }
    const weight = await this.#inForm(this.#plan.projections, { data, input, output, inStep: output, outStep: 1 }, [input, output], place);
    if (this.#consume) for (const { layer } of layers) for (const a of [layer.weight, layer.bias]) a?.dispose();
    return { weight, ...(hasBias ? { bias: await this.#keep(bias, "f32", [output]) } : {}) };
  }

  async table(a: DeviceArray, place: string): Promise<unknown> {
    const [output, input] = a.shape as [number, number];
    const w = await this.#inForm(this.#plan.tables, { data: await hostOf(a), input, output, inStep: 1, outStep: input }, a.shape, place);
    if (this.#consume) a.dispose();
    return w;
  }

  async norm(n: FloatLinear, divided?: Float32Array) {
    const by = divided && ((x: number, i: number) => x / divided[i]!);
    const copied = { weight: await this.copy(n.weight, by), ...(n.bias ? { bias: await this.copy(n.bias, by) } : {}) };
    if (this.#consume) for (const a of [n.weight, n.bias]) a?.dispose();
    return copied;
  }

  /** How to smooth what several layers read. */
  async smoothing(x: CalibrationRows | undefined, layers: readonly (FloatLinear | undefined)[]): Promise<Smoothing | undefined> {
    if (!x || this.#plan.projections !== "rows8") return undefined;
    await turn();
    const floats = layers.filter(l => l !== undefined);
    const weights = await Promise.all(floats.map(async l => weightRows(await hostOf(l.weight), l.weight.shape[1]!)));
    return this.#inTurns(smoothingOf(x, weights));
  }

  async block(b: FloatBlock, { place, samples, down8, sensitive }: BlockNotes): Promise<unknown> {
    const { attention: a, feedForward: f } = b;
    const s1 = (await this.smoothing(samples?.attention, [a.query, a.key, a.value]))?.factors;
    const s2 = (await this.smoothing(samples?.feedForward, [f.up, f.gate]))?.factors;
    const down = sensitive ? (this.#plan.sensitive ?? this.#plan.projections) : this.#plan.projections;
    // what is bent by something that is not linear in `up` cannot be divided before it
    const s3 = isGated[this.#config.activation] && down === "rows8" ? down8?.factors : undefined;
    this.#onSmoothed?.(defined({ attention: s1, feedForward: s2, down: s3 }));
    const normOf = async (n: FloatLinear | undefined) => (n ? await this.norm(n) : undefined);
    const [queryNorm, keyNorm] = [await normOf(a.queryNorm), await normOf(a.keyNorm)];
    const [postNorm1, postNorm2] = [await normOf(b.postNorm1), await normOf(b.postNorm2)];
    return {
      norm1: await this.norm(b.norm1, s1),
      attention: {
        joined: await this.#joined([{ layer: a.query }, { layer: a.key }, { layer: a.value }], `${place}.attention`, s1),
        output: await this.#linear(a.output, `${place}.output`),
        ...(queryNorm && keyNorm ? { queryNorm, keyNorm } : {}),
      },
      norm2: await this.norm(b.norm2, s2),
      feedForward: {
        ...(f.gate
          ? { joined: await this.#joined([{ layer: f.gate }, { layer: f.up, columns: s3?.map(s => 1 / s) }], `${place}.feedForward`, s2) }
          : { up: await this.#linear(f.up, `${place}.up`, s2) }),
        down: await this.#linear(f.down, `${place}.down`, s3, down),
      },
      ...(postNorm1 && postNorm2 ? { postNorm1, postNorm2 } : {}),
    };
  }
}

/** The parameters in another form, on the same device. Errors: nn/config where blocks do not divide a width. */
export async function quantise(
  config: DecoderConfig,
  parameters: DecoderParameters,
  device: Device,
  plan: QuantisePlan,
  options: QuantiseOptions = {},
): Promise<DecoderParameters> {
  const { calibration, consume = false } = options;
  const q = new Quantiser(config, device, plan, options);
  try {
    const token = await q.table(parameters.token, "quantise.token");
    const downs: (Smoothing | undefined)[] = [];
    // one after the other: turns that all wait for are one turn
    for (const [i, b] of parameters.blocks.entries()) downs.push(await q.smoothing(calibration?.[i]?.down, [b.feedForward.down]));
    const isSensitive = sensitiveBlocks(downs);
    const blocks: unknown[] = [];
    for (const [i, b] of parameters.blocks.entries())
      blocks.push(
        await q.block(b, { place: `quantise.blocks.${i}`, samples: calibration?.[i], down8: downs[i], sensitive: isSensitive[i]! }),
      );
    const result = {
      token,
      ...(parameters.position ? { position: await q.copy(parameters.position) } : {}),
      blocks,
      norm: await q.norm(parameters.norm),
      ...(parameters.output ? { output: await q.table(parameters.output, "quantise.output") } : {}),
    };
    if (consume) {
      parameters.position?.dispose();
      // memory of the floats is kept for reuse otherwise
      device.dispose();
    }
    // the layers read a weight of any form; the layout around the weights is the same
    const tree: unknown = result;
    return tree as DecoderParameters;
  } catch (error) {
    q.disposeMade();
    throw error;
  }
}
