import fc from "fast-check";
import { expect, test } from "vitest";
import { fitted, maxScale, minScale, reveal, zoomAt } from "./viewport.ts";

const coordinate = fc.integer({ min: -2000, max: 2000 });
const view = fc.record({ scale: fc.double({ min: minScale, max: maxScale, noNaN: true }), x: coordinate, y: coordinate });
const point = fc.record({ x: coordinate, y: coordinate });
const size = fc.record({ width: fc.integer({ min: 1, max: 3000 }), height: fc.integer({ min: 1, max: 3000 }) });

test("zooming keeps the point under the pointer, within the scale's limits", () => {
  fc.assert(
    fc.property(view, point, fc.double({ min: 0.1, max: 10, noNaN: true }), (v, p, factor) => {
      const next = zoomAt(v, p, factor);
      expect(next.scale).toBeGreaterThanOrEqual(minScale);
      expect(next.scale).toBeLessThanOrEqual(maxScale);
      expect((p.x - next.x) / next.scale).toBeCloseTo((p.x - v.x) / v.scale, 4);
      expect((p.y - next.y) / next.scale).toBeCloseTo((p.y - v.y) / v.scale, 4);
    }),
  );
});

test("a fitted drawing is in the middle and inside, unless it is too large for the smallest scale", () => {
  fc.assert(
    fc.property(size, size, (drawing, frame) => {
      const v = fitted(drawing, frame);
      expect(v.scale).toBeLessThanOrEqual(1);
      expect(v.x + (drawing.width * v.scale) / 2).toBeCloseTo(frame.width / 2, 6);
      if (v.scale > minScale && frame.width > 64) expect(v.x).toBeGreaterThanOrEqual(32 - 1e-6);
    }),
  );
});

test("revealing a box that fits shows all of it and moves nothing that is seen already", () => {
  fc.assert(
    fc.property(view, point, (v, p) => {
      const box = { ...p, width: 60, height: 30 };
      const frame = { width: 400, height: 300 };
      const next = reveal(v, box, frame);
      const left = next.x + box.x * next.scale;
      expect(left).toBeGreaterThanOrEqual(24 - 1e-6);
      expect(left + box.width * next.scale).toBeLessThanOrEqual(400 - 24 + 1e-6);
      const again = reveal(next, box, frame);
      expect(again.x).toBeCloseTo(next.x, 6);
      expect(again.y).toBeCloseTo(next.y, 6);
    }),
  );
});
