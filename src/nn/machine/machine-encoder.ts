/**
 * A BERT-like encoder of 8-bit weights as machine code: several texts without padding, each seen whole from both sides. A text's states depend
 * on nothing but its tokens. The same kernels as a decoder's, with another norm, GELU and positions that are added.
 */
import {
  attendCode,
  attendConstants,
  attendFields,
  cacheKeyBlock,
  cacheTileRows,
  exponentialConstants,
  type HeadShape,
  headBytes,
  headShapeName,
  MachineProgram,
  teamOf,
  tile,
  turnCode,
  turnFields,
  usableFeatures,
} from "../../machine/index.ts";
import type { Device, DeviceArray } from "../../tensor/index.ts";
import type { EncoderConfig, EncoderSpec } from "../encoder.ts";
import type { ArraysOf } from "../parameters.ts";
import { blockSize } from "../weight.ts";
import { Builder, type LinearArrays, rowGrain } from "./builder.ts";
import { checkIndex } from "./machine-steps.ts";
import { isPackable } from "./quantised-arrays.ts";

/** Raise it when kernels give other bits. */
export const encoderRevision = 1;

interface NormArrays {
  readonly weight: DeviceArray;
  readonly bias: DeviceArray;
  readonly divisors?: DeviceArray;
}
/** What `quantiseEncoder` makes of an encoder. */
interface MachineEncoderParameters {
  readonly token: DeviceArray;
  readonly position: DeviceArray;
  readonly type: DeviceArray;
  readonly norm: NormArrays;
  readonly blocks: readonly {
    readonly attention: { readonly joined: LinearArrays; readonly output: LinearArrays };
    readonly norm1: NormArrays;
    readonly feedForward: { readonly up: LinearArrays; readonly down: LinearArrays };
    readonly norm2: NormArrays;
  }[];
}

/** The parameters where this processor can run them as machine code; undefined where it cannot. */
export function machineEncoderReady(
  config: EncoderConfig,
  parameters: ArraysOf<EncoderSpec>,
  device: Device,
): MachineEncoderParameters | undefined {
  if (device.name !== "cpu" || !usableFeatures().vnni512) return undefined;
  const tree: unknown = parameters;
  const p = tree as MachineEncoderParameters;
  const isLinear = (l: LinearArrays | undefined) => l !== undefined && isPackable(l.weight);
  const fits =
    config.headSize % 32 === 0 &&
    [config.width, config.hidden].every(n => n % blockSize === 0) &&
    config.heads * config.headSize === config.width &&
    p.norm.bias !== undefined &&
    p.blocks.every(b => [b.attention.joined, b.attention.output, b.feedForward.up, b.feedForward.down].every(isLinear));
  return fits ? p : undefined;
}

export interface MachineEncoderSizes {
  /** Most tokens of a batch. */
  readonly tokens: number;
  /** Lengths by which texts share batches, and most texts of each. */
  readonly widths: readonly { readonly width: number; readonly texts: number }[];
}

export interface MachineEncoder {
  /**
   * States of all texts' tokens, one text after the other: [N, C], valid until the next call. Texts have at most `width` tokens, one of the
   * widths. One call at a time.
   */
  run(texts: readonly (readonly number[])[], width: number): Promise<Float32Array>;
  dispose(): void;
}

const host = async (a: DeviceArray): Promise<Float32Array> => (a.memory.host() ?? (await a.read())) as Float32Array;

const shapeOf = ({ heads, headSize }: EncoderConfig, width: number): HeadShape => ({
  heads,
  kvHeads: heads,
  headSize,
  room: cacheKeyBlock * Math.ceil(width / cacheKeyBlock),
});
const slotBytesOf = (config: EncoderConfig, width: number): number => config.heads * headBytes(shapeOf(config, width));

