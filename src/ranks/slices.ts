/** How an array is shared out among ranks: slices one after another, whole vectors but for the last. */
const sliceElements = 16;

interface Slice {
  readonly start: number;
  readonly end: number;
}

/** The `index`-th of `count` slices of `length` elements. */
export function sliceOf(length: number, index: number, count: number): Slice {
  const at = (i: number) => Math.min(length, sliceElements * Math.ceil(((length / count) * i) / sliceElements));
  return { start: at(index), end: index === count - 1 ? length : at(index + 1) };
}
