/** What occlusion takes away as one, and how its faithfulness is reported: for decoders, whose units are tokens, and classifiers, whose units are words. */
import type { Faithfulness, FaithfulnessOptions } from "../../nn/index.ts";

/** Nine looks between whole and empty, beside five random orders. */
export const faithfulnessOptions: FaithfulnessOptions = { points: 9, orders: 5, seed: "faithfulness" };

export const shownFaithfulness = (f: Faithfulness) => ({
  deletion: f.deletion,
  random_deletion: f.randomDeletion,
  insertion: f.insertion,
  random_insertion: f.randomInsertion,
});

/** Words of a prompt as places of its tokens: one begins where a token begins with a space, or after one that ends with it. */
export function tokenUnits(texts: readonly string[]): number[][] {
  const units: number[][] = [];
  for (const [i, text] of texts.entries()) {
    const before = texts[i - 1];
    const begins = before === undefined || /^\s/u.test(text) || /\s$/u.test(before) || before === "" || text === "";
    if (begins) units.push([i]);
    else units.at(-1)!.push(i);
  }
  return units;
}

interface WordSpan {
  readonly start: number;
  readonly end: number;
}

/** Words of a text as spans of characters; at most `most`, else several words are one unit. */
export function wordSpans(text: string, most: number): WordSpan[] {
  const words = Array.from(text.matchAll(/\S+/gu), m => ({ start: m.index, end: m.index + m[0].length }));
  const together = Math.ceil(words.length / most);
  return Array.from({ length: Math.ceil(words.length / Math.max(1, together)) }, (_, i) => {
    const part = words.slice(i * together, (i + 1) * together);
    return { start: part[0]!.start, end: part.at(-1)!.end };
  });
}

/** The text without these spans, ascending; a space where nothing is left. */
export function withoutWords(text: string, spans: readonly WordSpan[]): string {
  let kept = "";
  let from = 0;
  for (const { start, end } of spans) {
    kept += text.slice(from, start);
    from = end;
  }
  kept += text.slice(from);
  return kept.trim() === "" ? " " : kept;
}
