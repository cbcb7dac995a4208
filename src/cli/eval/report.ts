/** What `loam eval` tells of a task: figures, slices, variants, the other model, the worst and slowest items. Plain data; `show.ts` and `page.ts` write it. */
import {
  type ClassPicture,
  type ContaminationSplit,
  contaminationSplit,
  type Difference,
  defaultMeasures,
  differenceOf,
  gainOf,
  type ItemResult,
  type JudgeSummary,
  type LoadedTask,
  type Measure,
  measureOf,
  pairItems,
  pictureOf,
  type Score,
  type SliceScores,
  scoreOf,
  sliceName,
  sliceScores,
  withJudgement,
} from "../../evaluate/index.ts";
import { type BaselineReport, baselineReports } from "./baselines.ts";
import type { ContaminationCheck, SeenItems } from "./contaminated.ts";
import type { Judgement } from "./judged.ts";
import type { RecordedResult } from "./record.ts";

export interface ShownItem {
  readonly id: string;
  readonly place: string;
  readonly prompt: string;
  readonly right: string;
  readonly came: string;
  readonly ms: number;
}
export interface ChangedItem extends ShownItem {
  /** What the other model gave. */
  readonly before: string;
}

export interface VariantReport {
  readonly variant: string;
  readonly artifact: string;
  /** The variant beside the items as they are. */
  readonly differences: readonly Difference[];
}

export interface Comparison {
  readonly against: string;
  readonly artifact: string;
  readonly differences: readonly (Difference & { readonly pHolm?: number })[];
  /** Items that one side lacks. */
  readonly onlyModel: number;
  readonly onlyAgainst: number;
  readonly wins: readonly ChangedItem[];
  readonly losses: readonly ChangedItem[];
}

/** What a judge said of the model beside the other one. */
export interface JudgementReport extends JudgeSummary {
  readonly judge: string;
  readonly artifact: string;
  readonly isKnown: boolean;
  readonly winRate: Score;
  /** Items on which its two orders contradict each other. */
  readonly contradicted: readonly ChangedItem[];
}

export interface TaskReport {
  readonly task: string;
  readonly output: string;
  readonly items: number;
  readonly artifact: string;
  readonly isKnown: boolean;
  readonly kept: number;
  readonly ms: number;
  readonly scores: readonly Score[];
  /** Of classify and choices: figures of each label. */
  readonly slices: readonly SliceScores[];
  readonly variants: readonly VariantReport[];
  /** Of items with probabilities. */
  readonly picture?: ClassPicture;
  /** Where the task names answers that need no model. */
  readonly baselines?: readonly BaselineReport[];
  readonly comparison?: Comparison;
  readonly judgement?: JudgementReport;
  /** Where the model's data was checked against the task's items. */
  readonly contamination?: ContaminationSplit & { readonly checks: readonly ContaminationCheck[] };
  readonly worst: readonly ShownItem[];
  readonly slowest: readonly ShownItem[];
}

/** Errors: evaluate/metric. */
export const measureNamed = (name: string, { head, items }: RecordedResult): Measure =>
  measureOf(name, head, [...new Set(items.flatMap(i => i.choices ?? []))]);
export const measuresOf = ({ task }: LoadedTask, result: RecordedResult): Measure[] =>
  (task.metrics ?? defaultMeasures(task.output)).map(name => measureNamed(name, result));

export const shown = ({ id, place, prompt, right, came, ms }: ItemResult): ShownItem => ({ id, place, prompt, right, came, ms });

/** How far an item is from right: by what it lacks to the right choice, else by the first measure's own value. */
function badness(measure: Measure, i: ItemResult): number {
  if (i.logLikelihoods && i.gold) {
    const right = Math.max(...i.gold.map(g => i.logLikelihoods![g]!));
    return Math.max(...i.logLikelihoods) - right;
  }
  return measure.value(i) * (measure.better === "higher" ? -1 : 1);
}

export const topOf = <T>(list: readonly T[], by: (x: T) => number, count: number): T[] =>
  [...list].sort((a, b) => by(b) - by(a)).slice(0, count);

