/**
 * The compiled programs of a sentence encoder. Texts of a batch follow one another without padding, so products see real tokens only; scores
 * are computed on a grid as wide as the longest text may be. There is a program for each width of that grid and each size (tokens at once). A
 * width follows from a text's length alone. Sizes are only kept where they give the same bits: at the start a probe goes through every one, and
 * a size whose vectors differ in a bit from the largest one's is left out. Idea of rows without padding: Zeng et al. 2022, Boosting
 * distributed training performance of the unpadded BERT model.
 */
import { cpus } from "node:os";
import { hashOf } from "../../base/index.ts";
import { classLogits, type Encoder, type PackedPositions, packedEncoderStates } from "../../nn/index.ts";
import {
  cast,
  compile,
  type Device,
  div,
  gather,
  graphHash,
  maximum,
  mul,
  reshape,
  slice,
  sqrt,
  sum,
  type Tensor,
} from "../../tensor/index.ts";
import { serveErrors } from "../errors.ts";
import { openMachineProgram } from "./machine-program.ts";
import { type BatchRoom, packTexts } from "./pack.ts";
import { rowWidths } from "./row-widths.ts";
import { type ServedEncoder, vectorLength } from "./served-encoder.ts";
import { withLength } from "./unscaled.ts";

export interface EncoderProgram {
  /** Elements of a vector; labels of a classifier. */
  readonly dimensions: number;
  /** Tokens that a text may have, ascending: the classes in which texts share batches. */
  readonly widths: readonly number[];
  /** What a batch of a width holds at most. */
  room(width: number): BatchRoom;
  readonly fingerprint: string;
  /** A vector for each text; without pooling its tokens' vectors, one after another. Texts have at most `width` tokens, and are together within the width's room. */
  run(texts: readonly (readonly number[])[], width: number): Promise<Float32Array[]>;
  dispose(): void;
}

export interface EncoderProgramOptions {
  /** Tokens at once, that are tried; 32, 128 and 512 when absent. A width takes its own number where that is more. */
  readonly sizes?: readonly number[];
}

const defaultSizes = [32, 128, 512];

/** Tokens of a width's batches, ascending. */
const tokensTried = (width: number, sizes: readonly number[] = defaultSizes): number[] =>
  [...new Set(sizes.map(s => Math.max(s, width)))].sort((a, b) => a - b);

/** Programs that are built for texts of so many tokens, and tokens of the largest batch: each is run once before the first request. */
export function encoderPrograms(longest: number): { readonly programs: number; readonly batchTokens: number } {
  const batches = rowWidths(longest).flatMap(width => tokensTried(width));
  return { programs: batches.length, batchTokens: Math.max(...batches) };
}

/** A grid of scores has twice as many places as there are tokens: texts fill more than half of their width, but for the narrowest. */
const roomOf = (tokens: number, width: number): BatchRoom => ({ tokens, texts: Math.floor((2 * tokens) / width) });

/** States [N, C] of packed texts to vectors [B, C], and where they are scaled their lengths before [B, 1]; of a classifier to logits [B, labels]; without pooling as they are. */
function pooled({ pooling, normalise, config }: ServedEncoder, p: Encoder, states: Tensor, { grid, present }: PackedPositions): Tensor[] {
  const [b, t] = grid.shape as [number, number];
  const first = () => gather(states, reshape(slice(grid, undefined, [0, 1]), [b]));
  const weight = cast(present, states.dtype);
  const mean = () => div(sum(mul(gather(states, grid), reshape(weight, [b, t, 1])), 1), maximum(sum(weight, 1, true), 1e-9));
  if (config.classifier) return [classLogits(p, config.classifier.pooling === "mean" ? mean() : first())];
  if (pooling === "none") return [states];
  const vector = pooling === "cls" ? first() : mean();
  if (!normalise) return [vector];
  const length = maximum(sqrt(sum(mul(vector, vector), -1, true)), 1e-12);
  return [div(vector, length), length];
}

/** Texts for the probe that fill a room: numbers without a pattern, the same every time, from the longest of a width downwards. */
export function probes({ tokens, texts }: BatchRoom, width: number, vocab: number): number[][] {
  const found: number[][] = [];
  let state = 1;
  for (let left = tokens; left > 0 && found.length < texts; left -= found.at(-1)!.length) {
    const length = Math.min(left, width - ((found.length * 5) % Math.ceil(width / 2)));
    found.push(
      Array.from({ length }, () => {
        // Lehmer's generator (Park & Miller 1988)
        state = (state * 48_271) % 2_147_483_647;
        return state % vocab;
      }),
    );
  }
  return found;
}

/** The first texts that a room holds. */
function fitting(texts: readonly number[][], room: BatchRoom): number[][] {
  let tokens = 0;
  return texts.filter((t, i) => {
    tokens += t.length;
    return i < room.texts && tokens <= room.tokens;
  });
}

const sameBits = (a: readonly Float32Array[], b: readonly Float32Array[]): boolean =>
  a.every((v, i) => v.every((x, k) => Object.is(x, b[i]![k])));

