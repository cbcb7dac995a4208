/**
 * Documents cut into windows that a model of limited context can score: every token of a document (and its end) is scored exactly once, with
 * at least `length - stride` tokens of its own past where the document has them. Short windows share rows; attention stays inside each.
 */

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
export function windowsOf(document: number, tokens: number, length: number, stride: number): Window[] {
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

/** Windows laid into rows of `length`, first fit by decreasing size. */
export function layRows(windows: readonly Window[], length: number): Window[][] {
  const order = [...windows].sort((a, b) => b.size - a.size || a.document - b.document || a.from - b.from);
  const rows: { left: number; windows: Window[] }[] = [];
  // rows that may still take something, by space left: a short scan finds a fit, since sizes only fall
  let open = 0;
  for (const w of order) {
    while (open < rows.length && rows[open]!.left < 1) open++;
    const row = rows.slice(open, open + 64).find(r => r.left >= w.size);
    if (row) {
      row.windows.push(w);
      row.left -= w.size;
    } else rows.push({ left: length - w.size, windows: [w] });
  }
  return rows.map(r => r.windows);
}
