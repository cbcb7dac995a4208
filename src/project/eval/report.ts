/** What `loam eval` tells of a task: figures, slices, variants, the other model, the worst and slowest items. Plain data; `show.ts` and `page.ts` write it. */
import { defined } from "../../base/index.ts";
import {
  asChoosing,
  type ChanceTest,
  type ChangedItem,
  type ClassPicture,
  type CommonThresholdReport,
  type ContaminationSplit,
  chanceOf,
  changedItem,
  commonThresholdReport,
  contaminationSplit,
  type Difference,
  differenceOf,
  type EvaluationMeasure,
  type FairnessTable,
  fairnessTables,
  faultsOf,
  gainOf,
  isContradicted,
  type JudgementScores,
  judgementScores,
  type LoadedTask,
  measureOf,
  mostWrong,
  pairItems,
  pictureOf,
  reportedMeasures,
  type Score,
  type ShownItem,
  type SliceScores,
  scoreOf,
  shownItem,
  sliceName,
  sliceScores,
  slowest,
  type VariantScores,
  variantScores,
  type WordingFault,
} from "../../evaluate/index.ts";
import type { Looks } from "../../store/index.ts";
import { type LooksReport, looksReport } from "../looks.ts";
import { type BaselineReport, baselineReports } from "./baselines.ts";
import type { SeenItems } from "./contaminated.ts";
import type { RecordedJudgement } from "./judged.ts";
import type { RecordedResult } from "./record.ts";
import type { TaskCosts, TaskThreshold } from "./thresholds.ts";
import type { AskedVariant } from "./variants.ts";

export interface VariantReport extends Pick<VariantScores, "alike" | "differences"> {
  readonly variant: string;
  readonly artifact: string;
  /** Items that it asks, and those that it leaves out: nothing in them could be changed, or no other words passed. */
  readonly items: number;
  readonly notAsked: number;
  /** Items with another answer; those that became wrong first. */
  readonly turned: readonly ChangedItem[];
  /** Of `paraphrase`. */
  readonly paraphrases?: ParaphraseReport;
}

/** Where the other words came from, and what became of them. */
export interface ParaphraseReport {
  readonly field: string;
  /** Who wrote those that the items did not bring along. */
  readonly writer?: string;
  readonly items: number;
  readonly taken: number;
  /** Of those taken: a model's. */
  readonly written: number;
  /** How many items were left out, by what was wrong with their other words; the commonest first. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Those items. */
  readonly notAsked: readonly { readonly id: string; readonly place: string; readonly fault: WordingFault }[];
  /** To be read: what was asked in place of what, and what was not. */
  readonly shown: readonly { readonly place: string; readonly before: string; readonly after: string; readonly fault?: WordingFault }[];
}