/** The sizes whose vectors are, bit for bit, the first ones of the largest size's. `run` gives a size's vectors of the first texts. */
export async function agreeingSizes(sizes: readonly number[], run: (size: number) => Promise<readonly Float32Array[]>): Promise<number[]> {
  const largest = Math.max(...sizes);
  const whole = await run(largest);
  const kept: number[] = [];
  for (const size of sizes) if (size === largest || sameBits(await run(size), whole)) kept.push(size);
  return kept;
}

/** Rows of a program's output as vectors, with their lengths before they were scaled, where they were. */
const rowsOf = (numbers: ArrayLike<number>, dimensions: number, lengths: ArrayLike<number> | undefined): Float32Array[] =>
  Array.from({ length: numbers.length / dimensions }, (_, row) => {
    const vector = Float32Array.from({ length: dimensions }, (__, i) => numbers[row * dimensions + i]!);
    return lengths ? withLength(vector, lengths[row]!) : vector;
  });

const isUnpooled = ({ pooling, config }: ServedEncoder): boolean => pooling === "none" && config.classifier === undefined;

/** The states of each text, its tokens' rows one after another. */
function stateRows(numbers: ArrayLike<number>, texts: readonly (readonly number[])[], width: number): Float32Array[] {
  let first = 0;
  return texts.map(({ length }) => {
    const from = first;
    first += length * width;
    return Float32Array.from({ length: length * width }, (_, i) => numbers[from + i]!);
  });
}

/** Builds the programs and runs each once. Errors: serve/model where sizes are not whole numbers from 1. */
export async function openEncoderProgram(
  model: ServedEncoder,
  device: Device,
  { sizes = defaultSizes }: EncoderProgramOptions = {},
): Promise<EncoderProgram> {
  const { config, parameters, longest } = model;
  const dimensions = vectorLength(model);
  const strange = sizes.find(s => !Number.isSafeInteger(s) || s < 1);
  if (strange !== undefined || sizes.length === 0)
    throw serveErrors.fail("model", {
      place: `${model.id}: sizes`,
      expected: "whole numbers from 1",
      received: String(strange ?? "none"),
    });
  const machineProgram = await openMachineProgram(model, device);
  if (machineProgram) return machineProgram;
  const program = compile(
    (p: Encoder, tokens: Tensor, texts: PackedPositions) => pooled(model, p, packedEncoderStates(config, p, tokens, texts), texts),
    // as many as there are widths and sizes, all built before the first request
    { device, constant: [0], attention: true, keptPrograms: Number.POSITIVE_INFINITY, name: "embed" },
  );
  const hashes: string[] = [];

  async function batch(texts: readonly (readonly number[])[], room: BatchRoom, width: number): Promise<Float32Array[]> {
    const packed = packTexts(texts, room, width);
    const array = (data: Int32Array, ...shape: readonly number[]) => device.array(data, "i32", shape);
    const tokens = await array(packed.tokens, room.tokens);
    const layout = {
      positions: await array(packed.positions, room.tokens),
      places: await array(packed.places, room.tokens),
      grid: await array(packed.grid, room.texts, width),
      present: await array(packed.present, room.texts, width),
    };
    const outputs = await program(parameters, tokens, layout);
    const [numbers, lengths] = await Promise.all(outputs.map(out => out.numbers()));
    for (const a of [...outputs, tokens, ...Object.values(layout)]) a.dispose();
    return isUnpooled(model) ? stateRows(numbers!, texts, dimensions) : rowsOf(numbers!, dimensions, lengths).slice(0, texts.length);
  }

  async function roomsFor(width: number): Promise<BatchRoom[]> {
    const tried = tokensTried(width, sizes);
    for (const tokens of tried) {
      const { texts } = roomOf(tokens, width);
      const [row, grid] = [
        { shape: [tokens], dtype: "i32" },
        { shape: [texts, width], dtype: "i32" },
      ] as const;
      hashes.push(graphHash(await program.prepare(parameters, row, { positions: row, places: row, grid, present: grid })));
    }
    const texts = probes(roomOf(tried.at(-1)!, width), width, config.vocab);
    const run = (size: number) => batch(fitting(texts, roomOf(size, width)), roomOf(size, width), width);
    return (await agreeingSizes(tried, run)).map(size => roomOf(size, width));
  }

  try {
    const widths = rowWidths(longest);
    const rooms = new Map<number, readonly BatchRoom[]>();
    for (const width of widths) rooms.set(width, await roomsFor(width));
    const { name, details } = device.capabilities;
    const backend = { name, ...details, threads: null };
    const identity = { weights: model.fingerprint, hashes, backend, processor: `${process.arch} ${cpus()[0]?.model ?? ""}` };
    return {
      dimensions,
      widths,
      room: width => rooms.get(width)?.at(-1) ?? { tokens: 0, texts: 0 },
      fingerprint: `fp_${hashOf(identity).slice(0, 16)}`,
      run: (texts, width) => {
        const tokens = texts.reduce((n, t) => n + t.length, 0);
        const room = rooms.get(width)?.find(r => r.tokens >= tokens && r.texts >= texts.length);
        if (room === undefined)
          throw new RangeError(`a batch of ${texts.length} texts and ${tokens} tokens, width ${width}, was not planned`);
        return batch(texts, room, width);
      },
      dispose: () => program.dispose(),
    };
  } catch (error) {
    program.dispose();
    throw error;
  }
}
