/** Runs of a project: the stages of its models, each made or found, then the version registered with its scores. And what a run would do. */
import { check, defined, isLoamError, type LoamError, nearest } from "../base/index.ts";
import { listModels, registerVersion, type Store, type Summary } from "../store/index.ts";
import { crossValidationLabel, crossValidationOptions, type TunePart, tasksWith } from "../tune/index.ts";
import { canBeCrossValidated, type TunedModel } from "../tune/part.ts";
import { type MeshOptions, withMesh, withTuningMesh } from "./asked-ranks.ts";
import type { Watch } from "./call.ts";
import { projectErrors } from "./errors.ts";
import { type Estimate, estimate } from "./estimate.ts";
import { evaluationLooks, reportOf } from "./eval/report-of.ts";
import { type LaunchOptions, rankEngineOf } from "./launching/workers.ts";
import { type Link, lifeOf, type Made, planLink, stageNames } from "./life.ts";
import type { LooksReport } from "./looks.ts";
import { modelNameOf, type ProjectFile, servedModelsOf } from "./project-file.ts";
import { runLinks } from "./run-links.ts";
import { withFoldsFirst } from "./tuning/folds-first.ts";
import type { Workspace } from "./workspace.ts";

export interface RunOptions extends MeshOptions, LaunchOptions {
  /** The last stage that runs; default: all of them. */
  readonly stage?: string | undefined;
  /** Runs what is up to date too. */
  readonly force?: boolean | undefined;
}

/** Folds, repeats and seeds of the cross-validation of a recipe, over what loam.yaml says. */
export interface FoldOptions {
  readonly folds?: number | undefined;
  readonly repeats?: number | undefined;
  readonly seeds?: number | undefined;
}

/** With a mesh, `launch` and `launchAddress`: ranks of the tunings, and where they start. */
export interface TuneOptions extends FoldOptions, MeshOptions, LaunchOptions {
  /** Runs what is up to date too. */
  readonly force?: boolean | undefined;
}

/** A model whose stages are over. */
export interface RanModel {
  readonly model: string;
  /** `mail-small@1`; null where the stages do not reach its evaluation. */
  readonly version: string | null;
  /** Stages that ran. */
  readonly ran: number;
}

/** What came of a run. */
export interface RunReport extends RanModel {
  /** Of each, where they are several; `model` and `version` are of the first one. */
  readonly models?: readonly RanModel[];
  /** How often the test sets of evaluations were scored, by model. */
  readonly looks?: Readonly<Record<string, LooksReport>>;
  /** Identifiers of artifacts by label. */
  readonly artifacts: Readonly<Record<string, string>>;
}

/** What a run would do. */
export interface RunPlan {
  readonly model: string;
  readonly links: readonly PlannedLink[];
  readonly estimate: Estimate;
}

export interface PlannedLink {
  readonly label: string;
  readonly stage: string;
  readonly action: "run" | "reuse";
  readonly why?: string | undefined;
  readonly estimate: Estimate;
  /** Of the artifact that is reused. */
  readonly artifact?: string;
}

