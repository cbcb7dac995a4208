/** Texts of several lengths into one batch without padding: the numbers that say where each token lies. Plain arrays; no device. */

/** What a batch holds at most. */
export interface BatchRoom {
  readonly tokens: number;
  readonly texts: number;
}

/** See `PackedTexts` of the nn room for what the arrays mean; N is the room's tokens, B its texts, T the width. */
interface Packed {
  /** [N] */
  readonly tokens: Int32Array;
  /** [N] */
  readonly positions: Int32Array;
  /** [N] */
  readonly places: Int32Array;
  /** [B, T] */
  readonly grid: Int32Array;
  /** [B, T] */
  readonly present: Int32Array;
}

/**
 * Texts one after another. What is left of the room names row 0 and is read by nobody; a place of the grid behind a text's end names the
 * text's own first token, so that a text whose numbers break down spoils no other.
 */
export function packTexts(texts: readonly (readonly number[])[], room: BatchRoom, width: number): Packed {
  const rows = () => new Int32Array(room.tokens);
  const cells = () => new Int32Array(room.texts * width);
  const packed = { tokens: rows(), positions: rows(), places: rows(), grid: cells(), present: cells() };
  let first = 0;
  texts.forEach((text, i) => {
    const place = i * width;
    packed.tokens.set(text, first);
    packed.grid.fill(first, place, place + width);
    packed.present.fill(1, place, place + text.length);
    for (let k = 0; k < text.length; k++) {
      packed.positions[first + k] = k;
      packed.places[first + k] = place + k;
      packed.grid[place + k] = first + k;
    }
    first += text.length;
  });
  return packed;
}

/**
 * Texts in batches, for those who have them all at once: of each width, longest first, as many as its room holds. Gives the texts' numbers.
 * `lengths` are at most the last width.
 */
export function embeddingBatches(
  lengths: readonly number[],
  widths: readonly number[],
  room: (width: number) => BatchRoom,
): { readonly width: number; readonly texts: readonly number[] }[] {
  const batches: { width: number; texts: number[] }[] = [];
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  let tokens = 0;
  for (const i of order) {
    const width = widths.find(w => w >= lengths[i]!)!;
    const { tokens: mostTokens, texts: mostTexts } = room(width);
    let last = batches.at(-1);
    if (!last || last.width !== width || tokens + lengths[i]! > mostTokens || last.texts.length === mostTexts) {
      last = { width, texts: [] };
      batches.push(last);
      tokens = 0;
    }
    last.texts.push(i);
    tokens += lengths[i]!;
  }
  return batches;
}
