/**
 * Splits a run without white space into words, as the English rules of spaCy 3.8 do (prefixes and suffixes come off in turns, named
 * exceptions stay whole, what is left is cut at infixes, and exceptions that the cutting took apart are put together again). Own code: the
 * rules are looked up by character class, each step looks at the ends only, so a run of n characters costs O(n), where the patterns behind
 * the original look at all that is left. Left out: exceptions that lie across a space.
 */
import { isAddress } from "./address.ts";
import {
  ALPHA,
  BEFORE_STOP,
  bitsAt,
  bitsBefore,
  CURRENCY,
  characterTable,
  ICON,
  isPair,
  LOWER,
  PREFIX,
  QUOTE_BIT,
  SUFFIX,
  UPPER,
} from "./characters.ts";
import { exceptions } from "./exceptions.ts";
import { codeUnitsOf, hashOfUnits, StringTable } from "./string-table.ts";

/** Ends of words, ascending, the last being the end of the run. */
type Cuts = number[];

const code = (c: string): number => c.charCodeAt(0);
const [DOT, PLUS, DASH, DOLLAR, APOSTROPHE, CURVED, ELLIPSIS, DEGREE] = Array.from(".+-$'’…°", code) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

const measureUnits = new Set(
  (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB " +
    "T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тбكم كم² كم³ م م² " +
    "م³ سم سم² سم³ مم مم² مم³ كم غرام جرام جم كغ ملغ كوب اكواب"
  ).split(" "),
);
const longestMeasureUnit = Math.max(...Array.from(measureUnits, u => u.length));

const isDigit = (c: number | undefined): boolean => c !== undefined && c >= 48 && c <= 57;

/** Whether nothing but the letters a to z stands there: most runs, and no rule cuts them. */
function isPlain(units: Uint16Array, begin: number, end: number): boolean {
  for (let i = begin; i < end; i++) {
    const c = units[i]! | 32;
    if (c < 97 || c > 122) return false;
  }
  return true;
}

/** Length of what comes off the front, 0 if nothing. */
function prefixLength(units: Uint16Array, begin: number, end: number): number {
  const c = units[begin]!;
  const bits = characterTable()[c]!;
  if (bits & PREFIX) return 1;
  if (c === DOT) {
    let i = begin + 1;
    while (i < end && units[i] === DOT) i++;
    return i - begin >= 2 ? i - begin : 0;
  }
  if (c === PLUS) return begin + 1 < end && isDigit(units[begin + 1]) ? 0 : 1;
  if ((c === 67 || c === 65) && begin + 1 < end && units[begin + 1] === DOLLAR) return 2;
  if (c === 85 && begin + 2 < end && units[begin + 1] === 83 && units[begin + 2] === DOLLAR) return 3;
  return isPair(units, begin, end) && bitsAt(units, begin, end) & PREFIX ? 2 : 0;
}

/** Length of what comes off the end, the longest there is, 0 if nothing. */
function suffixLength(units: Uint16Array, begin: number, end: number): number {
  if (begin >= end) return 0;
  const c = units[end - 1]!;
  const before = end - 2 >= begin ? units[end - 2]! : undefined;
  const bits = characterTable()[c]!;
  if (c === DOT) {
    let i = end - 1;
    while (i > begin && units[i - 1] === DOT) i--;
    if (end - i >= 2) return end - i;
    if (before === undefined) return 0;
    const bitsOf = bitsBefore(units, end - 1, begin);
    if (bitsOf & BEFORE_STOP) return 1;
    const first = end - 1 - (isPair(units, end - 3, end - 1) ? 2 : 1);
    if (bitsOf & UPPER && bitsBefore(units, first, begin) & UPPER) return 1;
    return "FfCcKk".includes(String.fromCharCode(before)) && end - 3 >= begin && units[end - 3] === DEGREE ? 1 : 0;
  }
  if (c === ELLIPSIS && before === ELLIPSIS) return 2;
  if ((c === 115 || c === 83) && (before === APOSTROPHE || before === CURVED)) return 2;
  const single = bits & SUFFIX ? 1 : (c & 0xfc00) === 0xdc00 && bitsBefore(units, end, begin) & SUFFIX ? 2 : 0;
  // What only a digit lets go: a plus, money, a unit. Marks are none of these, so a mark decides alone.
  if (single || before === undefined) return single;
  if (c === PLUS) return isDigit(before) ? 1 : 0;
  if (bits & CURRENCY) {
    if (isDigit(before)) return 1;
    if (c !== DOLLAR) return 0;
    if ((before === 67 || before === 65) && end - 3 >= begin && isDigit(units[end - 3])) return 2;
    return before === 83 && end - 4 >= begin && units[end - 3] === 85 && isDigit(units[end - 4]) ? 3 : 0;
  }
  for (let k = end - 2; k >= begin && k >= end - 1 - longestMeasureUnit; k--)
    if (isDigit(units[k])) return measureUnits.has(String.fromCharCode(...units.subarray(k + 1, end))) ? end - k - 1 : 0;
  return 0;
}

