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
/** Runs of two letters or more, with which a whole word is drawn out (`bboommbb`). */
const leastDoubled = 3;

/** Whether each letter is written more than once. */
function isDoubled(units: readonly number[]): boolean {
  let runs = 0;
  for (let from = 0; from < units.length; runs++) {
    let to = from + 1;
    while (units[to] === units[from]) to++;
    if (to - from < 2) return false;
    from = to;
  }
  return runs >= leastDoubled;
}

/** Whether a word may have another reading than itself. */
export function isDisguised(units: readonly number[]): boolean {
  let run = 0;
  for (let i = 0; i < units.length; i++) {
    const unit = units[i]!;
    if (meanings.has(unit) || joints.includes(unit)) return true;
    run = unit === units[i - 1] ? run + 1 : 1;
    if (run >= drawnOut) return true;
  }
  return isDoubled(units);
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

/** Signs of a word that are read as either of two letters each by itself; in words with more all are read alike. */
const mostEither = 3;

/** Digits and signs as letters. A word of numbers with a letter behind, such as `a55`, is a number. */
function meant(reading: TextReading): readonly TextReading[] {
  const { units } = reading;
  const letters = units.filter(isLetterUnit).length;
  const others = units.filter(u => meanings.has(u)).length;
  if (others === 0 || letters === 0 || (letters < others && !(units.length >= 5 && letters >= 2))) return [];
  const either = units.flatMap((u, i) => ((meanings.get(u)?.length ?? 0) > 1 ? [i] : []));
  // which letter each sign is: of one that has two, a bit says
  const choices = either.length <= mostEither ? Array.from({ length: 2 ** either.length }, (_, bits) => bits) : [0, -1];
  return choices.map(bits => ({
    units: units.map((u, i) => {
      const letters = meanings.get(u);
      return letters ? (letters[(bits >> either.indexOf(i)) & 1] ?? letters[0]!) : u;
    }),
    at: reading.at,
    ends: reading.ends,
  }));
}

/** Single letters with the same mark between them. */
const isJointed = ({ units }: TextReading): boolean =>
  units.length >= 5 && units.length % 2 === 1 && joints.some(joint => units.every((u, i) => (u === joint) === (i % 2 === 1)));

/** Drawn-out letters of a word of which one may be double in the word itself. */
const mostDrawn = 8;

/** Runs of three letters or more become so many; `double`: that one of them is two. */
function drawnTo(reading: TextReading, most: number, double?: number): TextReading | undefined {
  const { units } = reading;
  const areDoubled = isDoubled(units);
  let drawn = 0;
  const out = { units: [] as number[], at: [] as number[], ends: [] as number[] };
  for (let from = 0; from < units.length; ) {
    let to = from + 1;
    while (units[to] === units[from]) to++;
    const isDrawn = to - from >= drawnOut || areDoubled;
    const kept = isDrawn ? Math.min(double === drawn ? 2 : most, to - from) : to - from;
    if (isDrawn) drawn++;
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

/** What a unit may stand for in a reading, itself left out. */
export const meaningsOf = (unit: number): readonly number[] => meanings.get(unit) ?? [];
/** Marks that readings leave out between single letters. */
export const isJoint = (unit: number): boolean => joints.includes(unit);

/** Readings of a word, with every letter drawn out read as one, as two, or all but one of them as one. */
function shortened(reading: TextReading): readonly TextReading[] {
  const { units } = reading;
  let runs = 0;
  for (let i = 0; i < units.length; i++) if (units[i] === units[i - 1] && units[i] !== units[i - 2]) runs++;
  const one = runs > 1 && runs <= mostDrawn ? Array.from({ length: runs }, (_, double) => drawnTo(reading, 1, double)) : [];
  return [drawnTo(reading, 1), drawnTo(reading, 2), ...one].filter(r => r !== undefined);
}

/** Readings of a word besides itself: more add nothing. */
export const mostReadings = 64;

/** The readings of a folded word besides itself: few, none longer than the word. */
export function readingsOf(units: readonly number[]): readonly TextReading[] {
  if (units.length === 0 || units.length > longestWord || !isDisguised(units)) return [];
  const bare = trimmed(units);
  const joined = isJointed(bare) ? filtered(bare, i => i % 2 === 0) : bare;
  // signs at the ends are punctuation, or letters (`+hr33`)
  const whole = bare.units.length < units.length ? meant({ units, at: units.map((_, i) => i), ends: units.map((_, i) => i + 1) }) : [];
  const some = [bare, joined, ...meant(joined), ...whole];
  const all = [...some, ...some.flatMap(shortened)];
  const seen = new Set<string>([String.fromCodePoint(...units)]);
  const different = all.filter(r => {
    const key = String.fromCodePoint(...r.units);
    if (r.units.length === 0 || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return different.slice(0, mostReadings);
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
