/**
 * How the keys and values of cached sequences lie in memory. A slot has room for so many positions, cut into pages; a page of all slots is one
 * array, so a program that looks at the first pages only reads nothing else and copies nothing to leave it out. Where there are several
 * pages, each has one row a head that is never seen: there a token is written whose position lies in another page.
 *
 * What is summed page by page has the bits of one sum where a page is as long as the stretch that the backend's float products sum at once.
 */
import { sizeOf } from "../tensor/index.ts";
import type { DecoderConfig } from "./decoder-config.ts";

export interface CachePage {
  /** Its positions are first .. first + positions - 1. */
  readonly first: number;
  readonly positions: number;
  /** Rows a head: its positions, and the spill where there is one. */
  readonly rows: number;
}

/** Rows of a page: what ONNX Runtime's float product sums at once for so many columns (MLAS: 16 K numbers of the right side, 128 rows or more). */
const rowsFor = (headSize: number): number => {
  let rows = 128;
  for (let columns = 128; columns > 16 && columns / 2 >= headSize; columns /= 2) rows *= 2;
  return rows;
};

/** The pages of a slot of `room` positions, `rows` long (by the head's size where absent); one page where two would not be full. */
export function cachePages({ headSize }: Pick<DecoderConfig, "headSize">, room: number, rows = rowsFor(headSize)): readonly CachePage[] {
  if (room < 2 * rows) return [{ first: 0, positions: room, rows: room }];
  const pages: CachePage[] = [];
  for (let first = 0; first < room; first += rows - 1) {
    const positions = Math.min(rows - 1, room - first);
    pages.push({ first, positions, rows: positions + 1 });
  }
  return pages;
}

/** How many of the first pages programs are made for: 1, 3, 9, 33, ... and all. Each takes a quarter of a second to make. */
export function cacheViews(pages: readonly CachePage[]): readonly number[] {
  const views = new Set([1]);
  for (let n = 2; n + 1 < pages.length; n *= 4) views.add(n + 1);
  return [...views.add(pages.length)];
}

/** Positions that the first `count` pages hold. */
export const positionsOf = (pages: readonly CachePage[], count: number): number => {
  const last = pages[count - 1]!;
  return last.first + last.positions;
};

/** Position of each row that a look at these pages sees, one page after the other; of a spill, `nowhere`. */
export const rowPositions = (pages: readonly CachePage[]): Int32Array =>
  Int32Array.from(
    pages.flatMap(({ first, positions, rows }) => Array.from({ length: rows }, (_, i) => (i < positions ? first + i : nowhere))),
  );
/** Behind every position. */
const nowhere = 1 << 30;

/** Shape of the keys, and of the values, of one layer's page. */
export const pageShape = (c: DecoderConfig, slots: number, page: CachePage): readonly [number, number] => [
  slots * c.kvHeads * page.rows,
  c.headSize,
];
export const cacheBytes = (c: DecoderConfig, slots: number, pages: readonly CachePage[]): number =>
  2 * 4 * c.layers * pages.reduce((sum, p) => sum + sizeOf(pageShape(c, slots, p)), 0);
