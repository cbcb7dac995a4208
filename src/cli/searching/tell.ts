/** Studies in words: a trial, a table of trials, the winner and how sure that is. */
import { formatBytes, formatCount, formatDuration, type Json } from "../../base/index.ts";
import { looksLines } from "../../project/index.ts";
import { type StudySpec, type StudyVerdict, shortReason, trialCounts } from "../../project/searching/index.ts";
import type { StoredTrial, TrialState } from "../../store/index.ts";
import { comparisonSentence, type ObjectiveName, outcomeOf, paretoFront, ranked, wrongSentence } from "../../tune/index.ts";

const shown = (v: unknown): string =>
  typeof v === "number"
    ? Number.isInteger(v)
      ? String(v)
      : String(Number(v.toPrecision(4)))
    : typeof v === "string"
      ? v
      : JSON.stringify(v);

/** `train.rate 0.0123, layers 3`. */
export const pointText = (point: Json | unknown): string =>
  Object.entries((point ?? {}) as Record<string, unknown>)
    .map(([name, v]) => `${name} ${shown(v)}`)
    .join(", ") || "as configured";

/** Objectives in their own units; a new one is a row. */
const units: { readonly [K in ObjectiveName]: (v: number, unit: string) => string } = {
  heldOut: (v, unit) => `${v.toFixed(4)} ${unit}`,
  errors: v => `${(100 * v).toFixed(2)} % errors`,
  seconds: v => formatDuration(v * 1000),
  latency: v => `${v < 10 ? v.toFixed(2) : v.toFixed(1)} ms`,
  parameters: v => `${formatCount(v)} parameters`,
  memory: v => formatBytes(v),
};
export const valueText = (name: ObjectiveName, v: number, unit: string): string => units[name](v, unit);

/** What values of a study are values of. */
export interface StudyUnits {
  readonly objectives: readonly ObjectiveName[];
  readonly unit: string;
}

/** Values of a trial's objectives. */
export const valuesText = ({ objectives, unit }: StudyUnits, values: readonly number[]): string =>
  values.map((v, i) => valueText(objectives[i]!, v, unit)).join(", ");

/** Trials as a table, the best first, then those that came to no end of their own. */
export function trialTable(spec: StudySpec, trials: readonly StoredTrial[], most = Number.POSITIVE_INFINITY): string[] {
  const best = new Set(paretoFront(spec, trials).map(t => t.number));
  const done = ranked(spec, trials);
  const rest = trials.filter(t => t.state !== "done");
  const shownTrials = [...done, ...rest].slice(0, most);
  const width = Math.max(0, ...shownTrials.map(t => pointText(t.point).length));
  const rows = shownTrials.map(t => {
    const outcome = outcomeOf(t);
    const last = t.reports.at(-1);
    const came = outcome
      ? valuesText(spec, outcome.values)
      : `${t.state}${t.reason ? `: ${shortReason(t.reason)}` : ""}${last && t.state !== "failed" ? ` (${last.value.toFixed(4)})` : ""}`;
    return `  ${best.has(t.number) ? ">" : " "} ${String(t.number).padStart(3)}  ${pointText(t.point).padEnd(width)}  ${came}${t.origin === "default" ? "  (the configuration as it is)" : ""}`;
  });
  const left = trials.length - rows.length;
  return left > 0 ? [...rows, `        ... and ${left} more`] : rows;
}

const states = ["done", "pruned", "failed", "running", "waiting"] as const satisfies readonly TrialState[];
/** `12 done, 6 pruned, 1 failed`. */
export const stateCounts = (counts: Readonly<Partial<Record<TrialState, number>>>): string =>
  states.flatMap(state => (counts[state] ? [`${counts[state]} ${state}`] : [])).join(", ") || "no trial yet";
export const countsText = (trials: readonly Pick<StoredTrial, "state">[]): string => stateCounts(trialCounts(trials));

/** What judges are asked about, by the last word of the unit that their loss is counted in. */
const asked: Readonly<Record<string, string>> = { pair: "pairs", answer: "answers", anchor: "anchors", token: "examples" };

/** What the test half says. */
export function verdictLines({ objectives, unit: own }: StudyUnits, v: StudyVerdict): string[] {
  // a text, a pair, an answer, an anchor: whatever the loss is counted by
  const unit = objectives[0] === "errors" ? `errors ${own.split(" ").slice(-2).join(" ")}` : own;
  const wrong = objectives[0] === "errors" ? undefined : wrongSentence(v);
  const things = asked[own.split(" ").at(-1)!] ?? "documents";
  return [
    `  On the test set (${formatCount(v.documents)} ${things}, ${formatCount(v.groups)} groups; never used for selection): ${v.winner.value.toFixed(4)} ${unit}`,
    ...v.comparisons.map(c => `    ${comparisonSentence(c, unit)}`),
    ...(wrong === undefined ? [] : [`    ${wrong}`]),
    ...(v.comparisons.length === 0 ? ["    nothing to compare it with yet"] : []),
    ...(v.looks > 1
      ? [`    This is look ${v.looks} at the test half of this study: a choice made after the first look is no longer blind to it.`]
      : []),
    ...(v.testSet ? looksLines(v.testSet).map(line => `    ${line}`) : []),
  ];
}
