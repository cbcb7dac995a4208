/**
 * What was measured of a version, from the record: figures, slices by the items' attributes, beside another version what differs item by item, the most
 * wrong and the slowest items, and what else was recorded of them (`beside.ts`). The same figures as `loam eval` and the gates have, since all read the
 * same items; nothing is measured here.
 */
import { defined } from "../../base/index.ts";
import {
  type ChangedItem,
  type ClassPicture,
  type CommonThresholdReport,
  commonThresholdReport,
  type Difference,
  type EvaluationMeasure,
  type FairnessTable,
  fairnessTables,
  gainOf,
  groupDifferences,
  groupScores,
  type ItemResult,
  mostWrong,
  pairItems,
  pictureOf,
  reportedMeasures,
  type Score,
  type ShownItem,
  type SliceScores,
  shownItem,
  sliceScores,
  slowest,
} from "../../evaluate/index.ts";
import type { ModelVersion, Store } from "../../store/index.ts";
import { itemsOfGroup, type MeasuredGroup, type MeasuredTask, type MeasuredVersion, measuredOf } from "../gates/measured.ts";
import { type JudgementReported, judgementsOf, modelVariants, type SeenReported, seenOf, type VariantReported } from "./beside.ts";
import { taskCost, taskDifferences, taskScores } from "./told.ts";

export interface ReportedItem extends Omit<ChangedItem, "ms"> {
  /** By the first measure: positive where this version is better. */
  readonly gain: number;
}

export interface TaskReported {
  readonly task: string;
  readonly output: string;
  readonly artifact: string;
  readonly atMs: number;
  readonly items: number;
  readonly scores: readonly Score[];
  readonly slices: readonly SliceScores[];
  /** Where the task names groups: a table of each grouping. */
  readonly fairness?: readonly FairnessTable[];
  /** Where the model decides by the group of an item, otherwise than by its common threshold. */
  readonly commonThreshold?: CommonThresholdReport;
  /** Of items with probabilities. */
  readonly picture?: ClassPicture;
  /** Absent where the other version was not asked these items. */
  readonly comparison?: {
    readonly differences: readonly Difference[];
    readonly onlyThis: number;
    readonly onlyOther: number;
    /** Items that changed for better or worse, the greatest gains first; `wins` and `losses` of the differences count all. */
    readonly wins: readonly ReportedItem[];
    readonly losses: readonly ReportedItem[];
  };
  /** What else was recorded of these items. */
  readonly variants: readonly VariantReported[];
  readonly judgements: readonly JudgementReported[];
  readonly contamination?: SeenReported;
  /** The furthest from right first; of a group none, for its tasks have their own. */
  readonly worst: readonly ShownItem[];
  readonly slowest: readonly ShownItem[];
}

/** Items of each list; a page shows no more. */
const few = 100;
/** The most wrong, and the slowest. */
const mostExtreme = 25;
/** Attributes that slices are made of where no task says so, and parts of a numeric one. */
const mostAttributes = 6;
const parts = 4;

/** Whether both were asked an item of a task. */
function canPair(own: MeasuredTask, other: MeasuredTask): boolean {
  const known = new Set(other.items.map(i => i.id));
  return own.head.task === other.head.task && own.items.some(i => known.has(i.id));
}

function comparisonOf(measures: readonly EvaluationMeasure[], own: MeasuredTask, other: MeasuredTask): TaskReported["comparison"] {
  if (!canPair(own, other)) return undefined;
  const paired = pairItems(own.items, other.items, own.head.task);
  const changed = paired.first.map((a, i): ReportedItem => {
    const b = paired.second[i]!;
    const { id, place, prompt, right, came } = a;
    return { id, place, prompt, right, came, before: b.came, gain: gainOf(measures[0]!, a, b) };
  });
  return {
    differences: taskDifferences(own, other, paired),
    onlyThis: paired.onlyFirst,
    onlyOther: paired.onlySecond,
    wins: changed
      .filter(c => c.gain > 0)
      .sort((a, b) => b.gain - a.gain)
      .slice(0, few),
    losses: changed
      .filter(c => c.gain < 0)
      .sort((a, b) => a.gain - b.gain)
      .slice(0, few),
  };
}

