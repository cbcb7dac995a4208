/** A text cut at line feeds, in the ways in which Gopher's repetition rules and FineWeb's look at it. Each gives begin and end in turn. */
import { characterTable, SPACE_BIT } from "./characters.ts";
import type { TextView } from "./text-view.ts";

const NEWLINE = 10;

/** Cut at every run of line feeds; what stands before the first and after the last may be empty. */
export function lineStarts({ units, length }: TextView): number[] {
  const parts: number[] = [];
  let begin = 0;
  for (let i = 0; i < length; i++)
    if (units[i] === NEWLINE) {
      parts.push(begin, i);
      while (i + 1 < length && units[i + 1] === NEWLINE) i++;
      begin = i + 1;
    }
  parts.push(begin, length);
  return parts;
}

/** Cut at two and more line feeds, without white space at the edges of the text. */
export function paragraphStarts({ units, length }: TextView): number[] {
  const table = characterTable();
  let begin = 0;
  let end = length;
  while (begin < end && table[units[begin]!]! & SPACE_BIT) begin++;
  while (end > begin && table[units[end - 1]!]! & SPACE_BIT) end--;
  const parts: number[] = [];
  let from = begin;
  for (let i = begin; i < end; i++)
    if (units[i] === NEWLINE && units[i + 1] === NEWLINE) {
      parts.push(from, i);
      while (units[i + 1] === NEWLINE) i++;
      from = i + 1;
    }
  parts.push(from, end);
  return parts;
}

/** Cut at every line feed; lines of nothing but white space left out. */
export function filledLinesOf({ units, length }: TextView): number[] {
  const table = characterTable();
  const parts: number[] = [];
  let begin = 0;
  for (let i = 0; i <= length; i++)
    if (i === length || units[i] === NEWLINE) {
      let k = begin;
      while (k < i && table[units[k]!]! & SPACE_BIT) k++;
      if (k < i) parts.push(begin, i);
      begin = i + 1;
    }
  return parts;
}