/** Memory of a pass, whose rows are tokens. */
function passBuffers(b: Builder, config: EncoderConfig, sizes: MachineEncoderSizes) {
  const { width: channels, hidden, headSize } = config;
  const most = sizes.tokens;
  const stream = b.pages(4 * most * channels);
  const joined = b.pages(4 * most * 3 * channels).address;
  const fed = b.pages(4 * most * hidden).address;
  const mixed = b.pages(4 * most * channels).address;
  const queries = b.pages(4 * most * channels).address;
  const positions = b.pages(4 * most);
  const slots = b.pages(8 * most);
  // every text may begin a tile, and end one that is not full
  const tiles = b.pages(tile.bytes * most);
  const counts = b.pages(64);
  const cacheBytes = Math.max(...sizes.widths.map(w => w.texts * slotBytesOf(config, w.width)));
  const [keys, values] = [b.pages(cacheBytes).address, b.pages(cacheBytes).address];
  const exponential = b.copy(attendConstants(exponentialConstants));
  return {
    stream,
    joined,
    fed,
    mixed,
    queries,
    positions,
    slots,
    tiles,
    counts,
    keys,
    values,
    exponential,
    queriesStride: 4 * most * headSize,
  };
}
type PassBuffers = ReturnType<typeof passBuffers>;

/** The operations of a pass; gives those whose kernels know the room of a text. */
async function addLayers(b: Builder, config: EncoderConfig, parameters: MachineEncoderParameters, buffers: PassBuffers) {
  const { width: channels, hidden, headSize } = config;
  const { stream, joined, fed, mixed, queries, positions, slots, tiles, counts, keys, values, exponential, queriesStride } = buffers;
  const normed = async (n: NormArrays, grain: "row" | "block") => {
    const divisors = n.divisors && (await host(n.divisors));
    const whole = async (a: DeviceArray) => b.copy(divisors ? (await host(a)).map((x, i) => x * divisors[i]!) : await host(a));
    const x = { x: stream.address, stride: 4 * channels, length: channels, work: "layerNorm" } as const;
    const own = {
      other: await b.floats(n.weight),
      bias: await b.floats(n.bias),
      whole: await whole(n.weight),
      wholeBias: await whole(n.bias),
    };
    b.round({ ...x, ...own }, grain, config.epsilon);
  };
  const product = async (layer: LinearArrays, out: bigint, outStride: number, adds = false) => {
    const weight = await b.pack(layer.weight);
    await b.product({ layer, weight, out, outStride, adds, rows: counts.address });
  };
  const grainOf = (l: LinearArrays): "row" | "block" => ("codes" in l.weight ? "row" : "block");
  const [turns, attends]: [number[], number[]] = [[], []];
  let last = parameters.norm;
  for (const { attention, norm1, feedForward, norm2 } of parameters.blocks) {
    await normed(last, grainOf(attention.joined));
    await product(attention.joined, joined, 4 * 3 * channels);
    const scale = { f32: 1 / Math.sqrt(headSize) };
    const at = { joined, stride: 4 * 3 * channels, positions: positions.address, slots: slots.address, cos: 0, sin: 0 };
    turns.push(b.add({ kernel: 0n, argument: b.put(turnFields, { ...at, queries, queriesStride, keys, values, scale }), items: 1 }));
    const seen = { tiles: tiles.address, queries, queriesStride, keys, values, out: mixed, exponential };
    attends.push(b.add({ kernel: 0n, argument: b.put(attendFields, seen), items: 1 }));
    b.round({ x: mixed, stride: 4 * channels, length: channels, work: "none" }, grainOf(attention.output), config.epsilon);
    await product(attention.output, stream.address, 4 * channels, true);
    await normed(norm1, grainOf(feedForward.up));
    await product(feedForward.up, fed, 4 * hidden);
    b.round({ x: fed, stride: 4 * hidden, length: hidden, work: "gelu" }, grainOf(feedForward.down), config.epsilon);
    await product(feedForward.down, stream.address, 4 * channels, true);
    last = norm2;
  }
  await normed(last, "row");
  b.byRow.push(...turns);
  return { turns, attends };
}

/** The program of each width. */
function programsOf(
  b: Builder,
  config: EncoderConfig,
  widths: MachineEncoderSizes["widths"],
  { turns, attends }: { readonly turns: readonly number[]; readonly attends: readonly number[] },
): Map<number, MachineProgram> {
  return new Map(
    widths.map(({ width }) => {
      const shape = shapeOf(config, width);
      const turn = b.kernel(`place ${headShapeName(shape)}`, () => turnCode(shape, false));
      const attend = b.kernel(`attend ${headShapeName(shape)}`, () => attendCode(shape));
      const kernelOf = (i: number, kernel: bigint) => (turns.includes(i) ? turn : attends.includes(i) ? attend : kernel);
      return [width, new MachineProgram(b.operations.map((o, i) => ({ ...o, kernel: kernelOf(i, o.kernel) })))];
    }),
  );
}

