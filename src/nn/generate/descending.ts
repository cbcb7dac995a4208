/**
 * Tokens from the greatest score down, as many as are asked for: a binary heap over indices, built in linear time, so that taking a few of
 * 50,000 does not sort them all. Equal scores come in the order of their ids, which makes every choice that rests on it deterministic.
 */

/** Yields ids of finite scores, greatest first. The scores must not change meanwhile. */
export function* descending(scores: ArrayLike<number>): Generator<number, void, undefined> {
  const heap = new Int32Array(scores.length);
  let size = 0;
  for (let id = 0; id < scores.length; id++) if (scores[id]! > Number.NEGATIVE_INFINITY) heap[size++] = id;
  const before = (a: number, b: number): boolean => {
    const [x, y] = [scores[a]!, scores[b]!];
    return x > y || (x === y && a < b);
  };
  const sink = (at: number): void => {
    const id = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, id)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = id;
  };
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(i);
  while (size > 0) {
    yield heap[0]!;
    heap[0] = heap[--size]!;
    if (size) sink(0);
  }
}
