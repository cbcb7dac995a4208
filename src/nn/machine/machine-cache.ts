/** Keys and values of all layers and slots as `attention-code.ts` lays them out. Memory of slots that were never used is not there yet. */
import { allocatePages, cacheKeyBlock, type HeadShape, headBytes, type Pages } from "../../machine/index.ts";
import { toF16 } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import type { SlotSpan } from "../generate/slot-copy.ts";

export class MachineCache {
  readonly shape: HeadShape;
  readonly slots: number;
  readonly layers: number;
  /** Bytes of the keys, and of the values, of one slot in one layer. */
  readonly slotBytes: number;
  readonly #pages: Pages;
  readonly #numbers: Uint16Array;

  constructor(config: DecoderConfig, slots: number, room: number) {
    const { heads, kvHeads, headSize, layers } = config;
    this.shape = { heads, kvHeads, headSize, room: cacheKeyBlock * Math.ceil(room / cacheKeyBlock) };
    this.slots = slots;
    this.layers = layers;
    this.slotBytes = kvHeads * headBytes(this.shape);
    this.#pages = allocatePages(2 * layers * slots * this.slotBytes, false);
    this.#numbers = new Uint16Array(this.#pages.buffer);
  }

  get bytes(): number {
    return 2 * this.layers * this.slots * this.slotBytes;
  }

  /** Where a layer's keys of all slots are, and its values. */
  addresses(layer: number): { readonly keys: bigint; readonly values: bigint } {
    const bytes = this.slots * this.slotBytes;
    const keys = this.#pages.address + BigInt(2 * layer * bytes);
    return { keys, values: keys + BigInt(bytes) };
  }

  /** Index of the first number of a slot's keys (0) or values (1). */
  #first(layer: number, which: 0 | 1, slot: number): number {
    return (((2 * layer + which) * this.slots + slot) * this.slotBytes) / 2;
  }

  copy({ from, to, start, end }: SlotSpan): void {
    const { kvHeads, headSize, room } = this.shape;
    const head = room * headSize;
    const all = this.#numbers;
    for (let layer = 0; layer < this.layers; layer++)
      for (let kv = 0; kv < kvHeads; kv++) {
        const [source, target] = [from, to].map(slot => this.#first(layer, 1, slot) + kv * head) as [number, number];
        all.copyWithin(target + start * headSize, source + start * headSize, source + end * headSize);
        const [keys, keysTo] = [from, to].map(slot => this.#first(layer, 0, slot) + kv * head) as [number, number];
        for (let first = start; first < end; ) {
          const block = Math.floor(first / cacheKeyBlock);
          const last = Math.min(end, (block + 1) * cacheKeyBlock);
          const place = block * cacheKeyBlock * headSize;
          if (last - first === cacheKeyBlock) all.copyWithin(keysTo + place, keys + place, keys + place + cacheKeyBlock * headSize);
          else
            for (let d = 0; d < headSize; d++) {
              const row = place + d * cacheKeyBlock - block * cacheKeyBlock;
              all.copyWithin(keysTo + row + first, keys + row + first, keys + row + last);
            }
          first = last;
        }
      }
  }

  /** Fills a slot with some numbers again and again. */
  overwrite(slot: number, numbers: Float32Array): void {
    const halves = Uint16Array.from(numbers, toF16);
    let next = 0;
    for (let layer = 0; layer < this.layers; layer++)
      for (const which of [0, 1] as const) {
        const first = this.#first(layer, which, slot);
        const end = first + this.slotBytes / 2;
        if (halves.length === 1) this.#numbers.fill(halves[0]!, first, end);
        else for (let i = first; i < end; i++) this.#numbers[i] = halves[next++ % halves.length]!;
      }
  }

  free(): void {
    this.#pages.free();
  }
}
