/** Passages taken out of a text by the words they span. */
import { wordPlaces } from "./words.ts";

/** Words of a text, from and to before, and how many more before and behind may belong to it: edges of an edited copy match nothing. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly head: number;
  readonly tail: number;
}

/** Spans in their order, those joined that overlap or have at most so many words between them. */
export function closed(spans: readonly Span[], maxBetween = 0): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = joined.at(-1);
    if (!last || span.from - last.to > maxBetween) joined.push(span);
    else if (span.to > last.to) joined[joined.length - 1] = { ...span, from: last.from, head: last.head };
  }
  return joined;
}

const emptyLine = /\n[^\S\n]*\n/;

/**
 * The text without the words of the spans and their edges, which end at empty lines, each with the signs up to the next white space; a line
 * end takes their place. Undefined where words have no places.
 */
export function withoutSpans(text: string, spans: readonly Span[]): string | undefined {
  const places = wordPlaces(text);
  if (!places) return undefined;
  const { starts, ends } = places;
  const kept: string[] = [];
  let at = 0;
  for (const span of closed(spans)) {
    let { from, to } = span;
    to = Math.min(to, ends.length);
    for (let n = span.head; n > 0 && from > 0 && !emptyLine.test(text.slice(ends[from - 1], starts[from])); n--) from--;
    for (let n = span.tail; n > 0 && to < ends.length && !emptyLine.test(text.slice(ends[to - 1], starts[to])); n--) to++;
    const [start, last] = [starts[from], ends[to - 1]];
    if (start === undefined || last === undefined || last <= at) continue;
    let end = last;
    while (end < text.length && !/\s/.test(text[end]!) && (starts[to] === undefined || end < starts[to]!)) end++;
    if (start > at) kept.push(text.slice(at, start).trimEnd());
    at = end;
  }
  kept.push(text.slice(at).replace(/^[^\S\n]+/, ""));
  return kept.filter((piece, i) => piece !== "" || i === kept.length - 1).join("\n");
}
