import { expect, test } from "vitest";
import { type ClassificationReport, compareSystems } from "./report.ts";
import { classificationTable } from "./report-table.ts";

/** A report of a model that never finds the last class. */
function reportOf(classes: readonly string[]): ClassificationReport {
  const truth = Int32Array.from({ length: 20 * classes.length + 2 }, (_, i) => (i < 2 ? classes.length - 1 : i % (classes.length - 1)));
  const predicted = truth.map((t, i) => (t === classes.length - 1 || i % 10 === 9 ? 0 : t));
  const { groups, ...compared } = compareSystems({
    classes,
    truth,
    groups: Array.from(truth, (_, i) => `${i}`),
    model: { name: "m", kind: "model", predicted },
    baselines: [],
  });
  const counts = Object.fromEntries(classes.map((c, k) => [c, truth.reduce((n, t) => n + (t === k ? 1 : 0), 0)]));
  return {
    task: "classification",
    model: { artifact: "model-1", name: "m" },
    label: "topic",
    classes,
    test: { documents: truth.length, groups, counts },
    confusion: [[classes.length - 1, 0, 2]],
    calibration: { error: 0, logLoss: 0, bins: [] },
    wrongest: [],
    ...compared,
  };
}

test("classes that are numbers, or several words, cannot be taken for counts", () => {
  const { test: held, ...rest } = reportOf(["1", "not sure", "ham"]);
  const table = classificationTable({ ...rest, test: held });
  expect(table).toContain(`${held.counts["1"]} "1", ${held.counts["not sure"]} "not sure", ${held.counts.ham} ham)`);
  expect(table).toContain('Most frequent errors: 2 ham predicted as "1"');
});

test("a class that is never found is told, also where there are too many classes for a line each", () => {
  const many = classificationTable(reportOf(["a", "b", "c", "d", "e", "rare"]));
  expect(many).toContain("6 classes");
  expect(many).toMatch(/Lowest F1: rare 0\.000 \(2 texts\), \w 0\.\d{3} \(\d+ texts\), \w 0\.\d{3}/);
  const few = classificationTable(reportOf(["a", "b", "rare"]));
  expect(few).not.toContain("Lowest F1");
  expect(few).toMatch(/^ {6}rare +F1 0\.000/m);
});

test("temperature scaling is recommended only where it lowers the calibration error and the log loss", () => {
  const scaled = (error: number, logLoss: number) =>
    classificationTable({
      ...reportOf(["a", "rare"]),
      calibration: { error: 0.169, logLoss: 0.464, bins: [], temperature: { value: 0.73, error, logLoss } },
    });
  expect(scaled(0.1, 0.4)).toContain(
    "(T = 0.73, fitted on the validation part): calibration error 10.0 points, log loss 0.400 (to apply it",
  );
  // fewer points of error on few texts, and a worse score of the probabilities
  expect(scaled(0.159, 0.469)).not.toContain("--calibrated");
  expect(scaled(0.168, 0.4)).not.toContain("--calibrated");
});