/** The links up to a stage, or all of them; none of a life that has no such stage, where another has it. */
function linksUpTo(links: readonly Link[], stage: string | undefined): Link[] {
  if (stage === undefined) return [...links];
  const last = links.findLastIndex(l => l.stage === stage);
  if (last >= 0) return links.slice(0, last + 1);
  if ((stageNames as readonly string[]).includes(stage)) return [];
  const near = nearest(stage, stageNames);
  throw projectErrors.fail("argument", {
    place: "loam run",
    expected: `a stage of ${stageNames.join(", ")}`,
    received: `"${stage}"`,
    hint: near ? `Did you mean "${near}"?` : "A model is named with --model: `loam run --model NAME`.",
  });
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

export interface LifeResult {
  readonly made: Made;
  /** `mail-small@1`, when the life ran to its evaluation. */
  readonly version?: string;
  readonly ran: number;
}

/** Runs a model's life up to a stage; registers the version when it came to its evaluation. */
export async function runLife(
  file: ProjectFile,
  store: Store,
  modelName: string,
  { stage, force, before, ...launch }: RunOptions & { readonly before?: Made },
  watch: Watch,
): Promise<LifeResult> {
  const onProblem = (p: LoamError) =>
    watch.emit({ event: "warning", message: `loam: ${p.message} An older checkpoint is used, or training starts again.` });
  const onNote = (message: string) => watch.emit({ event: "warning", message });
  const onLoaded = (message: string) => watch.emit({ event: "note", message });
  const all = withFoldsFirst(
    linksUpTo(lifeOf(file, modelName, { onProblem, onNote, onLoaded, rankEngine: rankEngineOf(file, launch) }), stage),
  );
  // the version does not wait for the cross-validation of its recipe, which may take many times as long
  const first = all.findIndex(l => l.stage === "cross-validate" && l.inputs.folds !== undefined);
  const [links, folds] = first < 0 ? [all, []] : [all.slice(0, first), all.slice(first)];
  const own = await runLinks(store, links, { force, before }, watch);
  // a life without an evaluation ends with its model, which says itself what it was selected by
  const isWhole = stage === undefined && !links.some(l => l.stage === "evaluate");
  const evaluation = own.made.get(`evaluate/${modelName}`) ?? (isWhole ? own.made.get(modelName) : undefined);
  const scores = scoreNames.flatMap(name =>
    evaluation && name in evaluation.summary ? [[name, evaluation.summary[name] ?? null] as const] : [],
  );
  const version = evaluation && (await registered(store, modelName, own.made.get(modelName)!.id, Object.fromEntries(scores)));
  const { made, ran } = await runLinks(store, folds, { force, before: own.made }, watch);
  return { made, ...defined({ version }), ran: own.ran + ran };
}

/** A mistake in the gateway's part is told before hours of training, not after them; its secrets are needed only where it runs. */
async function checkGateway(file: ProjectFile): Promise<void> {
  if (file.config.gateway === undefined) return;
  try {
    await (await import("./gateway/index.ts")).projectGateway(file);
  } catch (error) {
    if (!isLoamError(error, "gateway/secret")) throw error;
  }
}

/** Runs the life of a model, and reports what was measured of it. */
async function runModel(file: ProjectFile, store: Store, model: string, options: RunOptions & { readonly before: Made }, watch: Watch) {
  const started = performance.now();
  const life = await runLife(file, store, model, options, watch);
  const evaluation = life.made.get(`evaluate/${model}`);
  const looks = evaluation && (await evaluationLooks(store, evaluation));
  const folded = life.made.get(crossValidationLabel(model));
  const crossValidation = folded && (await reportOf(folded));
  const own: RanModel = { model, version: life.version ?? null, ran: life.ran };
  if (folded && crossValidation) watch.emit({ event: "cross-validation", model, artifact: folded.id, report: crossValidation });
  watch.emit({
    event: "model",
    ...own,
    tookMs: performance.now() - started,
    ...(evaluation ? { report: await reportOf(evaluation) } : {}),
    ...defined({ looks, crossValidation }),
  });
  return { ...life, own, looks };
}

/** Runs the lives of models one after the other; what they share is made once. */
async function runLives(
  workspace: Workspace,
  file: ProjectFile,
  names: readonly string[],
  options: RunOptions,
  watch: Watch,
): Promise<RunReport> {
  await checkGateway(file);
  const store = await workspace.store();
  let before: Made = new Map();
  const looks: Record<string, LooksReport> = {};
  const models: RanModel[] = [];
  for (const model of names) {
    const life = await runModel(file, store, model, { ...options, before }, watch);
    before = life.made;
    models.push(life.own);
    if (life.looks) looks[model] = life.looks;
  }
  return {
    model: models[0]!.model,
    version: models[0]!.version,
    ...(models.length > 1 ? { models } : {}),
    ...(Object.keys(looks).length > 0 ? { looks } : {}),
    artifacts: Object.fromEntries([...before].map(([label, a]) => [label, a.id])),
    ran: models.reduce((n, l) => n + l.ran, 0),
  };
}

/** The models whose lives a run means: the one named, else all that the project serves. */
function namesOf(file: ProjectFile, given: string | undefined): string[] {
  const served = servedModelsOf(file);
  return given === undefined && served.length > 0 ? served : [modelNameOf(file, given)];
}

/** Runs what is stale of a model; of all that the project serves, where none is named. */
export const runModels = (workspace: Workspace, model: string | undefined, options: RunOptions, watch: Watch): Promise<RunReport> =>
  runLives(workspace, workspace.file, namesOf(workspace.file, model), options, watch);

/** Runs what is stale of one model: the one named, else the served one, else the only one. */
export function trainModel(workspace: Workspace, model: string | undefined, options: RunOptions, watch: Watch): Promise<RunReport> {
  const name = modelNameOf(workspace.file, model);
  return runLives(workspace, withMesh(workspace.file, name, options), [name], options, watch);
}

/** The project with what the options ask for. Errors: project/argument for a task whose recipes are not cross-validated. */
export function withCrossValidation(file: ProjectFile, models: readonly string[], { folds, repeats, seeds }: FoldOptions): ProjectFile {
  const asked = Object.entries({ folds, repeats, seeds }).filter(([, value]) => value !== undefined);
  if (asked.length === 0) return file;
  const changed = models.map((name): readonly [string, TunedModel] => {
    const entry = file.config.tuned[name]!;
    if (!canBeCrossValidated(entry.tune))
      throw projectErrors.fail("argument", {
        place: `loam tune --${asked[0]![0]}`,
        expected: `a model with ${tasksWith(row => row.hasFolds === true)}`,
        received: `${name}, with \`task: ${entry.tune.task}\``,
        hint: "Name a model whose recipe is cross-validated: loam tune NAME --folds 5.",
      });
    const crossValidation = check(
      crossValidationOptions,
      { ...(entry.tune as TunePart).crossValidation, ...Object.fromEntries(asked) },
      "loam tune",
    );
    // a task whose recipes are cross-validated has this key
    return [name, { ...entry, tune: { ...entry.tune, crossValidation } as TunedModel["tune"] }];
  });
  return { ...file, config: { ...file.config, tuned: { ...file.config.tuned, ...Object.fromEntries(changed) } } };
}

/** Runs the life of a tuned model, its base's included; of all of them where none is named. */
export async function tuneModels(workspace: Workspace, model: string | undefined, options: TuneOptions, watch: Watch): Promise<RunReport> {
  const { file } = workspace;
  const known = Object.keys(file.config.tuned);
  if (known.length === 0 || (model !== undefined && !known.includes(model))) {
    const near = model === undefined ? undefined : nearest(model, known);
    throw projectErrors.fail("argument", {
      place: "loam tune",
      expected: known.length > 0 ? `one of ${known.join(", ")}` : "a model with `base:` and `tune:` in loam.yaml",
      received: model === undefined ? "none" : `"${model}"`,
      hint: near ? `Did you mean "${near}"?` : "docs/tune.md shows one.",
    });
  }
  const names = model === undefined ? known : [model];
  const { force, launch, launchAddress } = options;
  const asked = withTuningMesh(withCrossValidation(file, names, options), names, options);
  return runLives(workspace, asked, names, { force, launch, launchAddress }, watch);
}

/** What a run of one model would do, and about how long it would take. Makes nothing. */
export async function planRun(workspace: Workspace, model: string | undefined, { stage }: RunOptions, { signal }: Watch): Promise<RunPlan> {
  const { file } = workspace;
  const [name] = namesOf(file, model) as [string, ...string[]];
  const store = await workspace.store();
  const links = linksUpTo(lifeOf(file, name, { onProblem: () => {} }), stage);
  const made = new Map<string, NonNullable<Awaited<ReturnType<typeof planLink>>>["artifact"] & object>();
  const planned: PlannedLink[] = [];
  for (const link of links) {
    signal.throwIfAborted();
    const plan = await planLink(store, link, made);
    const { label } = link;
    if (plan?.action === "reuse" && plan.artifact) {
      made.set(label, plan.artifact);
      planned.push({ label, stage: link.stage, action: "reuse", why: plan.why, estimate: { ms: 0, bytes: 0 }, artifact: plan.artifact.id });
    } else
      planned.push({
        label,
        stage: link.stage,
        action: "run",
        why: plan?.why ?? "inputs are new",
        estimate: await estimate(file, link, made),
      });
  }
  const sum = (of: keyof Estimate) => planned.reduce((n, l) => n + l.estimate[of], 0);
  return { model: name, links: planned, estimate: { ms: Math.round(sum("ms")), bytes: Math.round(sum("bytes")) } };
}
