import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { trainCells } from "./cells.ts";
import { codesOf, cosineOfCodes, encode } from "./codes.ts";
import { kMeans, nearestCentre } from "./k-means.ts";

/** Directions around `groups` centres, so near that each is nearest to its own. */
function heaps(groups: number, each: number, width: number, noise: number, seed: string) {
  const r = random(seed);
  const centres = Array.from({ length: groups }, () => Float32Array.from({ length: width }, () => r.normal()));
  return centres.flatMap((c, g) => Array.from({ length: each }, () => ({ group: g, code: encode(c.map(x => x + noise * r.normal())) })));
}

test("k-means finds heaps that are apart", () => {
  const points = heaps(5, 40, 32, 0.1, "heaps");
  const codes = codesOf(
    points.map(p => p.code),
    32,
  );
  // Random starts may share a heap; of a few seeds the best parts them.
  const pure = [1, 2, 3, 4, 5, 6, 7, 8].map(seed => {
    const centres = kMeans(codes, { count: 5, seed });
    const owners = points.map((_, p) => nearestCentre(centres, codes.values, p * 32).centre);
    return points.every((p, i) => points.every((q, j) => (p.group === q.group) === (owners[i] === owners[j])));
  });
  expect(pure).toContain(true);
});

test("a round of k-means never lowers the sum of fits", () => {
  const codes = codesOf(
    heaps(9, 30, 24, 0.8, "fits").map(p => p.code),
    24,
  );
  const total = (rounds: number) => {
    const centres = kMeans(codes, { count: 12, seed: 3, rounds });
    let sum = 0;
    for (let p = 0; p < codes.count; p++) sum += nearestCentre(centres, codes.values, p * 24).fit * codes.scales[p]!;
    return sum;
  };
  for (let rounds = 1; rounds < 8; rounds++) expect(total(rounds + 1)).toBeGreaterThanOrEqual(total(rounds) - 1e-4);
});

test("the same points and seed give the same cells; more points than places, none, and equal ones do no harm", () => {
  const list = heaps(20, 20, 16, 0.5, "cells").map(p => p.code);
  const codes = codesOf(list, 16);
  const [a, b] = [trainCells(codes, { count: 16, seed: 1 }), trainCells(codes, { count: 16, seed: 1 })];
  expect(list.map(c => a.nearest(c, 3))).toEqual(list.map(c => b.nearest(c, 3)));
  const used = new Set(list.map(c => a.nearest(c, 1)[0]!));
  expect(used.size).toBeGreaterThan(8);
  expect(Math.max(...used)).toBeLessThan(a.count);
  for (const points of [
    codesOf([], 16),
    codesOf([list[0]!], 16),
    codesOf(Array(50).fill(list[0]), 16),
    codesOf(Array(5).fill(new Int8Array(16)), 16),
  ]) {
    const cells = trainCells(points, { count: 9, seed: 1 });
    expect(cells.nearest(list[3]!, 4).every(c => c >= 0 && c < cells.count)).toBe(true);
    expect(cells.nearest(list[3]!, 4).length).toBeGreaterThan(0);
  }
});

test("nearly all pairs that are alike meet in a cell, the more the more cells are visited", () => {
  const list = heaps(300, 4, 64, 0.25, "pairs").map(p => p.code);
  const codes = codesOf(list, 64);
  const cells = trainCells(codes, { count: 40, seed: 1 });
  const recall = (probes: number) => {
    const visits = list.map(c => cells.nearest(c, probes));
    let [met, all] = [0, 0];
    for (let i = 0; i < list.length; i++)
      for (let j = 0; j < i; j++) {
        if (cosineOfCodes(codes, i, j) < 0.9) continue;
        all++;
        if (visits[i]!.includes(visits[j]![0]!) || visits[j]!.includes(visits[i]![0]!)) met++;
      }
    return met / all;
  };
  const [one, two, four] = [recall(1), recall(2), recall(4)];
  expect(two).toBeGreaterThanOrEqual(one);
  expect(four).toBeGreaterThanOrEqual(two);
  expect(four).toBeGreaterThan(0.98);
});
