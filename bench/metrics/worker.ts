/** Loam's side of the metrics bench: `classes` or `curves` of the file's predictions, with processor time. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import {
  averagePrecision,
  checkedBrier,
  checkedCurve,
  classificationScores,
  confusion,
  labelled,
  rocArea,
} from "../../src/evaluate/index.ts";

const { truth, predicted, positive, score } = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as {
  readonly truth: string[];
  readonly predicted: string[];
  readonly positive: number[];
  readonly score: number[];
};

const commands: Readonly<Record<string, () => object>> = {
  classes: () => {
    const table = confusion(labelled(truth, predicted));
    const { accuracy, macro, mcc, kappa } = classificationScores(table);
    return { accuracy, ...macro, mcc, kappa, cells: [...table.counts] };
  },
  curves: () => {
    const curve = checkedCurve({ positive, score });
    return { rocArea: rocArea(curve), averagePrecision: averagePrecision(curve), brier: checkedBrier({ positive, probability: score }) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage();
  const figures = commands[line.trim()]!();
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${JSON.stringify({ ms: (user + system) / 1000, figures })}\n`);
}
