import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type Point, parseSpace, pointAt } from "../search/space.ts";
import type { Trial } from "../search/trial.ts";
import { importance, treeVariances } from "./fanova.ts";
import { forest, isLeft, type TreeNode } from "./forest.ts";

const trialsOf = (points: readonly Point[], value: (p: Point) => number): Trial[] =>
  points.map((point, number) => ({ number, point, state: "done", values: [value(point)], reports: [] }));
const value = (t: Trial) => t.values![0]!;
const sharesOf = (list: ReturnType<typeof importance>) => Object.fromEntries(list.map(i => [i.parameter, i.share]));

describe("shares of variance", () => {
  test("of one tree are those of the step function that it is", () => {
    // f = 4 [x > .5] + 3 [z = 1] over places x, y and options z of three: variances 4, 0 and 2, nothing together
    const z = (low: number): TreeNode => ({ cut: { coordinate: 2, option: 1 }, left: { mean: low + 3 }, right: { mean: low } });
    const { total, single } = treeVariances({ cut: { coordinate: 0, at: 0.5 }, left: z(0), right: z(4) }, [0, 0, 3]);
    expect(single[0]).toBeCloseTo(4, 12);
    expect(single[1]).toBeCloseTo(0, 12);
    expect(single[2]).toBeCloseTo(2, 12);
    expect(total).toBeCloseTo(6, 12);
  });

  test("of one tree never exceed its variance, whatever the tree, which is that of what it says at any place", () => {
    const draw = random("trees");
    const kinds = [0, 3, 0];
    const row = () => Float64Array.from(kinds, options => (options > 0 ? draw.below(options) : draw.uniform()));
    const x = Array.from({ length: 40 }, row);
    const at = (node: TreeNode, r: Float64Array): number =>
      "mean" in node ? node.mean : at(isLeft(node.cut, r) ? node.left : node.right, r);
    for (const tree of forest({ kinds, x, y: Float64Array.from(x, () => draw.uniform()) }, draw, { trees: 10 })) {
      const { total, single } = treeVariances(tree, kinds);
      expect(single.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(total * (1 + 1e-9));
      const drawn = Array.from({ length: 4000 }, () => at(tree, row()));
      const mean = drawn.reduce((a, b) => a + b, 0) / drawn.length;
      const variance = drawn.reduce((s, v) => s + (v - mean) ** 2, 0) / drawn.length;
      expect(Math.abs(variance / total - 1)).toBeLessThan(0.15);
    }
  });

  test("of a sum of parameters are the squares of their weights", () => {
    const space = parseSpace({ a: { from: 0, to: 1 }, b: { from: 1e-4, to: 1, log: true }, c: { from: 0, to: 100 } });
    const draw = random("weights");
    const points = Array.from({ length: 150 }, () =>
      pointAt(
        space,
        Array.from({ length: 3 }, () => draw.uniform()),
      ),
    );
    // each in its own places in [0, 1]: 3, 2 and 1 of them
    const trials = trialsOf(points, p => 3 * (p.a as number) + (2 * Math.log10(p.b as number)) / 4 + (p.c as number) / 100);
    const { a, b, c } = sharesOf(importance(space, trials, value)) as Record<string, number>;
    expect(Math.abs(a! - 9 / 14)).toBeLessThan(0.06);
    expect(Math.abs(b! - 4 / 14)).toBeLessThan(0.06);
    expect(Math.abs(c! - 1 / 14)).toBeLessThan(0.06);
  });

  test("are nothing for a parameter that does nothing, and for trials that all came to the same", () => {
    const space = parseSpace({ a: { from: 0, to: 1 }, idle: [1, 2, 3] });
    const draw = random("idle");
    const points = Array.from({ length: 80 }, () => pointAt(space, [draw.uniform(), draw.uniform()]));
    expect(
      sharesOf(
        importance(
          space,
          trialsOf(points, p => p.a as number),
          value,
        ),
      ).idle,
    ).toBeLessThan(0.02);
    expect(
      importance(
        space,
        trialsOf(points, () => 1),
        value,
      ),
    ).toEqual([]);
    expect(
      importance(
        space,
        trialsOf(points.slice(0, 3), p => p.a as number),
        value,
      ),
    ).toEqual([]);
  });
});

interface Golden {
  readonly shares: Readonly<Record<string, number>>;
  readonly rows: readonly (readonly [number, number, string, number])[];
}
const { from, ...golden } = JSON.parse(readFileSync(new URL("./golden/optuna.golden.json", import.meta.url), "utf8")) as {
  readonly from: string;
} & Record<string, Golden>;

describe(`beside ${from}`, () => {
  const space = parseSpace({ a: { from: 0, to: 1 }, b: { from: -4, to: 0 }, c: ["x", "y", "z"] });
  test.each(Object.entries(golden as Record<string, Golden>))("%s: the same trials give the same shares", (_, { shares, rows }) => {
    const trials = rows.map(([a, b, c, v], number): Trial => ({ number, point: { a, b, c }, state: "done", values: [v], reports: [] }));
    const ours = sharesOf(importance(space, trials, value));
    // Forests are random, and Optuna's mean over options runs over a cube of 0/1 columns where ours runs over the options themselves.
    for (const [name, share] of Object.entries(shares)) expect(Math.abs(ours[name]! - share), name).toBeLessThan(0.1);
  });
});
