/** `loam eval`: a model on tasks, beside another model, with a gate for continuous integration. */

import { resolve } from "node:path";
import { withDetails, writeFileAtomic } from "../../base/index.ts";
import {
  asChoosing,
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
  parseCondition,
  type TaskGroup,
  tellVerdict,
  type UndecidedRule,
  undecidedRules,
  withJudgement,
} from "../../evaluate/index.ts";
import {
  type AskedVariant,
  againstModel,
  askedVariant,
  conditionMeasures,
  conditionSubjects,
  costsCorrected,
  type EvaluatedGroup,
  evaluatedGroup,
  groupReport,
  type Judgement,
  type OpenEvaluated,
  openEvaluated,
  type RecordedResult,
  recordedGroup,
  recordedJudgement,
  recordedResult,
  recordedSeen,
  type SeenItems,
  seenItems,
  type TaskCosts,
  taskCosts,
  taskNames,
  taskReport,
  tasksOf,
} from "../../project/eval/index.ts";
import { cliErrors, untilStopped } from "../../project/index.ts";
import { type Looks, looksOf } from "../../store/index.ts";
import { evaluationPage } from "../eval/page.ts";
import { showTask } from "../eval/show.ts";
import { showGroup } from "../eval/show-group.ts";
import { variantsOf } from "../eval/variants-of.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const listOption = (options: Options, key: string): string[] => {
  const given = options[key];
  return Array.isArray(given) ? given : typeof given === "string" ? [given] : [];
};

/** What a task needs of the other model: measures that conditions name are checked before anybody is asked. */
interface Evaluation {
  readonly loaded: LoadedTask;
  readonly result: RecordedResult;
  readonly variants: readonly { readonly asked: AskedVariant; readonly result: RecordedResult }[];
  readonly against?: { readonly id: string; readonly result: RecordedResult };
  readonly judgement?: Judgement;
  readonly costs?: TaskCosts;
  readonly seen?: SeenItems;
  readonly looks?: Looks;
}

