/**
 * A condition on figures held against what is measured of a version and of the one that has the alias. Figures of items have the meaning of `loam eval
 * --fail-if`: left - right with a paired interval. Facts (sizes, scores) are exact. What has not been measured does not pass.
 */
import { isLoamError, nearest } from "../../base/index.ts";
import {
  type Condition,
  chanceSentence,
  countedName,
  evaluateErrors,
  gateVerdict,
  groupMeasureNames,
  isGroupHead,
  measuresIn,
  nameableLabels,
  outputTypes,
  reportedMeasureNames,
  resultMeasureNames,
  toldEvidence,
  type UndecidedRule,
} from "../../evaluate/index.ts";
import { isFairnessMeasure } from "../../statistics/index.ts";
import { registryErrors } from "../errors.ts";
import { boundOf } from "./bound.ts";
import { crossValidationFactNames } from "./cross-validation-facts.ts";
import { erasureFactNames } from "./erasure-facts.ts";
import { gateOutcome, type ReleaseGate } from "./gate.ts";
import { drawnItems, itemsOfGroup, type MeasuredGroup, type MeasuredTask, type MeasuredVersion, testTask } from "./measured.ts";
import { membershipFactNames } from "./membership-facts.ts";

export interface MetricSide {
  /** `mail@3`. */
  readonly version: string;
  readonly measured: MeasuredVersion;
}

type Term = Condition["terms"][number];
/** To so many decimals that a difference which decides is seen: .49998 is not told as .5 where .5 is asked. */
const show = (x: number, decimals = 4): string => String(Number(x.toFixed(decimals)));
const decimalsFor = (difference: number): number =>
  difference === 0 || !Number.isFinite(difference) ? 4 : Math.min(12, Math.max(4, 1 - Math.floor(Math.log10(Math.abs(difference)))));
type Subject = MeasuredTask | MeasuredGroup;
const isGroup = (s: Subject): s is MeasuredGroup => isGroupHead(s.head);
const subjectsOf = ({ measured }: MetricSide): Subject[] => [...measured.tasks, ...measured.groups];
const labelsOf = (t: Subject): string[] => nameableLabels(t.items);
/** Those that the task tells first. */
const names = (t: Subject): readonly string[] =>
  isGroupHead(t.head)
    ? groupMeasureNames(t.head)
    : [...new Set([...reportedMeasureNames(t.head), ...resultMeasureNames(t.head, labelsOf(t))])];

/** What is measured of two models only. */
const judged = "win_rate";
/** For names alone. */
const anyGroups = { by: [["x"]], least: 1, small: "undefined" } as const;
const anyCosts = { positive: "x", falsePositive: 1, falseNegative: 1 };

/** Facts that a version may have; of another one they are not measured, not unknown. */
const factNames = [
  "sizeMB",
  "parameters",
  "bitsPerByte",
  "macroF1",
  "accuracy",
  "validationLoss",
  "mae",
  "rmse",
  "r2",
  "looks",
  "candidates",
  ...crossValidationFactNames,
  ...erasureFactNames,
  ...membershipFactNames,
];

const canMeasure = (t: Subject, metric: string): boolean => {
  try {
    measuresIn(t.head, t.items)(metric);
  } catch {
    return false;
  }
  // times of answers are kept by some evaluations only
  return metric !== "latencyMs" || t.items.every(i => Number.isFinite(i.ms));
};

