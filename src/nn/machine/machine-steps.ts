/**
 * A decoder's step as one program of machine code over some rows: each a token at a position of a slot. Built once; a step writes the rows
 * and what they see into its memory, and runs it. Buffers are [rows, width] floats.
 */
import {
  attendCode,
  attendConstants,
  attendFields,
  byteProductFields,
  cacheTileRows,
  exponentialConstants,
  headShapeName,
  MachineProgram,
  type PackedWeight,
  type Pages,
  roundFields,
  teamOf,
  tile,
  turnCode,
  turnFields,
  unpackOutput,
} from "../../machine/index.ts";
import { type DeviceArray, tensorErrors } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import { rotaryNumbers } from "../rotary.ts";
import { Builder, type LinearArrays, type Rounding, rowGrain } from "./builder.ts";
import type { MachineCache } from "./machine-cache.ts";
import type { MachineParameters } from "./machine-decoder.ts";

interface StepRow {
  readonly slot: number;
  readonly token: number;
  readonly position: number;
}
interface StepSizes {
  /** Most rows of a step. */
  readonly rows: number;
  /** Most rows whose logits are asked for. */
  readonly logitRows: number;
  readonly threads: number;
}
/** Throws for rows that machine code would read or write outside its memory for. */
function checkRows(rows: readonly StepRow[], most: number, limits: Readonly<Record<keyof StepRow, number>>): void {
  if (rows.length < 1 || rows.length > most)
    throw tensorErrors.fail("shape", { place: "decoder step", expected: `1 to ${most} rows`, received: `${rows.length}` });
  for (const row of rows) {
    checkIndex("token", row.token, limits.token);
    checkIndex("position", row.position, limits.position);
    checkIndex("slot", row.slot, limits.slot);
  }
}

/** Throws `tensor/index` where a number is no row of a table with `size` rows: the same error as a traced program's. */
export function checkIndex(place: string, value: number, size: number): void {
  if (Number.isInteger(value) && value >= 0 && value < size) return;
  throw tensorErrors.fail("index", { place, expected: `0 to ${size - 1}`, received: `${value}` });
}

export interface MachineSteps {
  /** Runs the rows, in order; gives the logits after each, or after the last as row 0. A slot's rows lie together, its positions ascend. */
  run(rows: readonly StepRow[], logits: "every" | "last"): Promise<{ row(index: number): Float32Array; release(): void }>;
  /** Bytes of packed weights. */
  readonly weightBytes: number;
  free(): void;
}

const padded = (n: number): number => 32 * Math.ceil(n / 32);

/** Memory of a step, whose rows are tokens at positions of slots. */
function stepBuffers(b: Builder, config: DecoderConfig, cache: MachineCache, most: number) {
  const { width, hidden, heads, kvHeads, headSize } = config;
  const attended = heads * headSize;
  const group = heads / kvHeads;
  const joinedWidth = padded((heads + 2 * kvHeads) * headSize);
  const stream = b.pages(4 * most * width);
  const joined = b.pages(4 * most * joinedWidth).address;
  const fed = b.pages(4 * most * 2 * hidden).address;
  const mixed = b.pages(4 * most * attended).address;
  const queries = b.pages(4 * most * attended).address;
  const positions = b.pages(4 * most);
  const slots = b.pages(8 * most);
  const tiles = b.pages(tile.bytes * most * group);
  const counts = b.pages(64); // rows, and rows of logits
  const { cos, sin } = rotaryNumbers(cache.shape.room, headSize, {
    base: config.rotaryBase,
    factors: config.rotaryFactors,
    scale: config.rotaryScale,
  });
  const angles = { cos: b.copy(cos), sin: b.copy(sin) };
  const exponential = b.copy(attendConstants(exponentialConstants));
  const queriesStride = 4 * most * group * headSize;
  return { stream, joinedWidth, joined, fed, mixed, queries, positions, slots, tiles, counts, angles, exponential, queriesStride };
}
type StepBuffers = ReturnType<typeof stepBuffers>;

