/** `loam run` and `loam train`: the links of a model's life, each made or found, then the version registered with its scores. */
import { formatDuration, isLoamError, type LoamError, nearest } from "../../base/index.ts";
import { noteDataSet } from "../../project/data/index.ts";
import { evaluationLooks, reportOf } from "../../project/eval/index.ts";
import {
  cliErrors,
  estimate,
  estimateLine,
  findProject,
  type Link,
  type LooksReport,
  lifeOf,
  looksLines,
  type Made,
  modelNameOf,
  type ProjectFile,
  planLink,
  runLink,
  servedModelsOf,
  stageNames,
  withProjectStore,
} from "../../project/index.ts";
import { withFoldsFirst } from "../../project/tuning/index.ts";
import { listModels, registerVersion, type Store, type Summary } from "../../store/index.ts";
import { crossValidationLabel } from "../../tune/index.ts";
import { lossChart, reportTable } from "../report.ts";
import { withCrossValidation } from "../tuning/cross-validation-options.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** The links up to a stage, or all of them; none of a life that has no such stage, where another has it. */
function linksUpTo(links: readonly Link[], stage: string | undefined): Link[] {
  if (stage === undefined) return [...links];
  const last = links.findLastIndex(l => l.stage === stage);
  if (last >= 0) return links.slice(0, last + 1);
  if ((stageNames as readonly string[]).includes(stage)) return [];
  const near = nearest(stage, stageNames);
  throw cliErrors.fail("usage", {
    place: "loam run",
    expected: `a stage of ${stageNames.join(", ")}`,
    received: `"${stage}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

export interface LifeResult {
  readonly made: Made;
  /** `mail-small@1`, when the life ran to its evaluation. */
  readonly version?: string;
  readonly ran: number;
}

/** A link that has said nothing for so long says at least that it works: programs are compiled, files are opened. */
const quietMs = 700;

/** Runs a link with its progress shown. */
async function runShown({ out, signal }: Context, store: Store, link: Link, made: Made, force: boolean) {
  const show = out.progress(link.label);
  const timer = setTimeout(() => show({ stage: link.stage, message: "preparing" }), quietMs);
  try {
    return await runLink(store, link, made, {
      progress: event => {
        clearTimeout(timer);
        show(event);
      },
      signal,
      ...(force ? { force } : {}),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Runs links in order, saying what happens; those whose label is among what is made already are passed over. */
export async function runLinks(
  context: Context,
  store: Store,
  links: readonly Link[],
  force: boolean,
  before: Made = new Map(),
): Promise<{ readonly made: Made; readonly ran: number }> {
  const { out, signal } = context;
  const made = new Map(before);
  let ran = 0;
  for (const link of links) {
    signal.throwIfAborted();
    if (made.has(link.label)) continue;
    const result = await runShown(context, store, link, made, force);
    made.set(link.label, result.artifact);
    if (link.label.startsWith("data/")) noteDataSet(store, link.label.slice("data/".length), result.artifact.id);
    if (result.action === "made") {
      ran++;
      out.done(link.label, link.describe(result.artifact.summary), result.tookMs);
      if (link.stage === "train") for (const line of await lossChart(store, result.artifact)) out.line(`      ${line}`);
      if (result.differsFrom)
        out.warn(`loam: ${link.label}: the same recipe gave other content than ${result.differsFrom.id}; both are recorded.`);
    } else out.done(link.label, `${link.describe(result.artifact.summary)}  (unchanged)`);
    out.event("stage", {
      label: link.label,
      stage: link.stage,
      action: result.action,
      artifact: result.artifact.id,
      summary: result.artifact.summary,
      tookMs: Math.round(result.tookMs),
    });
  }
  return { made, ran };
}

/** Runs a model's life up to a stage; registers the version when it came to its evaluation. */
export async function runLife(
  context: Context,
  project: ProjectFile,
  store: Store,
  modelName: string,
  given: { readonly stage?: string | undefined; readonly force?: boolean; readonly made?: Made },
): Promise<LifeResult> {
  const onProblem = (p: LoamError) => context.out.warn(`loam: ${p.message} An older checkpoint is used, or training starts anew.`);
  const all = withFoldsFirst(linksUpTo(lifeOf(project, modelName, { onProblem }), given.stage));
  // the version does not wait for the cross-validation of its recipe, which may take many times as long
  const first = all.findIndex(l => l.stage === "cross-validate" && l.inputs.folds !== undefined);
  const [links, folds] = first < 0 ? [all, []] : [all.slice(0, first), all.slice(first)];
  const own = await runLinks(context, store, links, given.force ?? false, given.made);
  // a life without an evaluation ends with its model, which says itself what it was selected by
  const isWhole = given.stage === undefined && !links.some(l => l.stage === "evaluate");
  const evaluation = own.made.get(`evaluate/${modelName}`) ?? (isWhole ? own.made.get(modelName) : undefined);
  const scores = scoreNames.flatMap(name =>
    evaluation && name in evaluation.summary ? [[name, evaluation.summary[name] ?? null] as const] : [],
  );
  const version = evaluation && (await registered(store, modelName, own.made.get(modelName)!.id, Object.fromEntries(scores)));
  const { made, ran } = await runLinks(context, store, folds, given.force ?? false, own.made);
  return { made, ...(version === undefined ? {} : { version }), ran: own.ran + ran };
}

/** What of an evaluation's summary a version bears as its scores. */
const scoreNames = ["bitsPerByte", "macroF1", "accuracy", "validationLoss", "mae", "rmse", "r2"] as const;

/** The version of an artifact under a name; made when the newest version is another artifact. */
async function registered(store: Store, name: string, artifact: string, scores: Summary): Promise<string> {
  const versions = (await listModels(store)).find(m => m.model === name)?.versions ?? [];
  const known = versions.find(v => v.artifact === artifact);
  const version = known ?? (await registerVersion(store, name, artifact, scores));
  return `${name}@${version.number}`;
}

/** The models whose lives a command means: the one named, else all that the project serves. */
function namesOf(project: ProjectFile, given: string | undefined): string[] {
  const served = servedModelsOf(project);
  return given === undefined && served.length > 0 ? served : [modelNameOf(project, given)];
}

/** A mistake in the gateway's part is told before hours of training, not after them; its secrets are needed only where it runs. */
async function checkGateway(project: ProjectFile): Promise<void> {
  if (project.config.gateway === undefined) return;
  try {
    await (await import("../../project/gateway/index.ts")).projectGateway(project);
  } catch (error) {
    if (!isLoamError(error, "gateway/secret")) throw error;
  }
}

/** Runs the lives of models one after the other; what they share is made once. */
async function runLives(
  context: Context,
  project: ProjectFile,
  names: readonly string[],
  given: { readonly stage?: string | undefined; readonly force: boolean },
): Promise<void> {
  const { out } = context;
  await checkGateway(project);
  await withProjectStore(project, async store => {
    let made: Made = new Map();
    const looks: Record<string, LooksReport> = {};
    const lives: { readonly model: string; readonly version: string | null; readonly ran: number }[] = [];
    for (const model of names) {
      const started = performance.now();
      const life = await runLife(context, project, store, model, { ...given, made });
      made = life.made;
      lives.push({ model, version: life.version ?? null, ran: life.ran });
      const evaluation = made.get(`evaluate/${model}`);
      if (evaluation) {
        out.line(await reportTable(evaluation));
        const told = await evaluationLooks(store, evaluation);
        if (told) {
          for (const line of looksLines(told)) out.line(`  ${line}`);
          looks[model] = told;
        }
      }
      const folded = made.get(crossValidationLabel(model));
      if (folded) {
        out.line(await reportTable(folded));
        out.event("cross-validation", { model, artifact: folded.id, report: await reportOf(folded) });
      }
      if (life.version)
        out.line(
          `\n  ${life.version}   ${life.ran ? `done in ${formatDuration(performance.now() - started)}` : "nothing was stale"}   next: loam serve${servedModelsOf(project).includes(model) ? "" : ` ${model}`}, ${Object.hasOwn(project.config.tuned, model) ? "" : "loam chat, "}loam trace ${life.version}\n`,
        );
    }
    out.result({
      event: "result",
      model: lives[0]!.model,
      version: lives[0]!.version,
      ...(lives.length > 1 ? { models: lives } : {}),
      ...(Object.keys(looks).length > 0 ? { looks } : {}),
      artifacts: Object.fromEntries([...made].map(([label, a]) => [label, a.id])),
      ran: lives.reduce((n, l) => n + l.ran, 0),
    });
  });
}

const life =
  (nameFrom: "argument" | "option"): VerbRun =>
  async (context, args, options) => {
    const project = findProject(folderOf(context, options));
    const named = nameFrom === "argument" ? args[0] : (options.model as string | undefined);
    const stage = nameFrom === "option" ? args[0] : undefined;
    if (options.dryRun) return withProjectStore(project, store => dryRun(context, project, store, namesOf(project, named)[0]!, stage));
    await runLives(context, project, nameFrom === "argument" ? [modelNameOf(project, named)] : namesOf(project, named), {
      stage,
      force: options.force === true,
    });
  };

async function dryRun(context: Context, project: ProjectFile, store: Store, modelName: string, stage: string | undefined): Promise<void> {
  const links = linksUpTo(lifeOf(project, modelName, { onProblem: () => {} }), stage);
  const made = new Map<string, NonNullable<Awaited<ReturnType<typeof planLink>>>["artifact"] & object>();
  const rows: object[] = [];
  let [ms, bytes] = [0, 0];
  for (const link of links) {
    const plan = await planLink(store, link, made);
    const runs = !plan || plan.action === "run";
    if (plan?.artifact && !runs) made.set(link.label, plan.artifact);
    const guess = runs ? await estimate(project, link, made) : { ms: 0, bytes: 0 };
    ms += guess.ms;
    bytes += guess.bytes;
    context.out.line(`  ${link.label.padEnd(18)} ${runs ? `would run   ${estimateLine(guess)}` : `unchanged   ${plan!.artifact!.id}`}`);
    rows.push({
      label: link.label,
      stage: link.stage,
      action: runs ? "run" : "reuse",
      why: plan?.why ?? (runs ? "inputs are new" : undefined),
      estimate: guess,
    });
  }
  context.out.line(`  in all             about ${estimateLine({ ms, bytes })}`);
  context.out.result({ event: "plan", model: modelName, links: rows, estimate: { ms: Math.round(ms), bytes: Math.round(bytes) } });
}

export const run = life("option");
export const train = life("argument");

/** `loam tune`: the life of a tuned model, its base's included; all of them where none is named. */
export const tune: VerbRun = async (context, [given], options) => {
  const project = findProject(folderOf(context, options));
  const known = Object.keys(project.config.tuned);
  if (known.length === 0 || (given !== undefined && !known.includes(given))) {
    const near = given === undefined ? undefined : nearest(given, known);
    throw cliErrors.fail("usage", {
      place: "loam tune",
      expected: known.length > 0 ? `one of ${known.join(", ")}` : "a model with `base:` and `tune:` in loam.yaml",
      received: given === undefined ? "none" : `"${given}"`,
      hint: near ? `Did you mean "${near}"?` : "docs/tune.md shows one.",
    });
  }
  const names = given === undefined ? known : [given];
  await runLives(context, withCrossValidation(project, names, options), names, { force: options.force === true });
};
