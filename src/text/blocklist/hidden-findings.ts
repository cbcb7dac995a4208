/** What a list finds in texts that are hidden inside of another (base64, hexadecimal, percent-encoding, tag characters), in places of that text. */
import { type HiddenText, hiddenReader } from "../normalise/index.ts";
import { readUnits } from "./units.ts";
import type { Finder } from "./words.ts";

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Texts inside of a text inside of a text are looked at, and no deeper. */
const deepest = 2;

function foundIn(text: string, finders: () => readonly Finder[], depth: number): Span[] {
  const spans: Span[] = [];
  const own = finders();
  const found = (start: number, end: number): void => {
    spans.push({ start, end });
  };
  let lastEnd = 0;
  const hidden = depth < deepest ? hiddenReader(h => spans.push(...foundHidden(h, finders, depth + 1))) : undefined;
  const reader = readUnits(
    "text",
    (codePoint, start, end) => {
      hidden?.take(codePoint, start, end);
      return false;
    },
    (unit, original, start, end) => {
      for (const finder of own) finder.before(unit, Math.max(lastEnd, start), found);
      for (const finder of own) finder.take(unit, original, start);
      lastEnd = end;
      return false;
    },
  );
  reader.push(text);
  reader.end();
  hidden?.end();
  for (const finder of own) finder.before(undefined, text.length, found);
  return spans;
}

/** `depth`: 1 for what is hidden in a text itself. */
export function foundHidden(
  { text, starts, isDivisible, decodedFrom = 0 }: HiddenText,
  finders: () => readonly Finder[],
  depth: number,
): Span[] {
  const spans = foundIn(text, finders, depth);
  const end = starts[starts.length - 1]!;
  if (!isDivisible) return spans.length > 0 ? [{ start: starts[0]!, end }] : [];
  // what lies before the first decoded character is judged as it stands, where it does not begin a text
  return spans.map(s => ({ start: starts[s.start]!, end: starts[s.end] ?? end })).filter(s => s.end > decodedFrom);
}