/** A norm of the stream, rounded for a weight. */
const addNorm = async (b: Builder, config: DecoderConfig, { stream }: StepBuffers, weight: DeviceArray, w: PackedWeight, alone = false) => {
  const { width } = config;
  const x = { x: stream.address, stride: 4 * width, length: width, other: await b.floats(weight), work: "norm" } as const;
  return b.round(x, w.grain, config.epsilon, alone);
};

/** The operations of the blocks; gives those whose items are the tiles' heads. */
async function addBlocks(
  b: Builder,
  config: DecoderConfig,
  parameters: MachineParameters,
  cache: MachineCache,
  buffers: StepBuffers,
): Promise<readonly number[]> {
  const { width, hidden, heads, headSize } = config;
  const { stream, joinedWidth, joined, fed, mixed, queries, positions, slots, tiles, counts, angles, exponential, queriesStride } = buffers;
  const attended = heads * headSize;
  const shape = headShapeName(cache.shape);
  const turn = b.kernel(`turn ${shape}`, () => turnCode(cache.shape));
  const attend = b.kernel(`attend ${shape}`, () => attendCode(cache.shape));
  const normed = (weight: DeviceArray, w: PackedWeight) => addNorm(b, config, buffers, weight, w);
  const rounded = (r: Rounding, w: PackedWeight) => b.round(r, w.grain, config.epsilon);
  const product = (layer: LinearArrays, weight: PackedWeight, out: bigint, outStride: number) =>
    b.product({ layer, weight, out, outStride, adds: false, rows: counts.address });
  const addProduct = (layer: LinearArrays, weight: PackedWeight) =>
    b.product({ layer, weight, out: stream.address, outStride: 4 * width, adds: true, rows: counts.address });

  const byTile: number[] = [];
  for (const [i, { norm1, norm2, attention, feedForward }] of parameters.blocks.entries()) {
    const own = cache.addresses(i);
    const wJoined = await b.pack(attention.joined.weight);
    await normed(norm1.weight, wJoined);
    await product(attention.joined, wJoined, joined, 4 * joinedWidth);
    const scale = { f32: config.scoreScale ?? 1 / Math.sqrt(headSize) };
    const at = { joined, stride: 4 * joinedWidth, positions: positions.address, slots: slots.address, ...angles };
    b.byRow.push(b.add({ kernel: turn, argument: b.put(turnFields, { ...at, queries, queriesStride, ...own, scale }), items: 1 }));
    const seen = { tiles: tiles.address, queries, queriesStride, ...own, out: mixed, exponential };
    byTile.push(b.add({ kernel: attend, argument: b.put(attendFields, seen), items: 1 }));
    const wOutput = await b.pack(attention.output.weight);
    rounded({ x: mixed, stride: 4 * attended, length: attended, work: "none" }, wOutput);
    await addProduct(attention.output, wOutput);
    const wUp = await b.pack(feedForward.joined.weight);
    await normed(norm2.weight, wUp);
    await product(feedForward.joined, wUp, fed, 4 * 2 * hidden);
    const wDown = await b.pack(feedForward.down.weight);
    rounded({ x: fed, stride: 4 * 2 * hidden, length: hidden, other: 4 * hidden, work: "bend" }, wDown);
    await addProduct(feedForward.down, wDown);
  }
  return byTile;
}

/** The product that gives the logits of as many rows as `rows` points to; gives its argument. */
const addHead = (b: Builder, parameters: MachineParameters, head: PackedWeight, rows: bigint): Promise<bigint> =>
  b.product({
    layer: { weight: parameters.output ?? parameters.token },
    weight: head,
    out: 0n,
    outStride: 4 * head.panels * 32,
    adds: false,
    rows,
  });

