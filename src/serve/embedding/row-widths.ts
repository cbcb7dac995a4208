/** Widths of rows that models are run with: a few, so that few programs are built and short texts do not pay for long ones. */

/** Powers of two from 16 up, and the longest. */
export function rowWidths(longest: number): number[] {
  const widths: number[] = [];
  for (let width = 16; width < longest; width *= 2) widths.push(width);
  return [...widths, longest];
}

/** The narrowest that holds so many; what does not fit the longest must have been cut. */
export const rowWidth = (widths: readonly number[], size: number): number => widths.find(w => w >= size) ?? widths.at(-1)!;