export interface ReportParts {
  readonly loaded: LoadedTask;
  readonly result: RecordedResult;
  readonly variants: readonly { readonly variant: string; readonly result: RecordedResult }[];
  readonly against?: { readonly id: string; readonly result: RecordedResult };
  readonly judgement?: Judgement | undefined;
  readonly seen?: SeenItems | undefined;
  /** Items of each list. */
  readonly few: number;
}

function comparisonOf(measures: readonly Measure[], mine: RecordedResult, id: string, other: RecordedResult, few: number): Comparison {
  const paired = pairItems(mine.items, other.items, mine.head.task);
  const main = measures[0]!;
  const changed = paired.first
    .map((a, i) => ({ gain: gainOf(main, a, paired.second[i]!), item: { ...shown(a), before: paired.second[i]!.came } }))
    .filter(c => c.gain !== 0);
  const list = (sign: 1 | -1) =>
    topOf(
      changed.filter(c => c.gain * sign > 0),
      c => Math.abs(c.gain),
      few,
    ).map(c => c.item);
  return {
    against: id,
    artifact: other.artifact,
    differences: measures.map(m => differenceOf(m, paired)),
    onlyModel: paired.onlyFirst,
    onlyAgainst: paired.onlySecond,
    wins: list(1),
    losses: list(-1),
  };
}

function judgementOf({ items, summary, ...rest }: Judgement, result: RecordedResult, few: number): JudgementReport {
  const contradicted = items.filter(i => i.outcome === "tie" && i.shownFirst !== "tie" && i.shownSecond !== "tie");
  return {
    ...rest,
    ...summary,
    winRate:
      summary.unread === items.length
        ? { metric: "win_rate", better: "higher", items: 0, value: Number.NaN, low: Number.NaN, high: Number.NaN, interval: "none" }
        : scoreOf(measureOf("win_rate", result.head), withJudgement(result.items, items)),
    contradicted: contradicted.slice(0, few).map(i => ({
      id: i.id,
      place: i.place,
      prompt: i.prompt,
      right: "",
      before: i.second,
      came: i.first,
      ms: 0,
    })),
  };
}

export function taskReport({ loaded, result, variants, against, judgement, seen, few }: ReportParts): TaskReport {
  const { task } = loaded;
  const measures = measuresOf(loaded, result).filter(m => m.name !== "win_rate");
  const main = measures[0]!;
  const wrong = result.items.filter(i => (main.kind === "share" ? main.value(i) === 0 : badness(main, i) > Number.NEGATIVE_INFINITY));
  const baselines = baselineReports(loaded, result, measures);
  const picture = pictureOf(result.head, result.items);
  return {
    task: task.task,
    output: task.output,
    items: result.items.length,
    artifact: result.artifact,
    isKnown: result.isKnown,
    kept: result.kept,
    ms: result.ms,
    scores: measures.map(m => scoreOf(m, result.items)),
    slices: sliceScores(result.items, task.slices.map(sliceName), measures),
    variants: variants.map(v => ({
      variant: v.variant,
      artifact: v.result.artifact,
      differences: measures.map(m => differenceOf(m, pairItems(v.result.items.map(unvaried(result.items)), result.items, task.task))),
    })),
    ...(picture ? { picture } : {}),
    ...(baselines ? { baselines } : {}),
    ...(against ? { comparison: comparisonOf(measures, result, against.id, against.result, few) } : {}),
    ...(judgement ? { judgement: judgementOf(judgement, result, few) } : {}),
    ...(seen ? { contamination: { checks: seen.checks, ...contaminationSplit(result.items, seen.cleanness, measures) } } : {}),
    worst: topOf(wrong, i => badness(main, i), few).map(shown),
    slowest: topOf(result.items, i => i.ms, few).map(shown),
  };
}

/** A variant's items in the order of the others, under their names: the content differs, the place is the same. */
const unvaried =
  (items: readonly ItemResult[]) =>
  (v: ItemResult, at: number): ItemResult => ({ ...v, id: items[at]!.id });
