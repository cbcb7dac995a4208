/**
 * A decoder's step as one program of machine code over some rows: each a token at a position of a slot. Built once; a step writes the rows
 * and what they see into its memory, and runs it. Buffers are [rows, width] floats.
 */
import { type DeviceArray, machine } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import { rotaryNumbers } from "../rotary.ts";
import { blockSize } from "../weight.ts";
import { attendCode, attendConstants, attendFields, tile, tileRows, turnCode, turnFields } from "./attention-code.ts";
import { exponentialConstants } from "./exponential.ts";
import type { MachineCache } from "./machine-cache.ts";
import type { LinearArrays, MachineParameters } from "./machine-decoder.ts";
import { type PackedWeight, packWeight, unpackOutput } from "./packed-weights.ts";
import { productCode, productFields } from "./products.ts";
import { type RowWork, roundConstants, roundFields, roundRowsCode } from "./round-rows.ts";

export interface StepRow {
  readonly slot: number;
  readonly token: number;
  readonly position: number;
}
export interface StepSizes {
  /** Most rows of a step. */
  readonly rows: number;
  /** Most rows whose logits are asked for. */
  readonly logitRows: number;
  readonly threads: number;
}
export interface MachineSteps {
  /** Runs the rows, in order; gives the logits after each, or after the last as row 0. A slot's rows lie together, its positions ascend. */
  run(rows: readonly StepRow[], logits: "every" | "last"): Promise<{ row(index: number): Float32Array; release(): void }>;
  /** Bytes of packed weights. */
  readonly weightBytes: number;
  free(): void;
}

/** Kernels of a model; nothing in them depends on its weights. */
function kernelsFor(cache: MachineCache) {
  const made = new Map<string, bigint>();
  const load = (name: string, code: () => Uint8Array): bigint => {
    const known = made.get(name) ?? machine.loadCode(code());
    made.set(name, known);
    return known;
  };
  return {
    round: (work: RowWork, grain: "row" | "block") => load(`round ${work} ${grain}`, () => roundRowsCode(work, grain)),
    product: (grain: "row" | "block", adds: boolean) => load(`product ${grain} ${adds}`, () => productCode(grain, adds)),
    turn: () => load("turn", () => turnCode(cache.shape)),
    attend: () => load("attend", () => attendCode(cache.shape)),
  };
}

