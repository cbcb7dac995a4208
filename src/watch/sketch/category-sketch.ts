/**
 * A feature of names: exact counts of the spec's known ones, and of at most 500 others, those whose names have the lowest hashes. A name among the lowest at
 * the end was among them all along, so its count is exact, and the same in any order; of the rest only the sum is kept, so that an explosion of names takes
 * no more room.
 */
import { type Codec, listCodec, recordCodec, risingCodec, textCodec, wholeCodec, wholesCodec } from "./codec.ts";
import { type FeatureSketch, type Usable, UsableCounts } from "./feature-sketch.ts";
import { hashRange, idHash } from "./id-hash.ts";
import { type CategoryFeature, mostCategories, mostNameLength } from "./spec.ts";

export interface CategoryData extends Usable {
  /** Names that were given: as many as values where an event has one. */
  readonly mentions: number;
  /** Counts of the spec's known names. */
  readonly known: readonly number[];
  /** Hashes of the other names, rising; the names, and their counts. */
  readonly hashes: readonly number[];
  readonly names: readonly string[];
  readonly counts: readonly number[];
  /** Whether other names were left out. */
  readonly isCut: 0 | 1;
}

export const categoryCodec: Codec<CategoryData> = recordCodec<CategoryData>({
  values: wholeCodec,
  missing: wholeCodec,
  invalid: wholeCodec,
  mentions: wholeCodec,
  known: wholesCodec,
  hashes: risingCodec,
  names: listCodec(textCodec),
  counts: wholesCodec,
  isCut: { ...wholeCodec, check: (v, place) => (wholeCodec.check(v, place) === 0 ? 0 : 1), read: from => (from.whole() === 0 ? 0 : 1) },
});

/** Names are hashed apart from ids. */
const nameSeed = 1;

/** The beginning of a name, no half of a character at its end. */
function shortened(name: string): string {
  if (name.length <= mostNameLength) return name;
  const last = name.charCodeAt(mostNameLength - 1);
  return name.slice(0, last >= 0xd800 && last <= 0xdbff ? mostNameLength - 1 : mostNameLength);
}

export class CategorySketch implements FeatureSketch<CategoryData> {
  readonly #spec: CategoryFeature;
  readonly #places: ReadonlyMap<string, number>;
  readonly #known: Float64Array;
  readonly #usable = new UsableCounts();
  /** By hash. */
  #others = new Map<number, { name: string; count: number }>();
  #limit = hashRange;
  #mentions = 0;
  #isCut = false;

  constructor(spec: CategoryFeature) {
    this.#spec = spec;
    this.#places = new Map((spec.known ?? []).map((name, i) => [name, i]));
    this.#known = new Float64Array(this.#places.size);
  }

  add(given: unknown): void {
    if (!this.#spec.several) {
      if (this.#usable.see(given, typeof given === "string")) this.#mention(given as string);
      return;
    }
    const isList = Array.isArray(given) && given.every(v => typeof v === "string");
    if (this.#usable.see(given, isList)) for (const name of new Set(given as readonly string[])) this.#mention(name);
  }

  absorb(data: CategoryData): void {
    this.#usable.absorb(data);
    this.#mentions += data.mentions;
    this.#isCut ||= data.isCut === 1;
    for (const [i, count] of data.known.entries()) this.#known[i] = this.#known[i]! + count;
    for (const [i, hash] of data.hashes.entries()) this.#count(hash, data.names[i]!, data.counts[i]!);
  }

  data(): CategoryData {
    this.#settle();
    const others = [...this.#others].sort(([a], [b]) => a - b);
    return {
      ...this.#usable.all(),
      mentions: this.#mentions,
      known: Array.from(this.#known),
      hashes: others.map(([hash]) => hash),
      names: others.map(([, { name }]) => name),
      counts: others.map(([, { count }]) => count),
      isCut: this.#isCut ? 1 : 0,
    };
  }

  #mention(name: string): void {
    this.#mentions++;
    const place = this.#places.get(name);
    if (place !== undefined) this.#known[place] = this.#known[place]! + 1;
    else this.#count(idHash(name, nameSeed), shortened(name), 1);
  }

  #count(hash: number, name: string, more: number): void {
    const own = this.#others.get(hash);
    if (own) {
      own.count += more;
      // two names of one hash: the lesser one, in any order
      if (name < own.name) own.name = name;
      return;
    }
    if (hash > this.#limit) {
      this.#isCut = true;
      return;
    }
    this.#others.set(hash, { name, count: more });
    if (this.#others.size >= 2 * mostCategories) this.#settle();
  }

  #settle(): void {
    if (this.#others.size <= mostCategories) return;
    const lowest = [...this.#others].sort(([a], [b]) => a - b).slice(0, mostCategories);
    this.#others = new Map(lowest);
    this.#limit = lowest.at(-1)![0];
    this.#isCut = true;
  }
}
