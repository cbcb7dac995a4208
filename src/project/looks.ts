/** Looks at a test set in words: how often it was scored, by whom, and what the best of so many candidates is worth. */
import { formatCount } from "../base/index.ts";
import { bestOf, isBestOptimistic, normalQuantile } from "../statistics/index.ts";
import type { LookKind, Looks } from "../store/index.ts";

/** A score that the looks are told beside, with its two-sided interval of 95 %. */
interface LookedScore {
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly low: number;
  readonly high: number;
}

/** Looks as programs read them. */
export interface LooksReport extends Looks {
  /** Whether the best score on this test set may be expected outside of its own interval. */
  readonly isOptimistic: boolean;
  /** How far the best of so many equally good candidates is expected to score from what it is worth, at most: in standard errors, and of a score. */
  readonly standardErrors: number;
  readonly optimism?: { readonly metric: string; readonly value: number };
}

const names: Readonly<Record<LookKind, readonly [string, string]>> = {
  tuning: ["tuning", "tunings"],
  evaluation: ["evaluation", "evaluations"],
  search: ["judgement of a search", "judgements of searches"],
  gate: ["gate", "gates"],
};

export function looksReport(looks: Looks, score?: LookedScore): LooksReport {
  const candidates = Math.max(1, looks.candidates);
  const standardErrors = bestOf(candidates);
  const error = score && (score.high - score.low) / (2 * normalQuantile(0.975));
  return {
    ...looks,
    isOptimistic: isBestOptimistic(candidates),
    standardErrors,
    ...(score && error !== undefined && Number.isFinite(error)
      ? { optimism: { metric: score.metric, value: standardErrors * error * (score.better === "lower" ? -1 : 1) } }
      : {}),
  };
}

const counted = (n: number, [one, more]: readonly [string, string]): string => `${formatCount(n)} ${n === 1 ? one : more}`;

/** `test set evaluated 14 times, by 6 tunings, 6 evaluations and 2 gates; 9 candidates`. */
function looksText({ total, kinds, candidates }: Looks): string {
  const by = (Object.keys(names) as LookKind[]).flatMap(kind => (kinds[kind] > 0 ? [counted(kinds[kind], names[kind])] : []));
  const list = by.length > 1 ? `${by.slice(0, -1).join(", ")} and ${by.at(-1)}` : (by[0] ?? "nothing");
  return `test set evaluated ${total === 1 ? "once" : `${formatCount(total)} times`}, by ${list}; ${counted(candidates, ["candidate", "candidates"])}`;
}

/** The count, and a warning where the best score is too good to be believed. */
export function looksLines(report: LooksReport): string[] {
  if (!report.isOptimistic) return [looksText(report)];
  const { candidates, standardErrors, optimism } = report;
  const better = optimism && optimism.value < 0 ? "below" : "above";
  const much = `${standardErrors.toFixed(1)} standard errors`;
  const value = optimism
    ? `up to ${Math.abs(optimism.value).toFixed(3)} (${much}) ${better} its true ${optimism.metric}`
    : `up to ${much} better than it is`;
  return [
    looksText(report),
    `Warning: the best of ${formatCount(candidates)} equally good candidates is expected to score ${value}. Hold out new texts before you report the best score.`,
  ];
}
