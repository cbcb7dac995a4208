/** Evaluations: a model on tasks, beside another model, with conditions for continuous integration. What was answered before is not asked again. */

import { defined, withDetails } from "../base/index.ts";
import {
  asChoosing,
  type Condition,
  checkMeasures,
  choosingOf,
  corrected,
  type Difference,
  evaluateErrors,
  type GateVerdict,
  gateVerdict,
  groupHeadOf,
  groupMeasureNames,
  groupMeasureOf,
  headOf,
  type LoadedTask,
  measureOf,
  nameableLabels,
  parseCondition,
  type TaskGroup,
  taskQuestions,
  tellVerdict,
  type UndecidedRule,
  type VariantName,
  withJudgement,
} from "../evaluate/index.ts";
import { type Looks, looksOf } from "../store/index.ts";
import { progressFor, type Watch } from "./call.ts";
import { Closers } from "./closers.ts";
import { projectErrors } from "./errors.ts";
import { againstModel } from "./eval/against.ts";
import { conditionMeasures, conditionSubjects } from "./eval/conditions.ts";
import { type SeenItems, seenItems } from "./eval/contaminated.ts";
import { type EvaluatedGroup, evaluatedGroup, type GroupReport, groupReport } from "./eval/groups.ts";
import { type RecordedJudgement, recordedJudgement } from "./eval/judged.ts";
import { type OpenEvaluated, openEvaluated } from "./eval/open-model.ts";
import { type RecordedResult, recordedResult } from "./eval/record.ts";
import { recordedGroup } from "./eval/record-group.ts";
import { recordedSeen } from "./eval/record-seen.ts";
import { type TaskReport, taskReport } from "./eval/report.ts";
import { taskNames } from "./eval/task-files.ts";
import { tasksOf } from "./eval/tasks-of.ts";
import { costsCorrected, type TaskCosts, taskCosts } from "./eval/thresholds.ts";
import { type AskedVariant, askedVariant } from "./eval/variants.ts";
import { untilStopped } from "./until-stopped.ts";
import type { Workplace } from "./workspace.ts";

export interface EvaluateOptions {
  /** A name, `NAME@VERSION`, a path, or an endpoint `http://HOST/v1#MODEL`; default: the project's served model. */
  readonly model?: string | undefined;
  /** Another model, or an alias of the same one: its answers are compared. */
  readonly against?: string | undefined;
  /** A model that judges answers beside those of `against`. */
  readonly judge?: string | undefined;
  /** A model that writes the paraphrases of the variant `paraphrase`. */
  readonly paraphraser?: string | undefined;
  readonly variants?: readonly VariantName[] | undefined;
  /** Conditions that the report's `failed` counts: `acc < 0.9`, `acc < prod.acc`. */
  readonly failIf?: string | readonly string[] | undefined;
  /** What a condition within the interval counts as; default: what the value says. */
  readonly undecided?: UndecidedRule | undefined;
  /** Items of a task, at most. */
  readonly limit?: number | undefined;
  /** Items that each list of the report shows; default: 3. */
  readonly items?: number | undefined;
  /** Asks again what was answered before. */
  readonly fresh?: boolean | undefined;
  /** Examples of a prompt are turns of a conversation. */
  readonly fewshotAsMultiturn?: boolean | undefined;
  /** Sequences that are decoded at once, or requests in flight at an endpoint. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer together. */
  readonly context?: number | undefined;
}

/** What an evaluation found. */
export interface TasksReport {
  readonly model: string;
  readonly against?: string;
  readonly undecided: UndecidedRule;
  readonly tasks: readonly TaskReport[];
  readonly groups?: readonly GroupReport[];
  readonly gates: readonly GateVerdict[];
  /** Conditions that are met, each a reason to fail. */
  readonly failed: number;
}

export interface TasksEvaluation extends TasksReport {
  /** The report with all items in its lists. */
  withAllItems(): TasksReport;
}

