/**
 * Copies positions of one slot of the cache to another: how a beam forks and how a known prefix is taken over. Keys and values are moved as
 * they are, so what follows gets the same bits. Where memory can be reached it is a move of bytes inside one buffer, a run of positions a
 * head; elsewhere a program that gathers rows and scatters them in place, so nothing leaves the device.
 */
import type { MapLeaves } from "../../base/index.ts";
import { type Compiled, compile, type Device, type DeviceArray, gather, scatterRows, type Tensor } from "../../tensor/index.ts";
import type { DecoderCache, DecoderConfig } from "../decoder.ts";

export type CacheArrays = MapLeaves<DecoderCache, Tensor, DeviceArray>;

/** Positions [start, end) from one slot to another; what lies before them is the same in both already. */
export interface SlotSpan {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

/** Positions that one run of the program moves. */
const programWidth = 32;

export class SlotCopy {
  readonly #heads: number;
  readonly #size: number;
  readonly #room: number;
  readonly #program: Compiled<readonly [DecoderCache, Tensor, Tensor], DecoderCache>;

  constructor(config: DecoderConfig, device: Device, room: number) {
    this.#heads = config.kvHeads;
    this.#size = config.headSize;
    this.#room = room;
    const moved = (flat: Tensor, from: Tensor, to: Tensor) => scatterRows(flat, to, gather(flat, from), "set");
    this.#program = compile(
      (cache: DecoderCache, from: Tensor, to: Tensor): DecoderCache => ({
        layers: cache.layers.map(({ keys, values }) => ({ keys: moved(keys, from, to), values: moved(values, from, to) })),
      }),
      { device, donate: [0], name: "copy slot" },
    );
  }

  /** Moves bytes in place; false where the memory cannot be reached. */
  onHost(cache: CacheArrays, { from, to, start, end }: SlotSpan): boolean {
    for (const { keys, values } of cache.layers)
      for (const array of [keys, values]) {
        const data = array.memory.host();
        if (!data) return false;
        for (let head = 0; head < this.#heads; head++) {
          const row = (slot: number, position: number) => ((slot * this.#heads + head) * this.#room + position) * this.#size;
          data.copyWithin(row(to, start), row(from, start), row(from, end));
        }
      }
    return true;
  }

  /** The same as a program; gives the cache that takes the given one's place. */
  async onDevice(device: Device, cache: CacheArrays, { from, to, start, end }: SlotSpan): Promise<CacheArrays> {
    let current = cache;
    const width = Math.min(programWidth, this.#room);
    for (let at = start; at < end; at += width) {
      // at the slot's end it starts earlier, among what is the same; what it moves behind `end` is not seen
      const first = Math.min(at, this.#room - width);
      const rows = (slot: number) =>
        Int32Array.from(
          { length: this.#heads * width },
          (_, i) => (slot * this.#heads + Math.floor(i / width)) * this.#room + first + (i % width),
        );
      const [source, target] = await Promise.all([rows(from), rows(to)].map(r => device.array(r, "i32")));
      current = await this.#program(current, source!, target!);
      source!.dispose();
      target!.dispose();
    }
    return current;
  }

  dispose(): void {
    this.#program.dispose();
  }
}