/** Throws for texts that machine code would read or write outside its memory for. */
function checkTexts(texts: readonly (readonly number[])[], width: number, most: number, vocab: number): void {
  checkIndex(
    "tokens of the batch",
    texts.reduce((n, text) => n + text.length, 0),
    most + 1,
  );
  for (const text of texts) {
    checkIndex("tokens of a text", text.length, width + 1);
    for (const token of text) checkIndex("token", token, vocab);
  }
}

/** The tiles of a text of `length` tokens from row `first` on, each query of which sees all; gives how many tiles there are then. */
function writeTiles(
  t: DataView,
  count: number,
  { first, length, slot }: Record<"first" | "length" | "slot", number>,
  { width: channels, headSize }: EncoderConfig,
): number {
  for (let from = 0; from < length; from += cacheTileRows) {
    const size = Math.min(cacheTileRows, length - from);
    const base = tile.bytes * count++;
    t.setBigInt64(base + tile.queries, BigInt(4 * (first + from) * headSize), true);
    t.setBigInt64(base + tile.slot, BigInt(slot), true);
    t.setInt32(base + tile.count, size, true);
    t.setInt32(base + tile.last, length - 1, true);
    for (let k = 0; k < size; k++) {
      t.setInt32(base + tile.limits + 4 * k, length - 1, true);
      t.setBigInt64(base + tile.outs + 8 * k, BigInt(4 * (first + from + k) * channels), true);
    }
  }
  return count;
}

export async function openMachineEncoder(
  config: EncoderConfig,
  parameters: MachineEncoderParameters,
  device: Device,
  sizes: MachineEncoderSizes,
): Promise<MachineEncoder> {
  const { width: channels, hidden, heads, layers } = config;
  const threads = Number(device.capabilities.details.threads ?? 1);
  const most = sizes.tokens;
  const b = new Builder({ rows: most, longest: Math.max(channels, hidden), operations: 10 * layers + 2, threads });
  try {
    const buffers = passBuffers(b, config, sizes);
    const { stream, positions, slots, tiles, counts } = buffers;
    const layered = await addLayers(b, config, parameters, buffers);
    const programs = programsOf(b, config, sizes.widths, layered);
    const team = teamOf(threads);
    const [tokenTable, positionTable, typeRow] = [
      await host(parameters.token),
      await host(parameters.position),
      await host(parameters.type),
    ];
    const first = config.firstPosition ?? 0;
    const views = {
      stream: new Float32Array(stream.buffer),
      positions: new Int32Array(positions.buffer),
      slots: new BigInt64Array(slots.buffer),
      counts: new BigInt64Array(counts.buffer),
      tiles: new DataView(tiles.buffer),
    };
    const embed = (row: number, token: number, position: number): void => {
      const [to, t, p] = [row * channels, token * channels, (first + position) * channels];
      for (let i = 0; i < channels; i++) views.stream[to + i] = tokenTable[t + i]! + positionTable[p + i]! + typeRow[i]!;
    };
    return {
      async run(texts, width) {
        const program = programs.get(width);
        if (!program) throw new RangeError(`width ${width} was not planned`);
        checkTexts(texts, width, most, config.vocab);
        const bytes = slotBytesOf(config, width);
        let [rows, tileCount] = [0, 0];
        for (const [slot, text] of texts.entries()) {
          for (const [position, token] of text.entries()) {
            embed(rows + position, token, position);
            views.positions[rows + position] = position;
            views.slots[rows + position] = BigInt(slot * bytes);
          }
          tileCount = writeTiles(views.tiles, tileCount, { first: rows, length: text.length, slot: slot * bytes }, config);
          rows += text.length;
        }
        views.counts[0] = BigInt(rows);
        for (const place of b.byRow) program.setItems(place, rows, rowGrain(rows, threads));
        for (const place of layered.attends) program.setItems(place, tileCount * heads);
        await team.run(program);
        return views.stream.subarray(0, rows * channels);
      },
      dispose() {
        for (const program of programs.values()) program.free();
        b.free();
      },
    };
  } catch (error) {
    b.free();
    throw error;
  }
}
