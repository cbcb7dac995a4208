/**
 * The adapters of one model on its device: a fixed number of places of a fixed rank, so that one comes or goes by a write into arrays and no
 * program is built anew. An empty place is zeros, which change nothing.
 */
import type { MapLeaves } from "../../base/index.ts";
import type { Device, DeviceArray, Tensor } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { BlockFactors } from "../quantise/smoothing.ts";
import type { Bank, BankPart } from "./adapted.ts";
import { type Adapter, type LowRank, type Projection, projectionSizes, projections } from "./adapter.ts";

export interface AdapterRoom {
  /** Adapters that can be there at once. */
  readonly count: number;
  /** The greatest rank that one may have; those of less are padded to it. */
  readonly rank: number;
}

type Part = MapLeaves<BankPart, Tensor, DeviceArray>;
type Arrays = MapLeaves<Bank, Tensor, DeviceArray>;

/** Far above any published adapter: PEFT's default is 8, papers go to 256. */
const mostRank = 1024;
/** The row's mask is compared against all places; vLLM's default is 1, and 64 of rank 16 are 1,024 columns a projection. */
const mostCount = 256;

export class AdapterBank {
  readonly count: number;
  readonly rank: number;
  /** As a program takes it. */
  readonly arrays: Arrays;
  readonly #config: DecoderConfig;

  private constructor(config: DecoderConfig, { count, rank }: AdapterRoom, arrays: Arrays) {
    this.#config = config;
    this.count = count;
    this.rank = rank;
    this.arrays = arrays;
  }

  /** Allocates all places, empty. Errors: nn/config where the numbers are out of range. */
  static async open(config: DecoderConfig, device: Device, room: AdapterRoom): Promise<AdapterBank> {
    for (const [key, value, most] of [
      ["count", room.count, mostCount],
      ["rank", room.rank, mostRank],
    ] as const)
      if (!Number.isSafeInteger(value) || value < 1 || value > most)
        throw nnErrors.fail("config", { place: `adapters.${key}`, expected: `a whole number from 1 to ${most}`, received: String(value) });
    const rows = room.count * room.rank;
    const sizes = projectionSizes(config);
    const layers: { [P in Projection]?: Part }[] = [];
    try {
      for (let i = 0; i < config.layers; i++) {
        const layer: { [P in Projection]?: Part } = {};
        layers.push(layer);
        for (const [projection, { input, output }] of sizes)
          layer[projection] = { down: await device.zeros([rows, input]), up: await device.zeros([rows, output]) };
      }
    } catch (error) {
      disposeLayers(layers);
      throw error;
    }
    return new AdapterBank(config, room, { layers });
  }

  get sizeBytes(): number {
    const width = [...projectionSizes(this.#config).values()].reduce((n, { input, output }) => n + input + output, 0);
    return 4 * this.#config.layers * this.count * this.rank * width;
  }

  /** Errors: nn/adapter where its rank is more than a place has. */
  check(adapter: Adapter, place = "adapter"): void {
    if (adapter.rank > this.rank)
      throw nnErrors.fail("adapter", {
        place,
        expected: `a rank of at most ${this.rank}`,
        received: String(adapter.rank),
        hint: "The rank that there is room for is chosen when the model is opened.",
      });
  }

  /**
   * Puts an adapter into a place (1 is the first), or empties it. No program may run meanwhile. `factors` are those of smoothed weights, whose
   * inputs and outputs are scaled. Errors as of `check`.
   */
  async write(place: number, adapter: Adapter | undefined, factors?: readonly BlockFactors[]): Promise<void> {
    if (adapter) this.check(adapter);
    for (const [i, layer] of this.arrays.layers.entries())
      for (const projection of projections) {
        const part = layer[projection];
        if (!part) continue;
        const own = adapter?.layers[i]?.[projection];
        const scaled = own && factors ? smoothed(own, projection, factors[i]!) : own;
        await this.#writeRows(part.down, place, scaled?.down);
        await this.#writeRows(part.up, place, scaled?.up);
      }
  }

  async #writeRows(array: DeviceArray, place: number, rows: Float32Array | undefined): Promise<void> {
    const size = this.rank * array.shape[1]!;
    const host = array.memory.host() as Float32Array | undefined;
    const data = host ?? ((await array.read()) as Float32Array);
    data.fill(0, (place - 1) * size, place * size);
    if (rows) data.set(rows, (place - 1) * size);
    if (!host) await array.write(data);
  }

  dispose(): void {
    disposeLayers(this.arrays.layers);
  }
}

function disposeLayers(layers: Arrays["layers"]): void {
  for (const layer of layers)
    for (const part of Object.values(layer)) {
      part.down.dispose();
      part.up.dispose();
    }
}

/** What smoothed weights do to a projection: its input comes divided by `rows`, its output is wanted divided by `columns`. */
function smoothed({ rank, down, up }: LowRank, projection: Projection, factors: BlockFactors): LowRank {
  const isAttention = projection === "attention.query" || projection === "attention.key" || projection === "attention.value";
  const isFeed = projection === "feedForward.up" || projection === "feedForward.gate";
  const rows = isAttention
    ? factors.attention
    : isFeed
      ? factors.feedForward
      : projection === "feedForward.down"
        ? factors.down
        : undefined;
  const columns = projection === "feedForward.up" ? factors.down : undefined;
  return {
    rank,
    down: rows ? down.map((x, i) => x * rows[i % rows.length]!) : down,
    up: columns ? up.map((x, i) => x / columns[i % columns.length]!) : up,
  };
}
