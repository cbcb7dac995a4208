/**
 * Copies positions of one slot of the cache to another: how a beam forks and how a known prefix is taken over. Keys and values are moved as
 * they are, so what follows gets the same bits. Where memory can be reached it is a move of bytes inside one buffer, a run of positions a
 * head; elsewhere a program that gathers rows and scatters them in place, so nothing leaves the device.
 */
import type { MapLeaves } from "../../base/index.ts";
import { type Compiled, compile, type Device, type DeviceArray, gather, scatterRows, type Tensor } from "../../tensor/index.ts";
import type { CachePage } from "../cache-pages.ts";
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
  readonly #pages: readonly CachePage[];
  readonly #program: Compiled<readonly [DecoderCache, Tensor, Tensor], DecoderCache>;

  constructor(config: DecoderConfig, device: Device, pages: readonly CachePage[]) {
    this.#heads = config.kvHeads;
    this.#size = config.headSize;
    this.#pages = pages;
    const moved = (flat: Tensor, from: Tensor, to: Tensor) => scatterRows(flat, to, gather(flat, from), "set");
    this.#program = compile(
      (cache: DecoderCache, from: Tensor, to: Tensor): DecoderCache => ({
        layers: cache.layers.map(layer => ({
          pages: layer.pages.map(({ keys, values }) => ({ keys: moved(keys, from, to), values: moved(values, from, to) })),
        })),
      }),
      { device, donate: [0], name: "copy slot" },
    );
  }

  /** Pages that positions [start, end) touch, and which of a page's places they are. */
  #parts(start: number, end: number): readonly { readonly page: number; readonly start: number; readonly end: number }[] {
    return this.#pages.flatMap(({ first, positions }, page) => {
      const [from, to] = [Math.max(0, start - first), Math.min(positions, end - first)];
      return from < to ? [{ page, start: from, end: to }] : [];
    });
  }

  /** Moves bytes in place; false where the memory cannot be reached. */
  onHost(cache: CacheArrays, { from, to, start, end }: SlotSpan): boolean {
    for (const part of this.#parts(start, end)) {
      const { rows } = this.#pages[part.page]!;
      for (const { pages } of cache.layers)
        for (const array of [pages[part.page]!.keys, pages[part.page]!.values]) {
          const data = array.memory.host();
          if (!data) return false;
          for (let head = 0; head < this.#heads; head++) {
            const row = (slot: number, place: number) => ((slot * this.#heads + head) * rows + place) * this.#size;
            data.copyWithin(row(to, part.start), row(from, part.start), row(from, part.end));
          }
        }
    }
    return true;
  }

  /** The same as a program; gives the cache that takes the given one's place. */
  async onDevice(device: Device, cache: CacheArrays, { from, to, start, end }: SlotSpan): Promise<CacheArrays> {
    let current = cache;
    for (const part of this.#parts(start, end)) {
      const { positions, rows } = this.#pages[part.page]!;
      const width = Math.min(programWidth, positions);
      for (let at = part.start; at < part.end; at += width) {
        // at the page's end it starts earlier, among what is the same; what it moves behind `end` is not seen
        const first = Math.min(at, positions - width);
        const indices = (slot: number) =>
          Int32Array.from(
            { length: this.#heads * width },
            (_, i) => (slot * this.#heads + Math.floor(i / width)) * rows + first + (i % width),
          );
        const [source, target] = await Promise.all([indices(from), indices(to)].map(r => device.array(r, "i32")));
        const only = { layers: current.layers.map(({ pages }) => ({ pages: [pages[part.page]!] })) };
        const moved = await this.#program(only, source!, target!);
        current = {
          layers: current.layers.map(({ pages }, i) => ({ pages: pages.with(part.page, moved.layers[i]!.pages[0]!) })),
        };
        source!.dispose();
        target!.dispose();
      }
    }
    return current;
  }

  dispose(): void {
    this.#program.dispose();
  }
}