/** A group as a task of all its items; its measures are named as conditions call them. */
function groupReported(g: MeasuredGroup, other: MeasuredVersion | undefined): TaskReported {
  const beside = other?.groups.find(o => o.head.task === g.head.task);
  const isAsked = beside && g.results.every(r => beside.results.some(o => canPair(r, o)));
  const changes = isAsked ? groupDifferences(g.head, g.items, itemsOfGroup(g.head, beside.results)) : undefined;
  const list = (sign: 1 | -1) =>
    (changes?.changed ?? [])
      .filter(c => c.gain * sign > 0)
      .sort((a, b) => sign * (b.gain - a.gain))
      .slice(0, few)
      .map(({ item: { id, place, prompt, right, came }, before, gain, task }): ReportedItem => {
        return { id: `${task}/${id}`, place: `${task} ${place}`, prompt, right, came, before: before.came, gain };
      });
  return {
    task: g.head.task,
    output: `group of ${g.results.length} tasks`,
    artifact: g.artifact,
    atMs: g.atMs,
    items: g.items.filter(i => !i.chooses).length,
    scores: groupScores(g.head, g.items).map(s => ({ ...s, metric: s.name })),
    slices: [],
    variants: [],
    judgements: [],
    worst: [],
    slowest: [],
    ...(changes
      ? {
          comparison: {
            differences: changes.differences,
            onlyThis: changes.onlyFirst,
            onlyOther: changes.onlySecond,
            wins: list(1),
            losses: list(-1),
          },
        }
      : {}),
  };
}

const attributesOf = (items: readonly ItemResult[]): string[] =>
  [...new Set(items.flatMap(i => Object.keys(i.attributes)))].sort().slice(0, mostAttributes);

async function taskReported(
  store: Store,
  version: ModelVersion,
  t: MeasuredTask,
  other: MeasuredVersion | undefined,
): Promise<TaskReported> {
  const measures = reportedMeasures(t.head, t.items);
  const beside = other?.tasks.find(o => o.head.task === t.head.task);
  const comparison = beside && comparisonOf(measures, t, beside);
  const cost = taskCost(t);
  const picture = pictureOf(t.head, t.items);
  const contamination = await seenOf(store, version, t, measures);
  return {
    task: t.head.task,
    output: t.head.output,
    artifact: t.artifact,
    atMs: t.atMs,
    items: t.items.length,
    scores: taskScores(t),
    slices: sliceScores(
      t.items,
      t.head.slices ?? attributesOf(t.items).map(by => ({ by, parts })),
      [...measures.slice(0, 1), ...(cost ? [cost] : [])],
      t.choosing,
    ),
    ...(t.head.groups ? { fairness: fairnessTables(t.head, t.items) } : {}),
    ...defined({ picture, comparison, commonThreshold: commonThresholdReport(t, measures) }),
    variants: await modelVariants(store, version, t, measures),
    judgements: await judgementsOf(store, t),
    ...defined({ contamination }),
    worst: mostWrong(measures[0]!, t.items, mostExtreme).map(shownItem),
    slowest: slowest(t.items, mostExtreme).map(shownItem),
  };
}

/** Groups, the greatest first, then tasks by name. Errors: those of the record's files. */
export async function evaluationReport(store: Store, version: ModelVersion, against?: ModelVersion): Promise<TaskReported[]> {
  const own = await measuredOf(store, version);
  const other = against && (await measuredOf(store, against));
  const groups = own.groups
    .filter(g => g.head.measures.length > 0)
    .sort((a, b) => b.results.length - a.results.length || (a.head.task < b.head.task ? -1 : 1))
    .map(g => groupReported(g, other));
  const tasks: TaskReported[] = [];
  for (const t of own.tasks.filter(t => t.items.length > 0)) tasks.push(await taskReported(store, version, t, other));
  return [...groups, ...tasks.sort((a, b) => (a.task < b.task ? -1 : 1))];
}
