/**
 * Documents cut into windows that a model of limited context can score: every token of a document (and its end) is scored exactly once, with
 * at least `length - stride` tokens of its own past where the document has them. Short windows share rows; attention stays inside each.
 */
import { fillRows } from "../data/index.ts";

export interface Window {
  readonly document: number;
  /** First input of the window: 0 is the end mark before the document, k its k-th token. */
  readonly from: number;
  /** Inputs in the window. */
  readonly size: number;
  /** Inputs before this one are past only: their targets were scored by an earlier window. */
  readonly scoredFrom: number;
}

/** Windows of a document of `tokens` tokens: tokens + 1 targets (the end included). */
export function likelihoodWindows(document: number, tokens: number, length: number, stride: number): Window[] {
  const targets = tokens + 1;
  const windows: Window[] = [];
  for (let scored = 0; scored < targets; ) {
    const to = scored === 0 ? Math.min(targets, length) : Math.min(targets, scored + stride);
    const from = Math.max(0, to - length);
    windows.push({ document, from, size: to - from, scoredFrom: scored - from });
    scored = to;
  }
  return windows;
}

/** Windows laid into rows of `length`. */
export const layWindows = (windows: readonly Window[], length: number): Window[][] =>
  fillRows(
    windows.map(w => w.size),
    length,
  ).map(row => row.map(i => windows[i]!));
