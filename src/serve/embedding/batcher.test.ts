import fc from "fast-check";
import { expect, test } from "vitest";
import { nextBatch } from "./batcher.ts";

const limits = { room: (width: number) => (width === 16 ? { texts: 4, tokens: 40 } : { texts: 2, tokens: 100 }), maxWaitMs: 10 };
const text = (id: number, width: number, sinceMs: number, length = 10) => ({ id, width, sinceMs, length });
const idsOf = (d: ReturnType<typeof nextBatch<ReturnType<typeof text>>>) => (d.kind === "run" ? d.texts.map(t => t.id) : d);

test("nothing waits: idle; a lone text waits for company until its time is up", () => {
  expect(nextBatch([], 0, limits)).toEqual({ kind: "idle" });
  expect(nextBatch([text(1, 16, 5)], 8, limits)).toEqual({ kind: "wait", ms: 7 });
  expect(idsOf(nextBatch([text(1, 16, 5)], 15, limits))).toEqual([1]);
});

test("a full batch goes at once, of one width, the oldest first, and leaves the rest", () => {
  const waiting = [text(1, 16, 0), text(2, 64, 0), text(3, 16, 0), text(4, 64, 0), text(5, 64, 0)];
  expect(idsOf(nextBatch(waiting, 1, limits))).toEqual([2, 4]);
});

test("a batch whose tokens are full is full, and the text that does not fit waits for the next with all that came after it", () => {
  const waiting = [text(1, 16, 0, 16), text(2, 16, 0, 16), text(3, 16, 0, 12), text(4, 16, 0, 4)];
  expect(idsOf(nextBatch(waiting, 1, limits))).toEqual([1, 2]);
  expect(idsOf(nextBatch(waiting.slice(2), 1, limits))).toEqual({ kind: "wait", ms: 9 });
  expect(idsOf(nextBatch(waiting.slice(2), 10, limits))).toEqual([3, 4]);
});

test("a text whose time is up goes before a full batch of another width", () => {
  const waiting = [text(1, 16, 0), text(2, 64, 9), text(3, 64, 9)];
  expect(idsOf(nextBatch(waiting, 10, limits))).toEqual([1]);
});

test("whatever comes: every text goes, none twice, and none is overtaken by a younger one of its width", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ width: fc.constantFrom(16, 64), share: fc.double({ min: 0, max: 1, noNaN: true }), gap: fc.nat(8) }), {
        maxLength: 40,
      }),
      made => {
        let at = 0;
        const coming = made.map(({ width, share, gap }, id) => {
          at += gap;
          return text(id, width, at, 1 + Math.floor(share * (width - 1)));
        });
        const gone: number[] = [];
        let waiting: typeof coming = [];
        for (let now = 0; gone.length < coming.length; now++) {
          waiting = [...waiting, ...coming.filter(t => t.sinceMs === now)];
          for (let d = nextBatch(waiting, now, limits); d.kind === "run"; d = nextBatch(waiting, now, limits)) {
            const { texts, width } = d;
            expect(texts.length).toBeLessThanOrEqual(limits.room(width).texts);
            expect(texts.reduce((n, t) => n + t.length, 0)).toBeLessThanOrEqual(limits.room(width).tokens);
            expect(texts.every(t => t.width === width)).toBe(true);
            gone.push(...texts.map(t => t.id));
            waiting = waiting.filter(t => !texts.includes(t));
          }
          for (const t of waiting) expect(now - t.sinceMs).toBeLessThan(limits.maxWaitMs);
          expect(now).toBeLessThan(1000);
        }
        for (const width of [16, 64]) {
          const own = gone.filter(id => coming[id]!.width === width);
          expect(own).toEqual([...own].sort((a, b) => a - b));
        }
        expect(new Set(gone).size).toBe(coming.length);
      },
    ),
    { numRuns: 300 },
  );
});
