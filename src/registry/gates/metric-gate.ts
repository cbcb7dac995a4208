/**
 * A condition on figures held against what is measured of a version and of the one that has the alias. Figures of items have the meaning of `loam eval
 * --fail-if`: left - right with a paired interval. Facts (sizes, scores) are exact. What has not been measured does not pass.
 */
import { nearest } from "../../base/index.ts";
import {
  type Condition,
  evaluateErrors,
  gateVerdict,
  measureNames,
  measureOf,
  outputTypes,
  type UndecidedRule,
} from "../../evaluate/index.ts";
import { registryErrors } from "../errors.ts";
import type { Gate } from "./gate.ts";
import type { Measured, MeasuredTask } from "./measured.ts";

export interface Side {
  /** `mail@3`. */
  readonly version: string;
  readonly measured: Measured;
}

type Term = Condition["terms"][number];
const show = (x: number): string => String(Math.round(x * 1e4) / 1e4);
const labelsOf = (t: MeasuredTask): string[] => [...new Set(t.items.flatMap(i => i.choices ?? []))];
const names = (t: MeasuredTask): string[] => measureNames(t.head, labelsOf(t));

/** Facts that a version may have; of another one they are not measured, not unknown. */
const factNames = ["sizeMB", "parameters", "bitsPerByte", "macroF1", "accuracy", "validationLoss"];

const canMeasure = (t: MeasuredTask, metric: string): boolean => {
  try {
    measureOf(metric, t.head, labelsOf(t));
  } catch {
    return false;
  }
  // times of answers are kept by some evaluations only
  return metric !== "latencyMs" || t.items.every(i => Number.isFinite(i.ms));
};

/** Errors: registry/metric for a name that no version could have. */
function checkKnown(terms: readonly Term[], sides: readonly Side[], place: string): void {
  const facts = [...new Set([...factNames, ...sides.flatMap(s => Object.keys(s.measured.facts))])];
  const tasks = sides.flatMap(s => s.measured.tasks);
  const possible = [
    ...new Set([...facts, ...outputTypes.flatMap(output => measureNames({ task: "", output, positive: "x" })), ...tasks.flatMap(names)]),
  ];
  for (const { metric } of terms) {
    if (possible.includes(metric) || /^(f1|precision|recall):.+$|^pass@[1-9]\d*$/.test(metric)) continue;
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

const isFact = (t: Term, side: Side): boolean => t.task === undefined && Object.hasOwn(side.measured.facts, t.metric);

function holdsOf({ operator }: Condition, difference: number): boolean {
  if (operator === "<") return difference < 0;
  if (operator === "<=") return difference <= 0;
  return operator === ">" ? difference > 0 : difference >= 0;
}

const refused = (gate: string, told: string): Gate => ({ kind: "metric", gate, passed: false, told });
const askFor = (side: Side, task: string): string => `loam eval ${task} --model ${side.version}`;

/** The task that a condition is about: the one it names, else the only one that measures all of it. */
function taskOf(terms: readonly Term[], { measured, version }: Side, source: string): MeasuredTask | Gate {
  const named = [...new Set(terms.flatMap(t => t.task ?? []))];
  const metrics = [...new Set(terms.map(t => t.metric))];
  if (named.length > 1) return refused(source, `names ${named.join(" and ")}: figures of two tasks have no items in common`);
  const fitting = measured.tasks.filter(t => (named.length === 0 || t.head.task === named[0]) && metrics.every(m => canMeasure(t, m)));
  if (fitting.length === 1) return fitting[0]!;
  if (fitting.length === 0)
    return refused(
      source,
      `${metrics.join(" and ")} ${metrics.length > 1 ? "are" : "is"} not measured of ${version}: ${askFor({ version, measured }, named[0] ?? "TASK")}`,
    );
  return refused(source, `measured of several tasks: write ${fitting.map(t => `${t.head.task}.${metrics[0]}`).join(" or ")}`);
}

/**
 * Errors: registry/metric for an unknown measure, by name with the nearest. A condition on the current version passes where there is none: the first
 * version of an alias has nothing to be compared with.
 */
export function metricGate(condition: Condition, version: Side, current: Side | undefined, undecided: UndecidedRule, place: string): Gate {
  const { source, terms } = condition;
  checkKnown(terms, current ? [version, current] : [version], place);
  const usesCurrent = terms.some(t => t.side === "against");
  if (usesCurrent && !current)
    return { kind: "metric", gate: source, passed: true, told: "nothing to compare with: no version has the alias yet" };
  const sideOf = (t: Term): Side => (t.side === "model" ? version : current!);
  const facts = terms.filter(t => isFact(t, sideOf(t)));
  const rest = terms.filter(t => !facts.includes(t));
  const factOf = (t: Term): number => sideOf(t).measured.facts[t.metric]!;
  const known = Object.fromEntries(facts.map(t => [t.side === "model" ? t.metric : `${currentLabel}.${t.metric}`, factOf(t)]));
  const constant = facts.reduce((sum, t) => sum + t.factor * factOf(t), condition.constant);
  if (rest.length === 0) {
    const passed = holdsOf(condition, constant);
    const told = Object.entries(known).map(([name, x]) => `${name} ${show(x)}`);
    return {
      kind: "metric",
      gate: source,
      passed,
      told: told.join(", "),
      figures: known,
      difference: constant,
      evidence: passed ? "shown" : "excluded",
    };
  }
  const lacking = rest.find(t => factNames.includes(t.metric));
  if (lacking) return refused(source, `${lacking.metric} is not measured of ${sideOf(lacking).version}`);
  const own = taskOf(rest, version, source);
  if ("kind" in own) return own;
  const other = current?.measured.tasks.find(t => t.head.task === own.head.task);
  if (rest.some(t => t.side === "against") && !other)
    return refused(
      source,
      `${own.head.task} is not measured of ${current!.version}, which has the alias: ${askFor(current!, own.head.task)}`,
    );
  let verdict: ReturnType<typeof gateVerdict>;
  try {
    verdict = gateVerdict({ ...condition, terms: rest, constant }, own.head, own, other, { undecided });
  } catch (error) {
    if (error instanceof Error && "problem" in error && (error.problem as { code: string }).code === compareCode)
      return refused(source, error.message);
    throw error;
  }
  const { difference, low, high, holds, evidence, items } = verdict;
  const figures = {
    ...known,
    ...Object.fromEntries(Object.entries(verdict.figures).map(([name, x]) => [name.replace(/^against\./, `${currentLabel}.`), x])),
  };
  const passed = evidence === "undecided" ? (undecided === "point" ? holds : undecided === "pass") : evidence === "shown";
  const bounds = Number.isFinite(low) && Number.isFinite(high);
  const sure = { shown: "shown at 95 %", undecided: "not decided by so few items", excluded: "excluded at 95 %" }[evidence];
  const told = Object.entries(figures).map(([name, x]) => `${name} ${show(x)}`);
  return {
    kind: "metric",
    gate: source,
    passed,
    told: `${told.join(", ")}; left - right ${show(difference)}${bounds ? ` [${show(low)}, ${show(high)}]` : ""} on ${items} items of ${own.head.task}: ${sure}`,
    figures,
    difference,
    ...(bounds ? { low, high } : {}),
    evidence,
    items,
    artifacts: [own.artifact, ...(other && usesCurrent ? [other.artifact] : [])],
  };
}

const currentLabel = "current";
/** The other side's items are others. */
const compareCode = `${evaluateErrors.room}/compare`;