export const evalVerb: VerbRun = async (context, args, options) => {
  const { out, cwd, signal } = context;
  const folder = folderOf(context, options);
  const files = taskNames(
    args.filter(a => a !== undefined),
    folder,
  );
  const whole = (key: string, least: number, most: number) => numberOption(options, key, "eval", { least, most, whole: true });
  const limit = whole("limit", 1, 1e9);
  const few = whole("items", 0, 1000) ?? 3;
  const undecided: UndecidedRule = choiceOption(options, "undecided", "eval", undecidedRules) ?? "point";
  const variants = variantsOf(listOption(options, "variants"), options);
  const { tasks, groups, roots } = await tasksOf(files, folder, cwd, limit, options.fewshotAsMultiturn === true);
  const opening = { folder, cwd, signal, slots: whole("slots", 1, 256), context: whole("context", 16, 1_048_576) };
  await using model = await untilStopped(signal, openEvaluated(textOption(options, "model"), opening));
  const other = textOption(options, "against");
  await using against: OpenEvaluated | undefined =
    other === undefined ? undefined : await untilStopped(signal, openEvaluated(await againstModel(other, model, folder), opening));
  const judging = textOption(options, "judge");
  if (judging !== undefined) checkJudged(tasks, against !== undefined);
  await using judge: OpenEvaluated | undefined =
    judging === undefined ? undefined : await untilStopped(signal, openEvaluated(judging, opening));
  const writing = textOption(options, "paraphraser");
  await using writer: OpenEvaluated | undefined =
    writing === undefined ? undefined : await untilStopped(signal, openEvaluated(writing, opening));
  const names = {
    against: against ? ["against", ...(other && !other.includes("/") ? [other] : []), ...against.names] : [],
    tasks: [...tasks.map(t => t.task.task), ...groups.map(g => g.name)],
  };
  const labelsOf = (name: string) => Object.keys(tasks.find(t => t.task.task === name)?.task.labels ?? {});
  const headOfGroup = (g: TaskGroup) =>
    groupHeadOf(
      g,
      tasks.map(t => headOf(t.task)),
    );
  const conditions = listOption(options, "failIf").map(source => parseCondition(source, names));
  for (const c of conditions) {
    if (c.terms.some(t => t.side === "against") && !against)
      throw evaluateErrors.fail("condition", {
        place: `--fail-if "${c.source}"`,
        expected: "--against, the model that it speaks of",
        received: "none",
      });
    // known before hours of asking
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

  const fresh = options.fresh === true;
  const ways = new Map<LoadedTask, AskedVariant[]>();
  const seenOf = new Map<LoadedTask, SeenItems | undefined>();
  for (const loaded of tasks) {
    checkMeasures(loaded);
    choosingOf(loaded);
    seenOf.set(loaded, await seenItems(model.store, model.model, loaded));
  }
  for (const loaded of tasks) {
    const asked: AskedVariant[] = [];
    for (const name of variants)
      asked.push(await askedVariant(name, { loaded, writer, fresh, progress: out.progress(loaded.task.task), signal }));
    ways.set(loaded, asked);
  }

  const evaluated: Evaluation[] = [];
  for (const loaded of tasks) {
    const shared = { fresh, progress: out.progress(loaded.task.task), signal };
    const ask = (who: OpenEvaluated, variant?: AskedVariant) =>
      recordedResult({ ...shared, store: who.store, model: who.model, loaded, variant });
    const result = await ask(model);
    const varied: { asked: AskedVariant; result: RecordedResult }[] = [];
    for (const asked of ways.get(loaded)!) varied.push({ asked, result: await ask(model, asked) });
    const chooses = choosingOf(loaded);
    const other = against && (await ask(against));
    const costs =
      chooses && (await taskCosts(loaded, chooses, { who: model, result }, against && other && { who: against, result: other }, shared));
    const judgement =
      judge && other && loaded.task.output === "generate_until"
        ? await recordedJudgement({
            store: judge.store,
            judge: judge.model,
            loaded,
            first: result,
            second: other,
            ...shared,
          })
        : undefined;
    const seen = seenOf.get(loaded);
    if (seen && model.model.artifact !== undefined)
      await recordedSeen({ store: model.store, model: model.model.artifact, task: loaded.task.task, result: result.artifact, seen });
    const looks = await looksOf(model.store.records.read, result.artifact);
    evaluated.push({
      loaded,
      result,
      variants: varied,
      ...(other ? { against: { id: against.model.id, result: other } } : {}),
      ...(judgement ? { judgement } : {}),
      ...(costs ? { costs } : {}),
      ...(seen ? { seen } : {}),
      ...(looks ? { looks } : {}),
    });
    out.clear();
  }
  const reports = costsCorrected(withHolm(evaluated.map(e => taskReport({ ...e, few }))));
  for (const report of reports) showTask(out, model.model.id, report);
  const together: EvaluatedGroup[] = [];
  for (const g of groups) {
    const made = evaluatedGroup(g, evaluated, drawnItems);
    const record = async (who: OpenEvaluated, of: (e: Evaluation) => RecordedResult) =>
      who.model.artifact === undefined
        ? undefined
        : recordedGroup({ store: who.store, model: who.model.artifact, head: made.head, results: evaluated.map(of) });
    const artifact = await record(model, e => e.result);
    if (against) await record(against, e => e.against!.result);
    together.push({ ...made, ...(artifact === undefined ? {} : { artifact }) });
  }
  const groupReports = withHolm(together.map(g => groupReport(g, few)));
  for (const g of groupReports) showGroup(out, g);

  const gates: GateVerdict[] = conditions.flatMap(c =>
    conditionSubjects(c, roots).map(name => {
      const group = together.find(g => g.head.task === name);
      if (group) return gateVerdict(c, group.head, group, group.against, { undecided });
      const e = evaluated.find(x => x.loaded.task.task === name)!;
      const other = e.against && { items: drawnItems(e, "against") };
      return gateVerdict(c, e.result.head, { items: drawnItems(e, "model") }, other, { undecided });
    }),
  );
  if (gates.length) out.line("");
  for (const g of gates) out.line(`  ${g.fails ? "FAIL" : "pass"}  ${tellVerdict(g)}`);
  const failed = gates.filter(g => g.fails);
  const document = {
    model: model.model.id,
    ...(against ? { against: against.model.id } : {}),
    undecided,
    tasks: reports,
    ...(groupReports.length ? { groups: groupReports } : {}),
    gates,
    failed: failed.length,
  };
  const page = textOption(options, "report");
  if (page !== undefined) {
    const every = evaluated.map(e => taskReport({ ...e, few: Number.MAX_SAFE_INTEGER }));
    const everyGroup = withHolm(together.map(g => groupReport(g, Number.MAX_SAFE_INTEGER)));
    writeFileAtomic(resolve(cwd, page), evaluationPage({ ...document, tasks: costsCorrected(withHolm(every)), groups: everyGroup }));
    out.line(`  report: ${page}`);
  }
  if (failed.length === 0) return out.result(document);
  throw withDetails(evaluateErrors.fail("gate", { place: "--fail-if", message: failed.map(tellVerdict).join("; ") }), document);
};

/** A side's items, with what a judge said of the model's where there is one, and those that choose a threshold behind them. */
const drawnItems = ({ result, judgement, against, costs }: Evaluation, side: "model" | "against") =>
  side === "model"
    ? [...(judgement ? withJudgement(result.items, judgement.items) : result.items), ...asChoosing(costs?.choosing ?? [])]
    : [...(against?.result.items ?? []), ...asChoosing(costs?.againstChoosing ?? [])];

/** Errors: cli/usage. */
function checkJudged(tasks: readonly LoadedTask[], hasOther: boolean): void {
  if (!hasOther)
    throw cliErrors.fail("usage", {
      place: "loam eval --judge",
      expected: "--against, the model whose answers are held beside",
      received: "none",
    });
  if (tasks.some(t => t.task.output === "generate_until")) return;
  throw cliErrors.fail("usage", {
    place: "loam eval --judge",
    expected: "a task whose output is generate_until: its answers can be compared",
    received: tasks.map(t => `${t.task.task} (${t.task.output})`).join(", "),
  });
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