/** A task that was evaluated. */
interface Evaluated {
  readonly loaded: LoadedTask;
  readonly result: RecordedResult;
  readonly variants: readonly { readonly asked: AskedVariant; readonly result: RecordedResult }[];
  readonly against?: { readonly id: string; readonly result: RecordedResult };
  readonly judgement?: RecordedJudgement;
  readonly costs?: TaskCosts;
  readonly seen?: SeenItems;
  readonly looks?: Looks;
}

/** Who is asked. */
interface Sides {
  readonly model: OpenEvaluated;
  readonly against: OpenEvaluated | undefined;
  readonly judge: OpenEvaluated | undefined;
  readonly writer: OpenEvaluated | undefined;
}

type Tasks = Awaited<ReturnType<typeof tasksOf>>;

/** Errors: project/argument. */
function checkJudged(tasks: readonly LoadedTask[], hasOther: boolean): void {
  if (!hasOther)
    throw projectErrors.fail("argument", {
      place: "loam eval --judge",
      expected: "--against, the model whose answers are held beside",
      received: "none",
    });
  if (tasks.some(t => t.task.output === "generate_until")) return;
  throw projectErrors.fail("argument", {
    place: "loam eval --judge",
    expected: "a task whose output is generate_until: its answers can be compared",
    received: tasks.map(t => `${t.task.task} (${t.task.output})`).join(", "),
  });
}

async function openSides(
  { folder, cwd }: Workplace,
  tasks: readonly LoadedTask[],
  o: EvaluateOptions,
  closers: Closers,
  watch: Watch,
): Promise<Sides> {
  const { signal, abandon } = watch;
  const opening = { folder, cwd, signal, abandon, slots: o.slots, context: o.context };
  const open = async (given: string | undefined) =>
    closers.use(await untilStopped(openEvaluated(given, opening), watch, opened => opened[Symbol.asyncDispose]()));
  const optional = async (given: string | undefined) => (given === undefined ? undefined : open(given));
  const model = await open(o.model);
  const against = await optional(o.against === undefined ? undefined : await againstModel(o.against, model, folder));
  if (o.judge !== undefined) checkJudged(tasks, against !== undefined);
  return { model, against, judge: await optional(o.judge), writer: await optional(o.paraphraser) };
}

/** Parses conditions and finds their measures, before hours of asking. Errors: evaluate/condition, evaluate/metric. */
function checkedConditions({ tasks, groups, roots }: Tasks, { against }: Sides, o: EvaluateOptions): Condition[] {
  const other = o.against;
  const names = {
    against: against ? ["against", ...(other && !other.includes("/") ? [other] : []), ...against.names] : [],
    tasks: [...tasks.map(t => t.task.task), ...groups.map(g => g.name)],
  };
  const known = new Map<string, string[]>();
  const labelsOf = (name: string): string[] => {
    const loaded = tasks.find(t => t.task.task === name);
    if (loaded === undefined) return [];
    const { labels } = loaded.task;
    const own = labels ? Object.keys(labels) : (known.get(name) ?? nameableLabels(taskQuestions(loaded)));
    known.set(name, own);
    return own;
  };
  const headOfGroup = (g: TaskGroup) =>
    groupHeadOf(
      g,
      tasks.map(t => headOf(t.task)),
    );
  const conditions = [o.failIf ?? []].flat().map(source => parseCondition(source, names));
  for (const c of conditions) {
    if (c.terms.some(t => t.side === "against") && !against)
      throw evaluateErrors.fail("condition", {
        place: `--fail-if "${c.source}"`,
        expected: "--against, the model that it speaks of",
        received: "none",
      });
    const subjects = conditionSubjects(c, roots);
    for (const name of subjects) {
      const group = groups.find(g => g.name === name);
      conditionMeasures(c, name, subjects, metric =>
        group
          ? groupMeasureOf(metric, headOfGroup(group), labelsOf)
          : measureOf(metric, headOf(tasks.find(x => x.task.task === name)!.task), labelsOf(name)),
      );
    }
  }
  for (const g of groups) for (const name of groupMeasureNames(g)) groupMeasureOf(name, headOfGroup(g), labelsOf);
  return conditions;
}

