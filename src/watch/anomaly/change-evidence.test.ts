/** Bayesian change points with a declared run length: rarely wrong where nothing changed, and quick where mean or spread did. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { changeEvidence, changeSums } from "./change-evidence.ts";

/** Values until the sum reaches the limit; `most` where it does not. */
function runLength(limit: number, draw: (i: number) => number, most: number): { readonly length: number; readonly ago: number } {
  let state: number[] = [];
  for (let i = 0; i < most; i++) {
    state = changeSums(state, draw(i), 60);
    const { sum, ago } = changeEvidence(state);
    if (sum >= limit) return { length: i + 1, ago };
  }
  return { length: most, ago: 0 };
}

test("where nothing changes, a limit of 100 is reached after 100 values or more on average", () => {
  const r = random("change quiet");
  const runs = 200;
  let all = 0;
  for (let i = 0; i < runs; i++) all += runLength(100, () => r.normal(), 2000).length;
  expect(all / runs).toBeGreaterThan(100);
});

test("a mean that moved, and a spread that doubled or fell to a third, are found, with the moment", () => {
  const r = random("change found");
  const limit = 1e5;
  const delays = (after: () => number) =>
    Array.from({ length: 40 }, () => {
      const { length, ago } = runLength(limit, i => (i < 200 ? r.normal() : after()), 400);
      return { delay: length - 200, ago };
    });
  for (const [after, most] of [
    [() => r.normal() + 2, 15],
    [() => 2 * r.normal(), 60],
    [() => r.normal() / 3, 60],
  ] as const) {
    const found = delays(after).filter(d => d.delay > 0);
    expect(found.length).toBeGreaterThanOrEqual(39);
    const sorted = found.map(d => d.delay).sort((a, b) => a - b);
    expect(sorted[sorted.length >> 1]).toBeLessThan(most);
    const off = found.map(d => Math.abs(d.ago - d.delay)).sort((a, b) => a - b);
    expect(off[off.length >> 1]).toBeLessThanOrEqual(5);
  }
});

test("the state is bounded, and a value far out leaves finite numbers", () => {
  let state: number[] = [];
  for (let i = 0; i < 500; i++) state = changeSums(state, i % 100 === 0 ? 1e6 : 0, 60);
  expect(state).toHaveLength(180);
  expect(Number.isFinite(changeEvidence(state).sum)).toBe(true);
});
