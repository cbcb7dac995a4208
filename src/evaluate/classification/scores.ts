/**
 * Scores of a classifier from its confusion table, by the definitions of scikit-learn: macro means over the classes that occur among the true or
 * the predicted labels, a quotient 0 / 0 counts as `zeroDivision` and is named.
 */
import { kappaOfTable } from "../../statistics/index.ts";
import type { Confusion } from "./confusion.ts";

export interface ClassScore {
  readonly name: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Items whose true class this is. */
  readonly support: number;
}
export type Averages = Omit<ClassScore, "name" | "support">;

export interface ClassificationScores {
  readonly items: number;
  readonly accuracy: number;
  /** Mean recall of the classes that have items. */
  readonly balancedAccuracy: number;
  readonly micro: Averages;
  readonly macro: Averages;
  readonly weighted: Averages;
  /** Matthews' correlation (1975), for more classes by Gorodkin (2004); 0 where a side has one class only. */
  readonly mcc: number;
  /** Cohen's kappa (1960); NaN where both sides have one and the same class only. */
  readonly kappa: number;
  readonly classes: readonly ClassScore[];
  /** Quotients that were 0 / 0, such as "precision of spam". */
  readonly undefinedScores: readonly string[];
}

export function classificationScores({ classes, counts, total }: Confusion, { zeroDivision = 0 } = {}): ClassificationScores {
  const k = classes.length;
  const [support, taken, right] = [new Float64Array(k), new Float64Array(k), new Float64Array(k)];
  for (let t = 0; t < k; t++)
    for (let p = 0; p < k; p++) {
      const n = counts[t * k + p]!;
      support[t] = support[t]! + n;
      taken[p] = taken[p]! + n;
      if (t === p) right[t] = n;
    }
  const undefinedScores: string[] = [];
  const share = (part: number, whole: number, what: string): number => {
    if (whole > 0) return part / whole;
    undefinedScores.push(what);
    return zeroDivision;
  };
  const rows: ClassScore[] = [];
  for (let c = 0; c < k; c++) {
    if (support[c] === 0 && taken[c] === 0) continue; // in a resampled table only
    const name = classes[c]!;
    const precision = share(right[c]!, taken[c]!, `precision of ${name}`);
    const recall = share(right[c]!, support[c]!, `recall of ${name}`);
    const f1 = (2 * right[c]!) / (support[c]! + taken[c]!);
    rows.push({ name, precision, recall, f1, support: support[c]! });
  }
  const mean = (weight: (row: ClassScore) => number): Averages => {
    const all = rows.reduce((sum, r) => sum + weight(r), 0);
    const of = (key: keyof Averages) => rows.reduce((sum, r) => sum + weight(r) * r[key], 0) / all;
    return { precision: of("precision"), recall: of("recall"), f1: of("f1") };
  };
  const correct = right.reduce((a, b) => a + b, 0);
  const accuracy = correct / total;
  const present = rows.filter(r => r.support > 0);
  return {
    items: total,
    accuracy,
    balancedAccuracy: present.reduce((sum, r) => sum + r.recall, 0) / present.length,
    micro: { precision: accuracy, recall: accuracy, f1: accuracy },
    macro: mean(() => 1),
    weighted: mean(r => r.support),
    mcc: matthews(correct, total, support, taken),
    kappa: kappaOfTable(counts, k),
    classes: rows,
    undefinedScores,
  };
}

const product = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

function matthews(correct: number, total: number, support: Float64Array, taken: Float64Array): number {
  const above = correct * total - product(support, taken);
  const below = Math.sqrt(total * total - product(taken, taken)) * Math.sqrt(total * total - product(support, support));
  return below === 0 ? 0 : above / below;
}
