/**
 * Curves as plots on a square of 100 by 100, y downwards as SVG has it, with what they say in words. Only geometry: the page of `loam eval` writes them
 * as text, the console as elements. Imports nothing but types, so that a browser can have it.
 */
import type { DecisionCurve, Reliability } from "./picture.ts";

export interface Plot {
  readonly title: string;
  /** For those who do not see it. */
  readonly said: string;
  readonly x: string;
  readonly y: string;
  /** An SVG path. */
  readonly path: string;
  /** A line of chance or of truth. */
  readonly guide: string;
  readonly dots: readonly { readonly x: number; readonly y: number; readonly r: number; readonly said: string }[];
  /** The same in numbers. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Curve = Pick<DecisionCurve, "positive" | "positives" | "negatives" | "thresholds" | "recall" | "falsePositiveRate" | "precision"> & {
  readonly rocArea: number | null;
  readonly averagePrecision: number | null;
};
type Bins = { readonly error: number | null; readonly bins: readonly Pick<Reliability["bins"][number], "items" | "said" | "seen">[] };

const place = (share: number): number => Math.round(1000 * share) / 10;
const up = (share: number): number => place(1 - share);
const three = (x: number | null): string => (x === null ? "–" : x.toFixed(3));

const sidesOf = (c: Curve): string => `${c.positives} of ${c.positive} and ${c.negatives} others, at every threshold`;

export const rocPlot = (c: Curve): Plot => ({
  title: `ROC, area ${three(c.rocArea)}`,
  said: `${sidesOf(c)}: true positive rate against false positive rate. Area ${three(c.rocArea)}, by chance 0.5.`,
  x: "false positive rate",
  y: "true positive rate",
  path: `M0 100${c.recall.map((r, i) => `L${place(c.falsePositiveRate[i]!)} ${up(r)}`).join("")}`,
  guide: "M0 100L100 0",
  dots: [],
  columns: ["threshold", "false positive rate", "true positive rate"],
  rows: c.thresholds.map((t, i) => [three(t), three(c.falsePositiveRate[i]!), three(c.recall[i]!)]),
});

/** In steps, as its area, the average precision, is defined: precision holds for the recall that a threshold adds. */
export const precisionRecallPlot = (c: Curve): Plot => {
  const chance = c.positives / (c.positives + c.negatives);
  return {
    title: `Precision and recall, average ${three(c.averagePrecision)}`,
    said: `${sidesOf(c)}: precision against recall. Average precision ${three(c.averagePrecision)}, by chance ${three(chance)}.`,
    x: "recall",
    y: "precision",
    path: c.recall.map((r, i) => `${i === 0 ? `M0 ${up(c.precision[0]!)}` : `V${up(c.precision[i]!)}`}H${place(r)}`).join(""),
    guide: `M0 ${up(chance)}H100`,
    dots: [],
    columns: ["threshold", "recall", "precision"],
    rows: c.thresholds.map((t, i) => [three(t), three(c.recall[i]!), three(c.precision[i]!)]),
  };
};

/** Radius of the bin with the most items. */
const largest = 2.4;

export const reliabilityPlot = ({ error, bins }: Bins): Plot => {
  const most = Math.max(...bins.map(b => b.items));
  return {
    title: `Reliability, calibration error ${three(error)}`,
    said: `Accuracy against predicted probability, in ${bins.length} bins; below the line the model is overconfident. ${bins.map(b => `Probability ${three(b.said)}: accuracy ${three(b.seen)} of ${b.items}`).join("; ")}.`,
    x: "predicted probability",
    y: "accuracy",
    path: bins.map((b, i) => `${i === 0 ? "M" : "L"}${place(b.said)} ${up(b.seen)}`).join(""),
    guide: "M0 100L100 0",
    dots: bins.map(b => ({
      x: place(b.said),
      y: up(b.seen),
      r: Math.round(10 * Math.max(1, largest * Math.sqrt(b.items / most))) / 10,
      said: `probability ${three(b.said)}, accuracy ${three(b.seen)}, ${b.items} items`,
    })),
    columns: ["predicted probability", "accuracy", "items"],
    rows: bins.map(b => [three(b.said), three(b.seen), String(b.items)]),
  };
};
