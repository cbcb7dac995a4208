/** Examples of texts with their names and places, one a line: `{ "text": "...", "spans": [{ "start": 0, "end": 4, "type": "name" }] }`. */
import { z } from "zod";
import { dataErrors } from "../../../errors.ts";
import { type NameSpan, nameTokens, nameTypes } from "./tokens.ts";

export interface NameExample {
  readonly text: string;
  /** By place, without overlaps, from the start of a word or sign to the end of one. */
  readonly spans: readonly NameSpan[];
}

/** A longer text is a book, and its parts are examples. */
const maxLength = 2 ** 16;

const line = z.strictObject({
  text: z.string().max(maxLength),
  spans: z.array(z.strictObject({ start: z.number().int(), end: z.number().int(), type: z.enum(nameTypes) })),
});

/** The example of a line; `place` is the file and the line's number. Errors: data/examples, never with the text itself. */
export function parseNameExample(json: string, place: string): NameExample {
  const refuse = (expected: string, received: string, hint: string) => dataErrors.fail("examples", { place, expected, received, hint });
  const form = 'Write { "text": "...", "spans": [{ "start": 0, "end": 4, "type": "name" }] }.';
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refuse("a record of JSON", "another line", form);
  }
  const parsed = line.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse("a text and its spans", `${issue!.path.join(".") || "the record"}: ${issue!.message}`, form);
  }
  const { text } = parsed.data;
  const spans = parsed.data.spans.sort((a, b) => a.start - b.start || a.end - b.end);
  const tokens = nameTokens(text);
  const starts = new Set(tokens.map(t => t.start));
  const ends = new Set(tokens.map(t => t.end));
  const maskStarts = tokens.filter(t => t.isMask).map(t => t.start);
  for (const [i, s] of spans.entries()) {
    const shown = `${s.type} from ${s.start} to ${s.end}`;
    if (s.start < 0 || s.end > text.length || s.start >= s.end)
      throw refuse(
        `a span within the text's ${text.length} code units`,
        shown,
        "Offsets count UTF-16 code units; the end is behind the last.",
      );
    const before = spans[i - 1];
    if (before && s.start < before.end)
      throw refuse(
        "spans that do not overlap",
        `${before.type} from ${before.start} to ${before.end} and ${shown}`,
        "Keep one of the two.",
      );
    if (!starts.has(s.start) || !ends.has(s.end))
      throw refuse(
        "a span of whole words",
        shown,
        "It begins with a word's first letter and ends with one's last; spaces around are not part of it.",
      );
    if (maskStarts.some(m => m >= s.start && m < s.end)) throw refuse("a span of words", `${shown}, over a mask`, "A mask is no name.");
  }
  return { text, spans };
}