/** What is asked of each task beside its items as they are. Known for all tasks before anybody is asked about one. */
interface Preparation {
  readonly variants: ReadonlyMap<LoadedTask, readonly AskedVariant[]>;
  readonly seen: ReadonlyMap<LoadedTask, SeenItems | undefined>;
}

async function prepared(tasks: readonly LoadedTask[], { model, writer }: Sides, o: EvaluateOptions, watch: Watch): Promise<Preparation> {
  const variants = new Map<LoadedTask, AskedVariant[]>();
  const seen = new Map<LoadedTask, SeenItems | undefined>();
  for (const loaded of tasks) {
    checkMeasures(loaded);
    choosingOf(loaded);
    seen.set(loaded, await seenItems(model.store, model.model, loaded));
  }
  const { fresh = false } = o;
  for (const loaded of tasks) {
    const asked: AskedVariant[] = [];
    const shared = { loaded, writer, fresh, progress: progressFor(watch, loaded.task.task), signal: watch.signal };
    for (const name of o.variants ?? []) asked.push(await askedVariant(name, shared));
    variants.set(loaded, asked);
  }
  return { variants, seen };
}

/** Asks all that there is to ask about a task, or finds it in the record. */
async function evaluatedTask(
  loaded: LoadedTask,
  { model, against, judge }: Sides,
  preparation: Preparation,
  { fresh = false }: EvaluateOptions,
  watch: Watch,
): Promise<Evaluated> {
  const shared = { fresh, progress: progressFor(watch, loaded.task.task), signal: watch.signal };
  const ask = (who: OpenEvaluated, variant?: AskedVariant) =>
    recordedResult({ ...shared, store: who.store, model: who.model, loaded, variant });
  const result = await ask(model);
  const variants: { asked: AskedVariant; result: RecordedResult }[] = [];
  for (const asked of preparation.variants.get(loaded)!) variants.push({ asked, result: await ask(model, asked) });
  const chooses = choosingOf(loaded);
  const other = against && (await ask(against));
  const costs =
    chooses && (await taskCosts(loaded, chooses, { who: model, result }, against && other && { who: against, result: other }, shared));
  const judgement =
    judge && other && loaded.task.output === "generate_until"
      ? await recordedJudgement({ store: judge.store, judge: judge.model, loaded, first: result, second: other, ...shared })
      : undefined;
  const seen = preparation.seen.get(loaded);
  if (seen && model.model.artifact !== undefined)
    await recordedSeen({ store: model.store, model: model.model.artifact, task: loaded.task.task, result: result.artifact, seen });
  const looks = await looksOf(model.store.records.read, result.artifact);
  return {
    loaded,
    result,
    variants,
    ...(other ? { against: { id: against.model.id, result: other } } : {}),
    ...defined({ judgement, costs, seen, looks }),
  };
}

/** A side's items, with what a judge said of the model's where there is one, and those that choose a threshold behind them. */
const drawnItems = ({ result, judgement, against, costs }: Evaluated, side: "model" | "against") =>
  side === "model"
    ? [...(judgement ? withJudgement(result.items, judgement.items) : result.items), ...asChoosing(costs?.choosing ?? [])]
    : [...(against?.result.items ?? []), ...asChoosing(costs?.againstChoosing ?? [])];

type Group = EvaluatedGroup & { readonly artifact?: string };

async function evaluatedGroups(groups: readonly TaskGroup[], evaluated: readonly Evaluated[], { model, against }: Sides): Promise<Group[]> {
  const together: Group[] = [];
  for (const g of groups) {
    const made = evaluatedGroup(g, evaluated, drawnItems);
    const record = async (who: OpenEvaluated, of: (e: Evaluated) => RecordedResult) =>
      who.model.artifact === undefined
        ? undefined
        : recordedGroup({ store: who.store, model: who.model.artifact, head: made.head, results: evaluated.map(of) });
    const artifact = await record(model, e => e.result);
    if (against) await record(against, e => e.against!.result);
    together.push({ ...made, ...defined({ artifact }) });
  }
  return together;
}

