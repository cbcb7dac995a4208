/**
 * Text on its way through a tokenizer that may know, for every UTF-16 unit, which range of the original it came from. Steps say what
 * they change as edits; where places are not asked for, no ranges are kept and steps run on the bare string.
 */

export interface Aligned {
  readonly text: string;
  /** The piece starts where the original starts. */
  readonly atStart: boolean;
  /** Range in the original of every unit; undefined where places are not asked for. */
  readonly starts?: Int32Array;
  readonly ends?: Int32Array;
}

/** Replaces `text[from, to)` by `by`. Lists of edits ascend and do not overlap. */
export interface AlignedEdit {
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

/** A stretch `text[from, to)` of an original, places counted from the original's start when `track`. */
export function aligned(text: string, from: number, to: number, track: boolean): Aligned {
  const piece = from === 0 && to === text.length ? text : text.slice(from, to);
  if (!track) return { text: piece, atStart: from === 0 };
  const starts = Int32Array.from({ length: to - from }, (_, i) => from + i);
  return { text: piece, atStart: from === 0, starts, ends: starts.map(s => s + 1) };
}

export function sliceAligned(a: Aligned, from: number, to: number): Aligned {
  if (from === 0 && to === a.text.length) return a;
  const text = a.text.slice(from, to);
  const atStart = a.atStart && from === 0;
  if (!a.starts || !a.ends) return { text, atStart };
  return { text, atStart, starts: a.starts.subarray(from, to), ends: a.ends.subarray(from, to) };
}

/** Applies edits. New units come from the whole range that they replace; what is only put in stands at an empty range. */
export function edit(a: Aligned, edits: readonly AlignedEdit[]): Aligned {
  if (edits.length === 0) return a;
  const parts: string[] = [];
  let at = 0;
  for (const { from, to, by } of edits) {
    parts.push(a.text.slice(at, from), by);
    at = to;
  }
  parts.push(a.text.slice(at));
  const text = parts.join("");
  if (!a.starts || !a.ends) return { text, atStart: a.atStart };
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  const last = a.ends[a.ends.length - 1] ?? 0;
  let o = 0;
  at = 0;
  const keep = (to: number): void => {
    starts.set(a.starts!.subarray(at, to), o);
    ends.set(a.ends!.subarray(at, to), o);
    o += to - at;
  };
  for (const { from, to, by } of edits) {
    keep(from);
    const start = a.starts[from] ?? last;
    starts.fill(start, o, o + by.length);
    ends.fill(to > from ? a.ends[to - 1]! : start, o, o + by.length);
    o += by.length;
    at = to;
  }
  keep(a.text.length);
  return { text, atStart: a.atStart, starts, ends };
}

/** The original range that `text[from, to)` came from. Meaningful only where places are tracked. */
export function originOf(a: Aligned, from: number, to: number): [start: number, end: number] {
  if (!a.starts || !a.ends || from >= to) return [0, 0];
  return [a.starts[from]!, Math.max(a.starts[from]!, a.ends[to - 1]!)];
}