/** Length of the infix at i, 0 if none. */
function infixLength(units: Uint16Array, i: number, begin: number, end: number): number {
  const c = units[i]!;
  if (c >= 97 && c <= 122) return 0;
  const before = () => bitsBefore(units, i, begin);
  const after = (n: number) => bitsAt(units, i + n, end);
  const afterDigit = i > begin && isDigit(units[i - 1]);
  const beforeNumber = i + 1 < end && (isDigit(units[i + 1]) || units[i + 1] === DASH);
  switch (c) {
    case DOT: {
      let k = i + 1;
      while (k < end && units[k] === DOT) k++;
      if (k - i >= 2) return k - i;
      return before() & (LOWER | QUOTE_BIT) && after(1) & (UPPER | QUOTE_BIT) ? 1 : 0;
    }
    case PLUS:
    case 42: // *
    case 94: // ^
      return afterDigit && beforeNumber ? 1 : 0;
    case 44: // ,
      return before() & ALPHA && after(1) & ALPHA ? 1 : 0;
    case 58: // :
    case 60: // <
    case 61: // =
    case 62: // >
    case 47: // /
    case 126: // ~
    case 8211: // –
      return (afterDigit || before() & ALPHA) && after(1) & ALPHA ? 1 : 0;
    case DASH:
    case 8212: {
      // - or —, alone or in a row
      if (c === DASH && afterDigit && beforeNumber) return 1;
      if (!afterDigit && !(before() & ALPHA)) return 0;
      const most = c === DASH ? 3 : 2;
      let k = 1;
      while (k < most && i + k < end && units[i + k] === c) k++;
      return after(k) & ALPHA ? k : 0;
    }
    default:
      if (c < 128) return 0;
      if (c === ELLIPSIS) return 1;
      if (isPair(units, i, end)) return bitsAt(units, i, end) & ICON ? 2 : 0;
      return characterTable()[c]! & ICON ? 1 : 0;
  }
}

/** An exception: where its pieces end, and where the rules alone would cut it, if they would. */
interface Exception {
  readonly pieces: readonly number[];
  readonly apart: readonly number[] | undefined;
}

class Exceptions {
  readonly table = new StringTable();
  readonly rows: Exception[] = [];
  readonly longest: number;

  constructor() {
    const all = exceptions();
    this.longest = Math.max(...Array.from(all.keys(), w => w.length));
    for (const [word, pieces] of all) {
      const units = codeUnitsOf(word);
      this.table.add(units, 0, units.length, hashOfUnits(units, 0, units.length));
      const ends = pieces.map((_, i) => pieces.slice(0, i + 1).join("").length);
      const cuts: number[] = [];
      splitByRules(units, 0, units.length, undefined, cuts);
      this.rows.push({ pieces: ends, apart: cuts.length > 1 ? cuts : undefined });
    }
  }