export interface EvaluationComparison {
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
export interface JudgementReport extends JudgementScores {
  readonly judge: string;
  readonly artifact: string;
  readonly isKnown: boolean;
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
  /** Of classify: whether its labels are better than chance. */
  readonly chance?: ChanceTest;
  /** Of classify and choices: figures of each label. */
  readonly slices: readonly SliceScores[];
  /** Where the task names groups: a table of each grouping. */
  readonly fairness?: readonly FairnessTable[];
  /** Where the model decides by the group of an item, otherwise than by its common threshold. */
  readonly commonThreshold?: CommonThresholdReport;
  readonly variants: readonly VariantReport[];
  /** Of items with probabilities. */
  readonly picture?: ClassPicture;
  /** Where the task names answers that need no model. */
  readonly baselines?: readonly BaselineReport[];
  readonly comparison?: EvaluationComparison;
  readonly judgement?: JudgementReport;
  /** Where the task says what mistakes cost. */
  readonly threshold?: TaskThreshold;
  /** Where the model's data was checked against the task's items. */
  readonly contamination?: ContaminationSplit & Pick<SeenItems, "checks" | "unchecked">;
  /** How often the items, as a test set, were scored. */
  readonly looks?: LooksReport;
  readonly worst: readonly ShownItem[];
  readonly slowest: readonly ShownItem[];
}

export const topOf = <T>(list: readonly T[], by: (x: T) => number, count: number): T[] =>
  [...list].sort((a, b) => by(b) - by(a)).slice(0, count);

export interface ReportParts {
  readonly loaded: LoadedTask;
  readonly result: RecordedResult;
  readonly variants: readonly { readonly asked: AskedVariant; readonly result: RecordedResult }[];
  readonly against?: { readonly id: string; readonly result: RecordedResult };
  readonly judgement?: RecordedJudgement | undefined;
  readonly costs?: TaskCosts | undefined;
  readonly seen?: SeenItems | undefined;
  readonly looks?: Looks | undefined;
  /** Items of each list. */
  readonly few: number;
}

function comparisonOf(
  measures: readonly EvaluationMeasure[],
  mine: RecordedResult,
  id: string,
  other: RecordedResult,
  few: number,
): EvaluationComparison {
  const paired = pairItems(mine.items, other.items, mine.head.task);
  const main = measures[0]!;
  const changed = paired.first
    .map((a, i) => ({ gain: gainOf(main, a, paired.second[i]!), item: changedItem(a, paired.second[i]!.came) }))
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

function judgementOf(
  { items, summary: _, ...rest }: RecordedJudgement,
  { head, items: results }: RecordedResult,
  few: number,
): JudgementReport {
  return {
    ...rest,
    ...judgementScores(items, results, head),
    contradicted: items
      .filter(isContradicted)
      .slice(0, few)
      .map(i => ({
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

function paraphraseReport({ field, writer, wordings }: NonNullable<AskedVariant["paraphrases"]>, few: number): ParaphraseReport {
  const taken = wordings.filter(w => w.fault === undefined);
  const left = wordings.filter(w => w.fault !== undefined);
  return {
    field,
    ...defined({ writer }),
    items: wordings.length,
    taken: taken.length,
    written: taken.filter(w => w.by === "model").length,
    leftOut: Object.fromEntries(faultsOf(wordings)),
    notAsked: left.map(({ item: { id, place }, fault }) => ({ id, place, fault: fault! })),
    shown: [...taken.slice(0, few), ...left.slice(0, few)].map(({ item, before, after, fault }) => ({
      place: item.place,
      before,
      after,
      ...defined({ fault }),
    })),
  };
}

export function taskReport({ loaded, result, variants, against, judgement, costs, seen, looks, few }: ReportParts): TaskReport {
  const { task } = loaded;
  const measures = reportedMeasures(result.head, result.items);
  const main = measures[0]!;
  const baselines = baselineReports(loaded, result, measures);
  const picture = pictureOf(result.head, result.items);
  const chance = chanceOf(result.head, result.items);
  const scores = measures.map(m => scoreOf(m, result.items));
  return {
    task: task.task,
    output: task.output,
    items: result.items.length,
    artifact: result.artifact,
    isKnown: result.isKnown,
    kept: result.kept,
    ms: result.ms,
    scores,
    ...defined({ chance }),
    slices: sliceScores(
      result.items,
      task.slices.map(sliceName),
      // a slice costs what it does at its task's threshold
      [...measures, ...(costs ? [measureOf("cost", result.head)] : [])],
      asChoosing(costs?.choosing ?? []),
    ),
    ...(result.head.groups ? { fairness: fairnessTables(result.head, result.items) } : {}),
    variants: variants.map(({ asked: { name: variant, paraphrases }, result: { artifact, items } }) => {
      const { alike, differences, turned } = variantScores(variant, items, result.items, measures, task.task);
      return {
        variant,
        artifact,
        items: items.length,
        notAsked: result.items.length - items.length,
        ...defined({ alike }),
        differences,
        turned: turned.slice(0, few).map(t => changedItem(t.item, t.before.came)),
        ...(paraphrases ? { paraphrases: paraphraseReport(paraphrases, few) } : {}),
      };
    }),
    ...defined({ picture, baselines, commonThreshold: commonThresholdReport(result, measures) }),
    ...(against ? { comparison: comparisonOf(measures, result, against.id, against.result, few) } : {}),
    ...(judgement ? { judgement: judgementOf(judgement, result, few) } : {}),
    ...(costs ? { threshold: costs.threshold } : {}),
    ...(seen
      ? { contamination: { checks: seen.checks, unchecked: seen.unchecked, ...contaminationSplit(result.items, seen.cleanness, measures) } }
      : {}),
    ...(looks ? { looks: looksReport(looks, scores[0]) } : {}),
    worst: mostWrong(main, result.items, few).map(shownItem),
    slowest: slowest(result.items, few).map(shownItem),
  };
}