/** Memory that lives as long as the steps. */
class Space {
  readonly #all: machine.Pages[] = [];
  pages(bytes: number): machine.Pages {
    const pages = machine.allocatePages(bytes);
    this.#all.push(pages);
    return pages;
  }
  copy(bytes: Uint8Array): bigint {
    const pages = this.pages(bytes.length);
    new Uint8Array(pages.buffer).set(bytes);
    return pages.address;
  }
  async floats(a: DeviceArray): Promise<bigint> {
    const data = (a.memory.host() ?? (await a.read())) as Float32Array;
    return this.copy(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  free(): void {
    for (const pages of this.#all) pages.free();
  }
}

const padded = (n: number): number => 32 * Math.ceil(n / 32);

export async function openSteps(
  config: DecoderConfig,
  parameters: MachineParameters,
  cache: MachineCache,
  sizes: StepSizes,
): Promise<MachineSteps> {
  const { width, hidden, heads, kvHeads, headSize, layers, vocab } = config;
  const space = new Space();
  const weights: PackedWeight[] = [];
  const free = () => {
    space.free();
    for (const w of weights) w.free();
  };
  try {
    const pack = async (w: LinearArrays["weight"]): Promise<PackedWeight> => {
      const packed = await packWeight(w);
      weights.push(packed);
      return packed;
    };
    const kernels = kernelsFor(cache);
    const group = heads / kvHeads;
    const attended = heads * headSize;
    const joinedWidth = padded((heads + 2 * kvHeads) * headSize);
    const { rows: most, logitRows } = sizes;

    // buffers of a step
    const stream = space.pages(4 * most * width);
    const scratch = space.pages(4 * most * Math.max(width, hidden));
    const joined = space.pages(4 * most * joinedWidth);
    const fed = space.pages(4 * most * 2 * hidden);
    const mixed = space.pages(4 * most * attended);
    const queries = space.pages(4 * most * attended);
    const longest = Math.max(width, hidden, attended);
    // rows at a distance that is no power of two lie in different sets of the cache
    const codesStride = longest + 64;
    const codes = space.pages(most * codesStride);
    const mostBlocks = longest / blockSize;
    const blockStride = 4 * most;
    const scales = space.pages(mostBlocks * blockStride);
    const sums = space.pages(mostBlocks * blockStride);
    const positions = space.pages(4 * most);
    const slots = space.pages(8 * most);
    const tiles = space.pages(tile.bytes * most * group);
    const counts = space.pages(64); // rows, and rows of logits
    const { cos, sin } = rotaryNumbers(cache.shape.room, headSize, {
      base: config.rotaryBase,
      factors: config.rotaryFactors,
      scale: config.rotaryScale,
    });
    const bytesOf = (f: Float32Array) => new Uint8Array(f.buffer, f.byteOffset, f.byteLength);
    const [cosines, sines] = [space.copy(bytesOf(cos)), space.copy(bytesOf(sin))];
    const constants = space.copy(roundConstants(exponentialConstants));
    const attention = space.copy(attendConstants(exponentialConstants));
    const argumentSpace = new machine.ArgumentSpace(16 * (10 * layers + 4));

    const operations: machine.Operation[] = [];
    /** Operations whose items are the rows, and those whose items are the tiles' heads. */
    const [byRow, byTile]: [number[], number[]] = [[], []];
    const add = (kernel: bigint, argument: bigint, items: number, grain = 1): number =>
      operations.push({ kernel, argument, items, grain }) - 1;

    interface Rounding {
      readonly x: bigint;
      readonly stride: number;
      readonly length: number;
      readonly other?: bigint | number;
      readonly work: RowWork;
    }
    const round = ({ x, stride, length, other = 0, work }: Rounding, grain: "row" | "block"): { at: number; argument: bigint } => {
      const argument = argumentSpace.put(roundFields, {
        x,
        xStride: stride,
        other,
        y: work === "none" ? x : scratch.address,
        yStride: work === "none" ? stride : 4 * length,
        codes: codes.address,
        codesStride,
        scales: scales.address,
        sums: sums.address,
        blockStride,
        length,
        epsilon: { f32: config.epsilon },
        inverse: { f32: 1 / length },
        constants,
      });
      return { at: add(kernels.round(work, grain), argument, 1), argument };
    };
    const product = async (layer: LinearArrays, w: PackedWeight, out: bigint, outStride: number, adds: boolean, which = 0) => {
      const argument = argumentSpace.put(productFields, {
        rows: counts.address + BigInt(8 * which),
        codes: codes.address,
        codesStride,
        scales: scales.address,
        sums: sums.address,
        blockStride,
        inputs: w.inputs,
        panels: w.address,
        panelBytes: w.panelBytes,
        columnScales: w.scalesAddress,
        scalesBytes: w.scalesBytes,
        bias: layer.bias ? await space.floats(layer.bias) : 0,
        out,
        outStride,
      });
      add(kernels.product(w.grain, adds), argument, w.panels, Math.max(1, Math.floor(w.panels / (16 * sizes.threads))));
      return argument;
    };
    const addProduct = async (layer: LinearArrays, w: PackedWeight) => product(layer, w, stream.address, 4 * width, true);

    for (const [i, b] of parameters.blocks.entries()) {
      const own = cache.addresses(i);
      const wJoined = await pack(b.attention.joined.weight);
      byRow.push(
        round(
          { x: stream.address, stride: 4 * width, length: width, other: await space.floats(b.norm1.weight), work: "norm" },
          wJoined.grain,
        ).at,
      );
      await product(b.attention.joined, wJoined, joined.address, 4 * joinedWidth, false);
      byRow.push(
        add(
          kernels.turn(),
          argumentSpace.put(turnFields, {
            joined: joined.address,
            stride: 4 * joinedWidth,
            positions: positions.address,
            slots: slots.address,
            cos: cosines,
            sin: sines,
            queries: queries.address,
            queriesStride: 4 * most * group * headSize,
            ...own,
            scale: { f32: config.scoreScale ?? 1 / Math.sqrt(headSize) },
          }),
          1,
        ),
      );
      byTile.push(
        add(
          kernels.attend(),
          argumentSpace.put(attendFields, {
            tiles: tiles.address,
            queries: queries.address,
            queriesStride: 4 * most * group * headSize,
            ...own,
            out: mixed.address,
            exponential: attention,
          }),
          1,
        ),
      );
      const wOutput = await pack(b.attention.output.weight);
      byRow.push(round({ x: mixed.address, stride: 4 * attended, length: attended, work: "none" }, wOutput.grain).at);
      await addProduct(b.attention.output, wOutput);
      const wUp = await pack(b.feedForward.joined.weight);
      byRow.push(
        round({ x: stream.address, stride: 4 * width, length: width, other: await space.floats(b.norm2.weight), work: "norm" }, wUp.grain)
          .at,
      );
      await product(b.feedForward.joined, wUp, fed.address, 4 * 2 * hidden, false);
      const wDown = await pack(b.feedForward.down.weight);
      byRow.push(round({ x: fed.address, stride: 4 * 2 * hidden, length: hidden, other: 4 * hidden, work: "bend" }, wDown.grain).at);
      await addProduct(b.feedForward.down, wDown);
    }
    const table = await pack(parameters.token);
    const head = parameters.output ? await pack(parameters.output) : table;
    const lastNorm = round(
      { x: stream.address, stride: 4 * width, length: width, other: await space.floats(parameters.norm.weight), work: "norm" },
      head.grain,
    );
    const logitStride = head.panels * 32;
    const takeLogits = () => space.pages(4 * logitRows * logitStride);
    const spare: machine.Pages[] = [takeLogits()];
    const headArgument = await product({ weight: parameters.output ?? parameters.token }, head, 0n, 4 * logitStride, false, 1);

    const program = new machine.MachineProgram(operations);
    const team = machine.teamOf(sizes.threads);
    const views = {
      stream: new Float32Array(stream.buffer),
      positions: new Int32Array(positions.buffer),
      slots: new BigInt64Array(slots.buffer),
      counts: new BigInt64Array(counts.buffer),
      tiles: new DataView(tiles.buffer),
    };
    const scale = config.embeddingScale ?? 1;

    /** The queries of some rows, as many at once as share a slot; fewer where there would be too few for the threads. */
    const writeTiles = (rows: readonly StepRow[]): number => {
      let count = 0;
      const widest = rows.length * kvHeads < 2 * sizes.threads ? 1 : tileRows;
      for (let from = 0; from < rows.length; ) {
        let to = from;
        while (to < rows.length && rows[to]!.slot === rows[from]!.slot) to++;
        const end = to * group;
        for (let q = from * group; q < end; q += widest) {
          const size = Math.min(widest, end - q);
          const base = tile.bytes * count++;
          const t = views.tiles;
          t.setBigInt64(base + tile.queries, BigInt(q * headSize * 4), true);
          t.setBigInt64(base + tile.slot, BigInt(rows[from]!.slot * cache.slotBytes), true);
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
    };

    let lastCount = -1;
    return {
      weightBytes: weights.reduce((sum, w) => sum + w.bytes, 0),
      async run(rows, logits) {
        const count = rows.length;
        for (const [i, { slot, token, position }] of rows.entries()) {
          unpackOutput(table, token, scale, views.stream, i * width);
          views.positions[i] = position;
          views.slots[i] = BigInt(slot * cache.slotBytes);
        }
        const asked = logits === "every" ? count : 1;
        views.counts[0] = BigInt(count);
        views.counts[1] = BigInt(asked);
        // scales of neighbouring rows share a line, so a thread takes several
        const grain = Math.min(16, Math.ceil(count / (2 * sizes.threads)));
        if (count !== lastCount) for (const at of byRow) program.setItems(at, count, grain);
        lastCount = count;
        const tileCount = writeTiles(rows);
        for (const at of byTile) program.setItems(at, tileCount * kvHeads);
        program.setItems(lastNorm.at, asked);
        argumentSpace.set(
          lastNorm.argument + BigInt(roundFields.x),
          stream.address + BigInt(logits === "every" ? 0 : 4 * width * (count - 1)),
        );
        const out = spare.pop() ?? takeLogits();
        argumentSpace.set(headArgument + BigInt(productFields.out), out.address);
        await team.run(program);
        const values = new Float32Array(out.buffer);
        return {
          row: index => values.subarray(index * logitStride, index * logitStride + vocab),
          release: () => void spare.push(out),
        };
      },
      free() {
        program.free();
        argumentSpace.free();
        free();
      },
    };
  } catch (error) {
    free();
    throw error;
  }
}
