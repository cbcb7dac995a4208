/**
 * How a known text enters the cache: in chunks of a few fixed widths, each one compiled program. The chunk is a function of the sequence
 * alone, never of who else is served, so the same request meets the same programs and gives the same bits in any company.
 */

/** Tokens [start, start + count) of the sequence, padded to `width`. */
export interface Chunk {
  readonly start: number;
  readonly count: number;
  readonly width: number;
}

/** Widths when nothing else is said: short texts cost little, long ones use the wide program. */
export const defaultWidths: readonly number[] = [16, 64];

/** The widths that a cache of `room` positions can take, ascending, at least one. */
export const usableWidths = (widths: readonly number[], room: number): readonly number[] => {
  const fit = [...new Set(widths)].filter(w => w <= room).sort((a, b) => a - b);
  return fit.length ? fit : [room];
};

/**
 * The next chunk of a sequence with `computed` of `known` tokens in its slot: the narrowest width that takes all that is left, else the
 * widest. What a chunk pads is written behind its tokens and overwritten later; where that would leave the slot it starts earlier and
 * computes some tokens again.
 */
export function nextChunk(computed: number, known: number, widths: readonly number[], room: number): Chunk {
  const left = known - computed;
  const width = widths.find(w => w >= left) ?? widths.at(-1)!;
  const start = Math.min(computed, room - width);
  return { start, count: Math.min(known - start, width), width };
}
