import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { defined } from "../../../base/index.ts";
import { type DenseRows, denseLogisticRegression, logisticRegression, ridgeRegressions } from "./index.ts";

interface Case {
  readonly classes: number;
  readonly rows: number[][];
  readonly labels: number[];
  readonly asked: number[][];
  readonly scores: Readonly<Record<string, (number | number[])[]>>;
}
const golden = JSON.parse(readFileSync(new URL("./golden/dense.golden.json", import.meta.url), "utf8")) as {
  readonly cases: Case[];
  readonly ridge: {
    readonly rows: number[][];
    readonly targets: number[];
    readonly asked: number[][];
    readonly numbers: Record<string, number[]>;
  };
};
const dense = (rows: readonly number[][]): DenseRows => ({
  values: Float64Array.from(rows.flat()),
  count: rows.length,
  size: rows[0]!.length,
});

test("logistic regression on dense rows gives scikit-learn's scores, for numbers of rows that four does not divide too", () => {
  for (const { classes, rows, labels, asked, scores } of golden.cases)
    for (const [c, wanted] of Object.entries(scores)) {
      const model = denseLogisticRegression(dense(rows), labels, classes, { c: Number(c), tolerance: 1e-9 });
      for (const [i, row] of asked.entries()) {
        const [got, want] = [model.scores(row), wanted[i]!];
        if (typeof want === "number") expect(got[1]! - got[0]!).toBeCloseTo(want, 6);
        else for (const [k, w] of want.entries()) expect(got[k]).toBeCloseTo(w, 6);
      }
    }
});

test("dense and sparse rows of the same numbers have the same optimum, wherever the dense one starts", () => {
  const { rows, labels, classes } = golden.cases[1]!;
  const columns = Int32Array.from(rows[0]!.keys());
  const sparse = rows.map(r => ({ columns, values: Float64Array.from(r) }));
  const wanted = logisticRegression(sparse, labels, columns.length, classes, { c: 0.1, tolerance: 1e-9 });
  const { weights } = denseLogisticRegression(dense(rows), labels, classes, { c: 1e-3 });
  for (const start of [undefined, weights]) {
    const model = denseLogisticRegression(dense(rows), labels, classes, { c: 0.1, tolerance: 1e-9, ...defined({ start }) });
    for (const [i, row] of rows.entries())
      for (const [k, score] of wanted.scores(sparse[i]!).entries()) expect(model.scores(row)[k]).toBeCloseTo(score, 6);
  }
});

test("ridge regression gives scikit-learn's numbers", () => {
  const { rows, targets, asked, numbers } = golden.ridge;
  const models = ridgeRegressions(dense(rows), targets, Object.keys(numbers).map(Number));
  for (const [m, wanted] of Object.values(numbers).entries())
    for (const [i, row] of asked.entries()) expect(models[m]!.scores(row)[0]).toBeCloseTo(wanted[i]!, 8);
});
