import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ListPlace,
  placeAt,
  placeShowing,
  rowAfterKey,
  rowsInView,
  rowTop,
  scrolledHeight,
  scrolledTo,
  tallest,
} from "./virtual-rows.ts";

const sizes = fc.record({
  count: fc.integer({ min: 1, max: 3_000_000 }),
  rowHeight: fc.integer({ min: 20, max: 80 }),
  viewHeight: fc.integer({ min: 100, max: 1_200 }),
});
const start: ListPlace = { scrollTop: 0, top: 0 };

test("the element is never higher than a browser draws, and its two ends are the list's", () => {
  fc.assert(
    fc.property(sizes, size => {
      const height = scrolledHeight(size);
      expect(height).toBeLessThanOrEqual(tallest);
      expect(rowsInView(size, scrolledTo(size, start, 0)).first).toBe(0);
      const end = scrolledTo(size, start, Math.max(0, height - size.viewHeight));
      expect(rowsInView(size, end).end).toBe(size.count);
    }),
  );
});

test("every row can be brought into view, by keys and by jumps, and is drawn inside the view", () => {
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (size, a, b) => {
      const row = Math.floor(a * (size.count - 1));
      const place = placeShowing(size, placeAt(size, b * size.count * size.rowHeight), row);
      const { first, end } = rowsInView(size, place);
      expect(first <= row && row < end).toBe(true);
      const drawn = rowTop(size, place, row) - place.scrollTop;
      expect(drawn).toBeGreaterThan(-1);
      expect(drawn).toBeLessThan(Math.max(1, size.viewHeight - size.rowHeight + 1));
      // what the browser then reports is the same place, to a pixel of its own
      expect(Math.abs(scrolledTo(size, place, place.scrollTop).top - place.top)).toBeLessThanOrEqual(1);
    }),
  );
});

test("a wheel's step moves by its own pixels in a list of any height", () => {
  const size = { count: 1_000_000, rowHeight: 56, viewHeight: 600 };
  const middle = scrolledTo(size, start, 5_000_000);
  expect(Math.round(middle.top / 56)).toBeGreaterThan(400_000);
  expect(scrolledTo(size, middle, middle.scrollTop + 100).top - middle.top).toBe(100);
  const few = { ...size, count: 100 };
  expect(scrolledTo(few, start, 4_000)).toEqual({ scrollTop: 4_000, top: 4_000 });
});

test("keys go by a row, a page and to the ends, and stay in the list", () => {
  const size = { count: 1_000_000, rowHeight: 50, viewHeight: 500 };
  expect(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", "x"].map(k => rowAfterKey(k, 20, size))).toEqual([
    21,
    19,
    29,
    11,
    0,
    999_999,
    undefined,
  ]);
  expect([rowAfterKey("ArrowUp", 0, size), rowAfterKey("PageDown", 999_999, size)]).toEqual([0, 999_999]);
});
