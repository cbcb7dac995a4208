/** What searches are compared on: two functions whose least value is known, and a table of a real tuning. Regrets are 0 at the best. */
import { type Point, parseSpace, type Space } from "../../src/tune/index.ts";
import { cellAt, readTable } from "./table.ts";

export interface SearchProblem {
  readonly space: Space;
  /** Trials of a search. */
  readonly trials: number;
  /** Distance from the least value. */
  regret(point: Point): number;
}

const numbers = (point: Point): number[] => Object.values(point) as number[];

/** Branin (1972): three bottoms of the same depth in two dimensions. */
const branin: SearchProblem = {
  trials: 100,
  space: parseSpace({ x: { from: -5, to: 10 }, y: { from: 0, to: 15 } }),
  regret(point) {
    const [x, y] = numbers(point) as [number, number];
    const valley = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
    return valley ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10 - 0.39788735772973816;
  },
};

const widths = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const centres = [
  [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
  [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
  [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
  [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];
/** Hartmann (1973) in six dimensions: four bottoms, the second .119 above the first. */
const hartmann6: SearchProblem = {
  trials: 100,
  space: parseSpace(Object.fromEntries([..."abcdef"].map(name => [name, { from: 0, to: 1 }]))),
  regret(point) {
    const x = numbers(point);
    const depth = [1, 1.2, 3, 3.2].reduce(
      (sum, height, i) => sum + height * Math.exp(-widths[i]!.reduce((d, w, j) => d + w * (x[j]! - centres[i]![j]!) ** 2, 0)),
      0,
    );
    return 3.322368011391339 - depth;
  },
};

/** A spam classifier's rate, width, batch and dropout: each a whole number, its place on the axis. Nobody may try all cells. */
function tuningTable(): SearchProblem {
  const { axes, losses } = readTable();
  const least = Math.min(...losses);
  return {
    trials: 20,
    space: parseSpace(
      Object.fromEntries(Object.entries(axes).map(([name, values]) => [name, { from: 0, to: values.length - 1, integer: true }])),
    ),
    regret: point =>
      losses[
        cellAt(
          axes,
          Object.keys(axes).map(name => point[name] as number),
        )
      ]! - least,
  };
}

export const problems: Readonly<Record<string, SearchProblem>> = { branin, hartmann6, "tuning-table": tuningTable() };