/** The queries of some rows, as many at once as share a slot; fewer where there would be too few for the threads. */
function writeTiles(t: DataView, rows: readonly StepRow[], config: DecoderConfig, slotBytes: number, threads: number): number {
  const { heads, kvHeads, headSize } = config;
  const group = heads / kvHeads;
  const attended = heads * headSize;
  let count = 0;
  const widest = rows.length * kvHeads < 2 * threads ? 1 : cacheTileRows;
  for (let from = 0; from < rows.length; ) {
    let to = from;
    while (to < rows.length && rows[to]!.slot === rows[from]!.slot) to++;
    const end = to * group;
    for (let q = from * group; q < end; q += widest) {
      const size = Math.min(widest, end - q);
      const base = tile.bytes * count++;
      t.setBigInt64(base + tile.queries, BigInt(q * headSize * 4), true);
      t.setBigInt64(base + tile.slot, BigInt(rows[from]!.slot * slotBytes), true);
      t.setInt32(base + tile.count, size, true);
      t.setInt32(base + tile.last, rows[Math.floor((q + size - 1) / group)]!.position, true);
      for (let k = 0; k < size; k++) {
        const row = Math.floor((q + k) / group);
        t.setInt32(base + tile.limits + 4 * k, rows[row]!.position, true);
        t.setBigInt64(base + tile.outs + 8 * k, BigInt(4 * (row * attended + ((q + k) % group) * headSize)), true);
      }
    }
    from = to;
  }
  return count;
}

export async function openSteps(
  config: DecoderConfig,
  parameters: MachineParameters,
  cache: MachineCache,
  sizes: StepSizes,
): Promise<MachineSteps> {
  const { width, hidden, heads, kvHeads, headSize, layers, vocab } = config;
  const { rows: most, logitRows, threads } = sizes;
  const b = new Builder({ rows: most, longest: Math.max(width, hidden, heads * headSize), operations: 10 * layers + 4, threads });
  try {
    const buffers = stepBuffers(b, config, cache, most);
    const { stream, positions, slots, tiles, counts } = buffers;
    const byTile = await addBlocks(b, config, parameters, cache, buffers);
    const table = await b.pack(parameters.token);
    const head = parameters.output ? await b.pack(parameters.output) : table;
    const lastNorm = await addNorm(b, config, buffers, parameters.norm.weight, head, true);
    const logitStride = head.panels * 32;
    const takeLogits = () => b.pages(4 * logitRows * logitStride);
    const spare: Pages[] = [takeLogits()];
    const headArgument = await addHead(b, parameters, head, counts.address + 8n);

    const program = new MachineProgram(b.operations);
    const team = teamOf(threads);
    const views = {
      stream: new Float32Array(stream.buffer),
      positions: new Int32Array(positions.buffer),
      slots: new BigInt64Array(slots.buffer),
      counts: new BigInt64Array(counts.buffer),
      tiles: new DataView(tiles.buffer),
    };
    const scale = config.embeddingScale ?? 1;

    const limits = { token: vocab, position: cache.shape.room, slot: cache.slots };
    let lastCount = -1;
    return {
      weightBytes: b.weightBytes,
      async run(rows, logits) {
        const count = rows.length;
        checkRows(rows, most, limits);
        for (const [i, { slot, token, position }] of rows.entries()) {
          unpackOutput(table, token, scale, views.stream, i * width);
          views.positions[i] = position;
          views.slots[i] = BigInt(slot * cache.slotBytes);
        }
        const asked = logits === "every" ? count : 1;
        views.counts[0] = BigInt(count);
        views.counts[1] = BigInt(asked);
        if (count !== lastCount) for (const at of b.byRow) program.setItems(at, count, rowGrain(count, threads));
        lastCount = count;
        const tileCount = writeTiles(views.tiles, rows, config, cache.slotBytes, threads);
        for (const at of byTile) program.setItems(at, tileCount * kvHeads);
        program.setItems(lastNorm.at, asked);
        b.set(lastNorm.argument + BigInt(roundFields.x), stream.address + BigInt(logits === "every" ? 0 : 4 * width * (count - 1)));
        const out = spare.pop() ?? takeLogits();
        b.set(headArgument + BigInt(byteProductFields.out), out.address);
        try {
          await team.run(program);
        } catch (error) {
          spare.push(out);
          throw error;
        }
        const values = new Float32Array(out.buffer);
        return {
          row: index => values.subarray(index * logitStride, index * logitStride + vocab),
          release: () => void spare.push(out),
        };
      },
      free() {
        program.free();
        b.free();
      },
    };
  } catch (error) {
    b.free();
    throw error;
  }
}