/** Errors: registry/metric for a name that no version could have. */
function checkKnown(terms: readonly Term[], sides: readonly MetricSide[], place: string): void {
  const facts = [...new Set([...factNames, ...sides.flatMap(s => Object.keys({ ...s.measured.facts, ...s.measured.broken }))])];
  const tasks = sides.flatMap(subjectsOf);
  const possible = [
    ...new Set([
      ...facts,
      ...outputTypes.flatMap(output => resultMeasureNames({ task: "", output, positive: "x", costs: anyCosts, groups: anyGroups })),
      ...tasks.flatMap(names),
    ]),
  ];
  for (const { metric } of terms) {
    // of a label, of a list of filters, of tasks that count alike
    const isOf = metric.includes(":") && possible.includes(metric.slice(0, metric.indexOf(":")));
    if (possible.includes(metric) || isOf || countedName.test(metric)) continue;
    const measured = [...new Set([...facts, ...tasks.flatMap(names)])];
    const near = nearest(metric, measured) ?? nearest(metric, possible);
    throw registryErrors.fail("metric", {
      place,
      expected: `a measure: ${(tasks.length > 0 ? measured : possible).join(", ")}`,
      received: `"${metric}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
}

const isFact = (t: Term, side: MetricSide): boolean => t.task === undefined && Object.hasOwn(side.measured.facts, t.metric);

function holdsOf({ operator }: Condition, difference: number): boolean {
  if (operator === "<") return difference < 0;
  if (operator === "<=") return difference <= 0;
  return operator === ">" ? difference > 0 : difference >= 0;
}

/** Whether a task is one of a group's. */
const holds = (g: MeasuredGroup, t: MeasuredTask): boolean => g.results.some(r => r.head.task === t.head.task);

/** What measures it; a tuned classifier's own test part comes with its tuning. */
function askFor({ version, measured }: MetricSide, task: string): string {
  if (measured.isReleased) return "gc has removed its files";
  return task === testTask ? `loam tune ${version.split("@")[0]} evaluates it` : `loam eval ${task} --model ${version}`;
}

/** The task or group that a condition is about: the one it names, else the only one that measures all of it; a group stands for its tasks. Else why there is none. */
function taskOf(terms: readonly Term[], side: MetricSide): Subject | string {
  const { version } = side;
  const named = [...new Set(terms.flatMap(t => t.task ?? []))];
  const metrics = [...new Set(terms.map(t => t.metric))];
  if (named.length > 1) return `names ${named.join(" and ")}: figures of two tasks have no items in common`;
  const able = subjectsOf(side).filter(t => (named.length === 0 || t.head.task === named[0]) && metrics.every(m => canMeasure(t, m)));
  const within = (t: Subject, g: MeasuredGroup) =>
    isGroup(t) ? t.results.length < g.results.length && t.results.every(r => holds(g, r)) : holds(g, t);
  const fitting = able.filter(t => !able.some(g => g !== t && isGroup(g) && within(t, g)));
  if (fitting.length === 1) return fitting[0]!;
  const asked = named.length === 1 ? subjectsOf(side).find(t => t.head.task === named[0]) : undefined;
  const lacking = asked && metrics.filter(m => !canMeasure(asked, m));
  if (asked && lacking && lacking.length > 0) {
    const lacks = `${lacking.join(" and ")} ${lacking.length > 1 ? "are" : "is"} not measured of ${version} by ${named[0]}`;
    if (lacking.some(m => isFairnessMeasure(m.split(":")[0]!)) && isGroupHead(asked.head) === false && !asked.head.groups)
      return `${lacks}: the task needs \`groups\`, the attributes whose groups are compared, and then ${askFor(side, named[0]!)}`;
    return lacking.includes("cost")
      ? `${lacks}: the task needs \`costs\`, and then ${askFor(side, named[0]!)}`
      : `${lacks}: it has ${names(asked)
          .filter(m => m !== judged && canMeasure(asked, m))
          .join(", ")}`;
  }
  if (fitting.length === 0)
    return `${metrics.join(" and ")} ${metrics.length > 1 ? "are" : "is"} not measured of ${version}: ${askFor(side, named[0] ?? "TASK")}`;
  return `measured of several tasks: write ${fitting.map(t => `${t.head.task}.${metrics[0]}`).join(" or ")}`;
}

/**
 * Errors: registry/metric for an unknown measure, by name with the nearest. A condition on the current version passes where there is none: the first
 * version of an alias has nothing to be compared with, nor has the one that has it.
 */
export function metricGate(
  condition: Condition,
  version: MetricSide,
  holder: MetricSide | "itself" | undefined,
  undecided: UndecidedRule,
  place: string,
): ReleaseGate {
  const { source, terms } = condition;
  const current = holder === "itself" ? undefined : holder;
  checkKnown(terms, current ? [version, current] : [version], place);
  const usesCurrent = terms.some(t => t.side === "against");
  if (usesCurrent && !current)
    return {
      kind: "metric",
      gate: source,
      ...gateOutcome(true),
      told: `nothing to compare with: ${holder === "itself" ? `${version.version} has the alias itself` : "no version has the alias yet"}`,
    };
  const sideOf = (t: Term): MetricSide => (t.side === "model" ? version : current!);
  const facts = terms.filter(t => isFact(t, sideOf(t)));
  const rest = terms.filter(t => !facts.includes(t));
  const factOf = (t: Term): number => sideOf(t).measured.facts[t.metric]!;
  const refused = (told: string): ReleaseGate => ({
    kind: "metric",
    gate: source,
    passed: false,
    outcome: "notComputed",
    ...boundOf(condition, t => (facts.includes(t) ? factOf(t) : Number.NaN)),
    told,
  });
  const known = Object.fromEntries(facts.map(t => [t.side === "model" ? t.metric : `${currentLabel}.${t.metric}`, factOf(t)]));
  const constant = facts.reduce((sum, t) => sum + t.factor * factOf(t), condition.constant);
  if (rest.length === 0) {
    const passed = holdsOf(condition, constant);
    const told = Object.entries(known).map(([name, x]) => `${name} ${show(x, decimalsFor(constant))}`);
    return {
      kind: "metric",
      gate: source,
      ...gateOutcome(passed),
      ...boundOf(condition, factOf),
      told: told.join(", "),
      figures: known,
      difference: constant,
      evidence: passed ? "shown" : "excluded",
    };
  }
  const broken = rest.find(t => t.task === undefined && Object.hasOwn(sideOf(t).measured.broken, t.metric));
  if (broken) {
    const { version: whose, measured } = sideOf(broken);
    const score = measured.broken[broken.metric]!;
    return refused(
      `${broken.metric} of ${whose} is not a number (its score is recorded as ${score}): make and evaluate a version that has it, or ask for another measure`,
    );
  }
  if (rest.some(t => t.metric === judged))
    return refused(
      `${judged} is a judge's word on the answers of two models, and no version's own figure: loam eval --judge --fail-if asks it`,
    );
  const lacking = rest.find(t => factNames.includes(t.metric));
  if (lacking) return refused(`${lacking.metric} is not measured of ${sideOf(lacking).version}`);
  const own = taskOf(rest, version);
  if (typeof own === "string") return refused(own);
  const other = current && subjectsOf(current).find(t => t.head.task === own.head.task && isGroup(t) === isGroup(own));
  if (rest.some(t => t.side === "against") && !other)
    return refused(`${own.head.task} is not measured of ${current!.version}, which has the alias: ${askFor(current!, own.head.task)}`);
  let verdict: ReturnType<typeof gateVerdict>;
  try {
    // a group is what it is of the version that is judged, of other results
    const beside = other && { items: isGroup(other) && isGroup(own) ? itemsOfGroup(own.head, other.results) : drawnItems(other) };
    verdict = gateVerdict({ ...condition, terms: rest, constant }, own.head, { items: drawnItems(own) }, beside, { undecided });
  } catch (error) {
    if (isLoamError(error, compareCode)) return refused(error.message);
    if (!isLoamError(error, metricCode)) throw error;
    // a judge's verdicts are not a version's alone; answers that choose a threshold are needed of both, to the same items
    const beside = other && usesCurrent ? ` Of ${current!.version}, which has the alias: ${askFor(current!, own.head.task)}` : "";
    return refused(`${error.message}${beside}`);
  }
  const { difference, low, high, holds, evidence, items } = verdict;
  const figures = {
    ...known,
    ...Object.fromEntries(Object.entries(verdict.figures).map(([name, x]) => [name.replace(/^against\./, `${currentLabel}.`), x])),
  };
  const passed = evidence === "undecided" ? (undecided === "point" ? holds : undecided === "pass") : evidence === "shown";
  const bounds = Number.isFinite(low) && Number.isFinite(high);
  const decimals = decimalsFor(difference);
  const told = Object.entries(figures).map(([name, x]) => `${name} ${show(x, decimals)}`);
  const figureOf = (t: Term): number => figures[t.side === "model" ? t.metric : `${currentLabel}.${t.metric}`]!;
  const untold = Object.keys(figures).filter(name => !Number.isFinite(figures[name]));
  const chance = verdict.chance ? `; ${version.version} is ${chanceSentence(verdict.chance)}` : "";
  const why =
    evidence === "unknown"
      ? verdict.why !== undefined
        ? `: ${verdict.why}`
        : `: these items do not give ${untold.join(" and ") || "it"} (one class alone, nothing to count): evaluate items that do, or ask for another measure`
      : "";
  return {
    kind: "metric",
    gate: source,
    ...(evidence === "unknown" ? { passed, outcome: "notComputed" } : gateOutcome(passed)),
    ...boundOf(condition, figureOf),
    told: `${told.join(", ")}; left - right ${show(difference, decimals)}${bounds ? ` [${show(low)}, ${show(high)}]` : ""} on ${items} items of ${own.head.task}: ${toldEvidence[evidence]}${chance}${why}${isGroup(own) || own.note === undefined ? "" : ` (${own.note})`}`,
    // the log keeps numbers alone
    figures: Object.fromEntries(Object.entries(figures).filter(([, x]) => Number.isFinite(x))),
    ...(Number.isFinite(difference) ? { difference } : {}),
    ...(bounds ? { low, high } : {}),
    evidence,
    items,
    artifacts: [own.artifact, ...(other && usesCurrent ? [other.artifact] : [])],
  };
}

const currentLabel = "current";
/** The other side's items are others. */
const compareCode = `${evaluateErrors.room}/compare`;
/** One side lacks what a measure is made of. */
const metricCode = `${evaluateErrors.room}/metric`;
