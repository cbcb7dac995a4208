/**
 * Sentences by others: Presidio's own generator (PyPI `presidio-evaluator`, MIT: its templates; people of FakeNameGenerator.com). Nothing of it is
 * in the repository. Every other template is the test; its author's other half was looked at while the training sentences were written.
 */
import { readFileSync } from "node:fs";

export interface MarkedSentence {
  readonly text: string;
  /** In code units. */
  readonly spans: readonly (readonly [type: string, start: number, end: number])[];
  readonly template: number;
  /** With `{}` for all that was filled in. */
  readonly masked: string;
}

/** Offset of each code point in code units, and one behind the last. */
const unitsOf = (text: string): number[] => {
  const at = [0];
  for (const c of text) at.push(at.at(-1)! + c.length);
  return at;
};

export const inUnits = (text: string, spans: readonly (readonly [number, number])[]): (readonly [number, number])[] => {
  const at = unitsOf(text);
  return spans.map(([start, end]) => [at[start]!, at[end]!]);
};

/** What `bench/peers/names_sentences.py` wrote. */
export function readSentences(file: string): MarkedSentence[] {
  const rows = JSON.parse(readFileSync(file, "utf8")) as readonly MarkedSentence[];
  return rows.map(row => {
    const places = inUnits(
      row.text,
      row.spans.map(([, start, end]) => [start, end] as const),
    );
    return { ...row, spans: row.spans.map(([type], i) => [type, ...places[i]!] as const) };
  });
}