/** The tests of all tasks together, measure by measure in the order of each task's own: corrected by Holm. */
function withHolm<R extends { readonly comparison?: { readonly differences: readonly (Difference & { readonly pHolm?: number })[] } }>(
  reports: readonly R[],
): R[] {
  const most = Math.max(0, ...reports.map(r => r.comparison?.differences.length ?? 0));
  let out = [...reports];
  for (let m = 0; m < most; m++) {
    const own = out.flatMap((r, i) => (r.comparison?.differences[m] ? [i] : []));
    const p = corrected(own.map(i => out[i]!.comparison!.differences[m]!));
    out = out.map((r, i) => {
      const at = own.indexOf(i);
      if (at < 0) return r;
      const differences = r.comparison!.differences.map((d, k) => (k === m ? { ...d, pHolm: p[at]! } : d));
      return { ...r, comparison: { ...r.comparison!, differences } };
    });
  }
  return out;
}

/** What conditions say of the tasks and groups that they are asked of. */
const gatesOf = (
  conditions: readonly Condition[],
  roots: readonly string[],
  evaluated: readonly Evaluated[],
  together: readonly Group[],
  undecided: UndecidedRule,
): GateVerdict[] =>
  conditions.flatMap(c =>
    conditionSubjects(c, roots).map(name => {
      const group = together.find(g => g.head.task === name);
      if (group) return gateVerdict(c, group.head, group, group.against, { undecided });
      const e = evaluated.find(x => x.loaded.task.task === name)!;
      const other = e.against && { items: drawnItems(e, "against") };
      return gateVerdict(c, e.result.head, { items: drawnItems(e, "model") }, other, { undecided });
    }),
  );

/** Shown of each list, where nothing is said. */
const shownItems = 3;

/**
 * Evaluates a model on tasks: files, or names in the folder `tasks`; all of these where none is named. A condition that is met counts in `failed`, and is no
 * error. Errors: those of the tasks, the conditions and the models; project/argument.
 */
export async function evaluateTasks(
  place: Workplace,
  given: readonly string[],
  options: EvaluateOptions,
  watch: Watch,
): Promise<TasksEvaluation> {
  const { folder, cwd } = place;
  const { undecided = "point", items: few = shownItems } = options;
  const tasks = await tasksOf(taskNames(given, folder), folder, cwd, options.limit, options.fewshotAsMultiturn === true);
  await using closers = new Closers();
  const sides = await openSides(place, tasks.tasks, options, closers, watch);
  const conditions = checkedConditions(tasks, sides, options);
  const preparation = await prepared(tasks.tasks, sides, options, watch);
  const evaluated: Evaluated[] = [];
  for (const loaded of tasks.tasks) {
    watch.signal.throwIfAborted();
    evaluated.push(await evaluatedTask(loaded, sides, preparation, options, watch));
  }
  const together = await evaluatedGroups(tasks.groups, evaluated, sides);
  const gates = gatesOf(conditions, tasks.roots, evaluated, together, undecided);
  const { model, against } = sides;
  const reportOf = (most: number): TasksReport => {
    const groups = withHolm(together.map(g => groupReport(g, most)));
    return {
      model: model.model.id,
      ...(against ? { against: against.model.id } : {}),
      undecided,
      tasks: costsCorrected(withHolm(evaluated.map(e => taskReport({ ...e, few: most })))),
      ...(groups.length ? { groups } : {}),
      gates,
      failed: gates.filter(g => g.fails).length,
    };
  };
  return { ...reportOf(few), withAllItems: () => reportOf(Number.MAX_SAFE_INTEGER) };
}

/** Errors: evaluate/gate where a condition is met, with the report as details. */
export function throwFailed(report: TasksReport): void {
  const failed = report.gates.filter(g => g.fails);
  if (failed.length === 0) return;
  throw withDetails(evaluateErrors.fail("gate", { place: "--fail-if", message: failed.map(tellVerdict).join("; ") }), report);
}
