/**
 * Pieces of different size laid into rows of one size: best fit by falling size (Johnson 1973; Ding et al. 2024 use it to train on whole
 * documents). Knows nothing of tokens.
 */

/** Rows of piece numbers; every piece once, the sizes of a row add up to at most `length`. Pieces larger than a row are an error. */
export function fillRows(sizes: ArrayLike<number>, length: number): number[][] {
  const order = Array.from({ length: sizes.length }, (_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const rows: number[][] = [];
  // rows by the room they have left
  const open: number[][] = Array.from({ length: length + 1 }, () => []);
  for (const piece of order) {
    const size = sizes[piece]!;
    if (size > length) throw new RangeError(`fillRows: expected pieces of at most ${length}, got ${size}`);
    let left = size;
    while (left < length && open[left]!.length === 0) left++;
    const found = left < length ? open[left]!.pop() : undefined;
    const row = found ?? rows.push([]) - 1;
    rows[row]!.push(piece);
    const now = (found === undefined ? length : left) - size;
    if (now > 0) open[now]!.push(row);
  }
  return rows;
}
