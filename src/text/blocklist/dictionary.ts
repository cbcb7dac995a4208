/**
 * The words of a list by the parts that readings compare: a word is one part, a phrase several, and all parts together stand for the letters set
 * apart (`b.o.m.b`). A tree over the parts tells early which beginnings can still become one. Words of fewer than three letters have no disguises.
 */
import { fitsStars, isDisguised, isJoint, isLetterUnit, isSign, isWordUnit, meaningsOf, readingsOf, star } from "../normalise/index.ts";

export const isPartUnit = (unit: number): boolean => isWordUnit(unit) || isSign(unit);
export const unitsKey = (units: readonly number[]): string => String.fromCodePoint(...units);

/** Where a phrase may go on, by its next part. */
export interface PhraseNode {
  readonly next: Map<string, PhraseNode>;
  isWhole: boolean;
}

interface Letter {
  readonly unit: number;
  readonly next: Map<number, Letter>;
}

const leastLetters = 3;
/** Beginnings that are followed at once; with more of them anything can still become a word. */
const mostLetters = 256;

/** Which beginnings the units so far may be; undefined: none, `any`: too many to tell. */
export type Alive = readonly Letter[] | "any" | undefined;

export interface Dictionary {
  readonly phrases: PhraseNode;
  /** Words and phrases without what stands between their letters. */
  readonly joined: ReadonlySet<string>;
  /** Before a part's first unit. */
  readonly beginning: Alive;
  /** Whether a part of one letter may begin letters that are set apart. */
  beginsApart(unit: number): boolean;
  after(alive: Alive, unit: number): Alive;
  /** First or later parts that fit a part with stars. */
  starred(units: readonly number[], next: ReadonlyMap<string, PhraseNode>): readonly PhraseNode[];
}

function partsOf(units: readonly number[]): (readonly number[])[] {
  const parts: number[][] = [];
  let isInside = false;
  for (const unit of units) {
    const isPart = isPartUnit(unit);
    if (isPart && !isInside) parts.push([]);
    if (isPart) parts.at(-1)!.push(unit);
    isInside = isPart;
  }
  return parts.map(part => (isDisguised(part) && part.some(u => !isWordUnit(u)) ? (readingsOf(part)[0]?.units ?? part) : part));
}

const phrase = (): PhraseNode => ({ next: new Map(), isWhole: false });

interface Grown {
  readonly phrases: PhraseNode;
  readonly joined: Set<string>;
  readonly root: Letter;
  readonly firsts: Set<number>;
}

function grow({ root }: Grown, units: readonly number[]): void {
  let at = root;
  for (const unit of units) {
    const next = at.next.get(unit) ?? { unit, next: new Map() };
    at.next.set(unit, next);
    at = next;
  }
}

function addWord(grown: Grown, units: readonly number[]): void {
  const parts = partsOf(units);
  const whole = parts.flat();
  if (whole.filter(isLetterUnit).length < leastLetters) return;
  grown.joined.add(unitsKey(whole));
  grown.firsts.add(whole[0]!);
  // a word with digits of its own may be written with others
  for (const reading of parts.length === 1 ? [whole, ...readingsOf(whole).map(r => r.units)] : [undefined]) {
    let at = grown.phrases;
    for (const part of reading ? [reading] : parts) {
      grow(grown, part);
      const next = at.next.get(unitsKey(part)) ?? phrase();
      at.next.set(unitsKey(part), next);
      at = next;
    }
    at.isWhole = true;
  }
}

function alivePast(alive: Alive, unit: number): Alive {
  if (alive === undefined || alive === "any") return alive;
  // a letter stands for itself alone: most parts end here
  if (alive.length === 1 && isLetterUnit(unit) && meaningsOf(unit).length === 0) {
    const [only] = alive;
    const next = only!.next.get(unit);
    if (!next) return unit === only!.unit ? alive : undefined;
    return unit === only!.unit ? [next, only!] : [next];
  }
  const out = new Set<Letter>();
  for (const at of alive) {
    if (unit === star) for (const next of at.next.values()) out.add(next);
    for (const letter of [unit, ...meaningsOf(unit)]) {
      const next = at.next.get(letter);
      if (next) out.add(next);
      if (letter === at.unit) out.add(at);
    }
    // left out by a reading
    if (isSign(unit) || isJoint(unit)) out.add(at);
    if (out.size > mostLetters) return "any";
  }
  return out.size === 0 ? undefined : [...out];
}

/** Keys of a table by how long they are and which character stands where. */
function keysByPlace(next: ReadonlyMap<string, PhraseNode>): Map<string, string[]> {
  const known = new Map<string, string[]>();
  for (const key of next.keys())
    for (const [i, c] of [...key].entries()) {
      const place = `${[...key].length} ${i} ${c}`;
      const list = known.get(place) ?? [];
      known.set(place, list);
      list.push(key);
    }
  return known;
}

/** `words`: units of each, as `unitsOf` gives them. */
export function dictionaryOf(words: readonly (readonly number[])[]): Dictionary {
  const grown: Grown = { phrases: phrase(), joined: new Set(), root: { unit: -1, next: new Map() }, firsts: new Set() };
  for (const units of words) addWord(grown, units);
  const { phrases, joined, root, firsts } = grown;
  const byPlace = new WeakMap<ReadonlyMap<string, PhraseNode>, Map<string, string[]>>();
  const places = (next: ReadonlyMap<string, PhraseNode>): Map<string, string[]> => {
    const known = byPlace.get(next) ?? keysByPlace(next);
    byPlace.set(next, known);
    return known;
  };
  return {
    phrases,
    joined,
    beginning: joined.size > 0 ? [root] : undefined,
    beginsApart: unit => firsts.has(unit) || meaningsOf(unit).some(m => firsts.has(m)),
    after: alivePast,
    starred: (units, next) => {
      const known = places(next);
      let fewest: readonly string[] | undefined;
      for (const [i, unit] of units.entries()) {
        if (unit === star) continue;
        const list = known.get(`${units.length} ${i} ${String.fromCodePoint(unit)}`) ?? [];
        if (!fewest || list.length < fewest.length) fewest = list;
      }
      const fits = (key: string): boolean =>
        fitsStars(
          units,
          [...key].map(c => c.codePointAt(0)!),
        );
      return (fewest ?? []).filter(fits).map(key => next.get(key)!);
    },
  };
}
