/**
 * Whether a run of characters is a web or mail address that the splitter leaves whole: an optional scheme, an optional user before an @, a
 * host name with a lower-case ending or a public IPv4 address, an optional port, an optional path. Accepts what spaCy 3.8's URL pattern
 * accepts (after D. Perini's), in one pass over the run where the pattern would backtrack.
 */
import { ALPHA, bitsAt, characterTable, HOST, isPair, LETTER_BIT, LOWER } from "./characters.ts";

const COLON = 58;
const DOT = 46;
const SLASH = 47;
const AT = 64;
const [HYPHEN, UNDERSCORE, PLUS] = [45, 95, 43];
const MAX_LABEL = 64;
const MAX_ENDING = 63;
const MAX_PORT_DIGITS = 5;

const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** A public address of four numbers, with port and path; private networks are none. */
const ipAddress =
  /^(?!(?:10|127)(?:\.\d{1,3}){3})(?!(?:169\.254|192\.168)(?:\.\d{1,3}){2})(?!172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2})(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.(?:1?\d{1,2}|2[0-4]\d|25[0-5])){2}\.(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-4])(?:$|[:/?#])/;
/** Four numbers, a colon. */
const MAX_IP_UNITS = 16;

/** Port and path from i to the end. */
function endsWell(units: Uint16Array, begin: number, end: number): boolean {
  let i = begin;
  if (i < end && units[i] === COLON) {
    i++;
    let digits = 0;
    while (i < end && isDigit(units[i]!)) {
      i++;
      digits++;
    }
    if (digits < 2 || digits > MAX_PORT_DIGITS) return false;
  }
  return i === end || units[i] === SLASH || units[i] === 63 || units[i] === 35;
}

/** Whether host, port and path fill begin to end. */
function isHost(units: Uint16Array, begin: number, end: number): boolean {
  const table = characterTable();
  if (begin < end && isDigit(units[begin]!)) {
    const head = String.fromCharCode(...units.subarray(begin, Math.min(end, begin + MAX_IP_UNITS + 1)));
    const match = ipAddress.exec(head);
    if (match) {
      let i = begin;
      while (i < end && (isDigit(units[i]!) || units[i] === DOT)) i++;
      return endsWell(units, i, end);
    }
  }
  let labels = 0;
  let start = begin;
  let i = begin;
  for (;;) {
    while (i < end && (table[units[i]!]! & HOST || units[i] === HYPHEN || units[i] === UNDERSCORE || isPair(units, i, end))) i++;
    if (i >= end || units[i] !== DOT) break;
    const length = i - start;
    if (length < 1 || length > MAX_LABEL || !(table[units[start]!]! & HOST) || !(table[units[i - 1]!]! & HOST)) return false;
    labels++;
    start = ++i;
  }
  if (labels === 0 || i - start < 2) return false;
  let points = 0;
  for (let k = start; k < i; k += isPair(units, k, i) ? 2 : 1) {
    const bits = bitsAt(units, k, i);
    if (!(bits & ALPHA) || !(bits & LOWER)) return false;
    points++;
  }
  return points >= 2 && points <= MAX_ENDING && endsWell(units, i, end);
}

/** Whether units[begin] to units[end], which hold no white space, are an address. */
export function isAddress(units: Uint16Array, begin: number, end: number): boolean {
  // A host name has a full stop; most words have none.
  let dots = false;
  for (let i = begin; i < end && !dots; i++) dots = units[i] === DOT;
  if (!dots) return false;
  if (isHost(units, begin, end)) return true;
  const table = characterTable();
  let i = begin;
  while (i < end && (table[units[i]!]! & LETTER_BIT || isDigit(units[i]!) || [HYPHEN, UNDERSCORE, PLUS, DOT].includes(units[i]!))) i++;
  if (i - begin >= 2 && i + 3 <= end && units[i] === COLON && units[i + 1] === SLASH && units[i + 2] === SLASH && isHost(units, i + 3, end))
    return true;
  for (let k = begin + 1; k < end; k++) if (units[k] === AT && isHost(units, k + 1, end)) return true;
  return false;
}
