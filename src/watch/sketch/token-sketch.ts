/** A feature of token ids: how often each came, and in how many events. Events are what is independent, so tests count those. */
import { type Codec, recordCodec, risingCodec, wholeCodec, wholesCodec } from "./codec.ts";
import { type FeatureSketch, type Usable, UsableCounts } from "./feature-sketch.ts";
import type { TokensFeature } from "./spec.ts";

export interface TokenData extends Usable {
  /** Tokens in all. */
  readonly total: number;
  /** Ids outside of the vocabulary. */
  readonly outside: number;
  /** Ids that came, rising; how often each did, and in how many events. */
  readonly ids: readonly number[];
  readonly counts: readonly number[];
  readonly events: readonly number[];
}

export const tokenCodec: Codec<TokenData> = recordCodec<TokenData>({
  values: wholeCodec,
  missing: wholeCodec,
  invalid: wholeCodec,
  total: wholeCodec,
  outside: wholeCodec,
  ids: risingCodec,
  counts: wholesCodec,
  events: wholesCodec,
});

const isIds = (given: unknown): given is ArrayLike<number> => Array.isArray(given) || (ArrayBuffer.isView(given) && "length" in given);

export class TokenSketch implements FeatureSketch<TokenData> {
  readonly #usable = new UsableCounts();
  readonly #counts: Float64Array;
  readonly #events: Float64Array;
  /** The last event in which an id came. */
  readonly #last: Uint32Array;
  #event = 0;
  #total = 0;
  #outside = 0;

  constructor({ vocabulary }: TokensFeature) {
    this.#counts = new Float64Array(vocabulary);
    this.#events = new Float64Array(vocabulary);
    this.#last = new Uint32Array(vocabulary);
  }

  add(given: unknown): void {
    if (!this.#usable.see(given, isIds(given))) return;
    const ids = given as ArrayLike<number>;
    if (++this.#event === 2 ** 32) {
      this.#last.fill(0);
      this.#event = 1;
    }
    const [counts, last, event] = [this.#counts, this.#last, this.#event];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const count = counts[id];
      if (count === undefined) {
        this.#outside++;
        continue;
      }
      counts[id] = count + 1;
      if (last[id] === event) continue;
      last[id] = event;
      this.#events[id] = this.#events[id]! + 1;
    }
    this.#total += ids.length;
  }

  absorb(data: TokenData): void {
    this.#usable.absorb(data);
    this.#total += data.total;
    this.#outside += data.outside;
    for (const [i, id] of data.ids.entries()) {
      if (id >= this.#counts.length) {
        this.#outside += data.counts[i]!;
        continue;
      }
      this.#counts[id] = this.#counts[id]! + data.counts[i]!;
      this.#events[id] = this.#events[id]! + data.events[i]!;
    }
  }

  data(): TokenData {
    const ids: number[] = [];
    for (let id = 0; id < this.#counts.length; id++) if (this.#counts[id]! > 0) ids.push(id);
    return {
      ...this.#usable.all(),
      total: this.#total,
      outside: this.#outside,
      ids,
      counts: ids.map(id => this.#counts[id]!),
      events: ids.map(id => this.#events[id]!),
    };
  }
}
