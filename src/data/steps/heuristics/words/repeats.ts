/** How many parts of a text repeat an earlier part: lines, paragraphs. Parts are compared whole; the hash only finds candidates. */

import { hashOfUnits, slotOf } from "./string-table.ts";
import type { TextView } from "./text-view.ts";

/** Parts of a view's text, begin and end in turn. */
type RepeatParts = readonly number[];

interface Repeats {
  /** Parts that are equal to one before them, and their characters. */
  readonly parts: number;
  readonly characters: number;
}

let slots = new Int32Array(1 << 8);
let hashes = new Int32Array(1 << 7);

export function repeatsOf(view: TextView, parts: RepeatParts): Repeats {
  const { units } = view;
  const n = parts.length >> 1;
  let size = 1 << 8;
  while (size < n * 2) size *= 2;
  if (slots.length < size) {
    slots = new Int32Array(size);
    hashes = new Int32Array(size >> 1);
  } else slots.fill(0, 0, size);
  let repeated = 0;
  let characters = 0;
  for (let k = 0; k < n; k++) {
    const begin = parts[2 * k]!;
    const end = parts[2 * k + 1]!;
    const hash = hashOfUnits(units, begin, end);
    hashes[k] = hash;
    for (let at = slotOf(hash); ; at++) {
      const other = slots[at & (size - 1)]! - 1;
      if (other < 0) {
        slots[at & (size - 1)] = k + 1;
        break;
      }
      if (hashes[other] === hash && same(units, begin, end, parts[2 * other]!, parts[2 * other + 1]!)) {
        repeated++;
        characters += view.charactersOf(begin, end);
        break;
      }
    }
  }
  return { parts: repeated, characters };
}

function same(units: Uint16Array, begin: number, end: number, otherBegin: number, otherEnd: number): boolean {
  if (end - begin !== otherEnd - otherBegin) return false;
  for (let i = begin, k = otherBegin; i < end; i++, k++) if (units[i] !== units[k]) return false;
  return true;
}
