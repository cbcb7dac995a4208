/**
 * What a folded word may be meant as: digits and signs for letters (`b0mb`, `a$$`), letters drawn out (`boooomb`), stars between letters
 * (`b*o*m*b`). A word of letters alone reads as itself and has no other reading. Left out: what a star hides; `fitsStars` compares.
 */
import { isLetterUnit, isWordUnit } from "./fold.ts";

/** Longer runs of characters are no words that anybody disguises. */
export const longestWord = 64;

export interface TextReading {
  readonly units: readonly number[];
  /** Where in the word what each unit stands for begins and ends; neither falls. */
  readonly at: readonly number[];
  readonly ends: readonly number[];
}

const code = (c: string): number => c.charCodeAt(0);
export const star = code("*");
const meanings = new Map<number, readonly number[]>(
  Object.entries({
    "0": "o",
    "1": "il",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "@": "a",
    $: "s",
    "!": "il",
    "|": "li",
    "+": "t",
    "€": "e",
  }).map(([sign, letters]) => [code(sign), [...letters].map(code)]),
);
/** Signs that stand for letters, a star for any. */
export const isSign = (unit: number): boolean => unit === star || (meanings.has(unit) && !isWordUnit(unit));
/** Signs that may begin or end a word as letters; others beside a word are punctuation. */
const edgeSigns = new Set([..."@$€"].map(code));

/** Marks between single letters. */
const joints = [star, code("_")];
/** Of drawn-out letters: so many of one in a row. */
const drawnOut = 3;

/** Whether a word may have another reading than itself. */
export function isDisguised(units: readonly number[]): boolean {
  let run = 0;
  for (let i = 0; i < units.length; i++) {
    const unit = units[i]!;
    if (meanings.has(unit) || joints.includes(unit)) return true;
    run = unit === units[i - 1] ? run + 1 : 1;
    if (run >= drawnOut) return true;
  }
  return false;
}

function trimmed(units: readonly number[]): TextReading {
  let from = 0;
  let to = units.length;
  const isEdge = (unit: number) => isWordUnit(unit) || edgeSigns.has(unit);
  while (from < to && !isEdge(units[from]!)) from++;
  while (to > from && !isEdge(units[to - 1]!)) to--;
  return {
    units: units.slice(from, to),
    at: Array.from({ length: to - from }, (_, i) => from + i),
    ends: Array.from({ length: to - from }, (_, i) => from + i + 1),
  };
}

const filtered = ({ units, at, ends }: TextReading, keeps: (i: number) => boolean): TextReading => ({
  units: units.filter((_, i) => keeps(i)),
  at: at.filter((_, i) => keeps(i)),
  ends: ends.filter((_, i) => keeps(i)),
});

/** Digits and signs as letters. A word of numbers with a letter behind, such as `a55`, is a number. */
function meant(reading: TextReading, which: number): TextReading | undefined {
  const { units } = reading;
  const letters = units.filter(isLetterUnit).length;
  const others = units.filter(u => meanings.has(u)).length;
  if (others === 0 || letters === 0 || (letters < others && !(units.length >= 5 && letters >= 2))) return undefined;
  return {
    units: units.map(u => {
      const letters = meanings.get(u);
      return letters ? (letters[which] ?? letters[0]!) : u;
    }),
    at: reading.at,
    ends: reading.ends,
  };
}

/** Single letters with the same mark between them. */
const isJointed = ({ units }: TextReading): boolean =>
  units.length >= 5 && units.length % 2 === 1 && joints.some(joint => units.every((u, i) => (u === joint) === (i % 2 === 1)));

/** Runs of three letters or more become so many. */
function drawnTo(reading: TextReading, most: number): TextReading | undefined {
  const { units } = reading;
  const out = { units: [] as number[], at: [] as number[], ends: [] as number[] };
  for (let from = 0; from < units.length; ) {
    let to = from + 1;
    while (units[to] === units[from]) to++;
    const kept = to - from < drawnOut ? to - from : most;
    for (let k = 0; k < kept; k++) {
      out.units.push(units[from]!);
      out.at.push(reading.at[from + k]!);
      // the last one stands for the rest
      out.ends.push(reading.ends[k === kept - 1 ? to - 1 : from + k]!);
    }
    from = to;
  }
  return out.units.length < units.length ? out : undefined;
}

const sameUnits = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((u, i) => u === b[i]);

/** What a unit may stand for in a reading, itself left out. */
export const meaningsOf = (unit: number): readonly number[] => meanings.get(unit) ?? [];
/** Marks that readings leave out between single letters. */
export const isJoint = (unit: number): boolean => joints.includes(unit);

/** The readings of a folded word besides itself: at most eleven, none longer than the word. */
export function readingsOf(units: readonly number[]): readonly TextReading[] {
  if (units.length === 0 || units.length > longestWord || !isDisguised(units)) return [];
  const bare = trimmed(units);
  const joined = isJointed(bare) ? filtered(bare, i => i % 2 === 0) : bare;
  const some = [bare, joined, meant(joined, 0), meant(joined, 1)].filter(r => r !== undefined);
  const all = [...some, ...some.flatMap(r => [drawnTo(r, 1), drawnTo(r, 2)]).filter(r => r !== undefined)];
  return all.filter(
    (r, i) => r.units.length > 0 && !sameUnits(r.units, units) && all.findIndex(other => sameUnits(other.units, r.units)) === i,
  );
}

/** Whether stars in a word of four letters or more can stand for the letters of another; the first must be there, and no more stars than one over the letters. */
export function fitsStars(word: readonly number[], other: readonly number[]): boolean {
  if (word.length < 4 || word.length !== other.length || word[0] === star) return false;
  let stars = 0;
  for (let i = 0; i < word.length; i++) {
    if (word[i] === star) stars++;
    else if (word[i] !== other[i]) return false;
  }
  return stars > 0 && stars <= word.length - stars + 1;
}