  find(units: Uint16Array, begin: number, end: number): Exception | undefined {
    if (end - begin > this.longest || end <= begin) return undefined;
    const k = this.table.find(units, begin, end, hashOfUnits(units, begin, end));
    return k < 0 ? undefined : this.rows[k];
  }
}

/** Cuts by prefixes, suffixes, infixes, and exceptions where given. */
function splitByRules(units: Uint16Array, from: number, to: number, known: Exceptions | undefined, cuts: Cuts): void {
  let begin = from;
  let end = to;
  let exception = known?.find(units, begin, end);
  if (!exception && isPlain(units, begin, end)) {
    cuts.push(end);
    return;
  }
  const suffixes: number[] = [];
  while (begin < end && !exception) {
    const prefix = prefixLength(units, begin, end);
    if (prefix) exception = known?.find(units, begin + prefix, end);
    if (exception) {
      begin += prefix;
      cuts.push(begin);
      break;
    }
    const suffix = suffixLength(units, begin + prefix, end);
    if (suffix) exception = known?.find(units, begin, end - suffix);
    if (exception) {
      suffixes.push(end);
      end -= suffix;
      break;
    }
    if (!prefix && !suffix) break;
    if (prefix) {
      begin += prefix;
      cuts.push(begin);
    }
    if (suffix) {
      suffixes.push(end);
      end -= suffix;
    }
    exception = known?.find(units, begin, end);
  }
  if (exception) for (const e of exception.pieces) cuts.push(begin + e);
  else if (begin < end && isAddress(units, begin, end)) cuts.push(end);
  else if (begin < end) {
    let start = begin;
    for (let i = begin; i < end; ) {
      const infix = infixLength(units, i, begin, end);
      // An infix at the very front stays with what follows.
      if (infix && i > begin) {
        if (i > start) cuts.push(i);
        start = i + infix;
        cuts.push(start);
      }
      i += infix || 1;
    }
    if (start < end) cuts.push(end);
  }
  for (let k = suffixes.length - 1; k >= 0; k--) cuts.push(suffixes[k]!);
}

/** Puts exceptions together that the rules took apart: the longest first (in words), then the first. */
function rejoin(units: Uint16Array, from: number, known: Exceptions, cuts: Cuts): Cuts {
  interface Match {
    readonly first: number;
    readonly words: number;
    readonly exception: Exception;
  }
  const matches: Match[] = [];
  const beginOf = (k: number) => (k === 0 ? from : cuts[k - 1]!);
  for (let first = 0; first + 1 < cuts.length; first++) {
    const begin = beginOf(first);
    for (let last = first + 1; last < cuts.length && cuts[last]! - begin <= known.longest; last++) {
      const exception = known.find(units, begin, cuts[last]!);
      const apart = exception?.apart;
      if (apart?.length === last - first + 1 && apart.every((a, i) => cuts[first + i]! - begin === a))
        matches.push({ first, words: last - first + 1, exception: exception! });
    }
  }
  if (matches.length === 0) return cuts;
  matches.sort((a, b) => b.words - a.words || a.first - b.first);
  const taken = new Set<number>();
  const chosen = new Map<number, Match>();
  for (const m of matches) {
    if (!taken.has(m.first) && !taken.has(m.first + m.words - 1)) chosen.set(m.first, m);
    for (let k = m.first; k < m.first + m.words; k++) taken.add(k);
  }
  const joined: Cuts = [];
  for (let k = 0; k < cuts.length; ) {
    const m = chosen.get(k);
    if (m) for (const e of m.exception.pieces) joined.push(beginOf(k) + e);
    else joined.push(cuts[k]!);
    k += m?.words ?? 1;
  }
  return joined;
}

let loaded: Exceptions | undefined;

/** The ends of the words of units[begin] to units[end], a run without white space. */
export function splitRun(units: Uint16Array, begin: number, end: number): Cuts {
  loaded ??= new Exceptions();
  const cuts: Cuts = [];
  splitByRules(units, begin, end, loaded, cuts);
  return cuts.length > 1 ? rejoin(units, begin, loaded, cuts) : cuts;
}
