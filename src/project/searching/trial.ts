/**
 * One trial, run: its links made or found, what the training says on its way reported to the study, its end told. Nothing that a trial does
 * ends the search, but for what would befall every trial: a full disk, a record out of reach.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isLoamError, type LoamError, type Progress, redact } from "../../base/index.ts";
import {
  type ArtifactReader,
  type HeldTrial,
  openArtifact,
  readRunData,
  type Store,
  type StoredTrial,
  trialsOf,
} from "../../store/index.ts";
import { metricsFile, readMetrics } from "../../train/index.ts";
import { isBehind, judgedLabel, type ObjectiveName, type Outcome, type Point } from "../../tune/index.ts";
import type { LifeSurroundings } from "../life.ts";
import { lazyDevice, runLink } from "../life.ts";
import { isErrorOfMachine } from "../of-machine.ts";
import type { ProjectFile } from "../project-file.ts";
import type { StudySpec } from "./definition.ts";
import type { TrialKind } from "./trial-kind.ts";
import { latencyOf, trialKind, trialProject } from "./trial-links.ts";
import { trialTree } from "./trial-tree.ts";

export interface TrialRun {
  readonly project: ProjectFile;
  readonly store: Store;
  readonly study: string;
  /** When the study was begun: what its trials were refused since then, a later one is too. */
  readonly sinceMs: number;
  readonly spec: StudySpec;
  readonly around: LifeSurroundings;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What a trial came to, for those who watch. */
export type TrialResult =
  | { readonly state: "done"; readonly outcome: Outcome }
  | { readonly state: "pruned" | "failed" | "released" | "lost"; readonly reason?: string };

const reasonLength = 500;

const ended = Symbol("ended");
interface Ended {
  readonly kind: typeof ended;
  readonly state: "pruned" | "failed";
  readonly reason?: string;
}

/** What judges the trials of a study, by the labels under which their links find it. */
export async function judgesOf(store: Store, spec: StudySpec): Promise<Map<string, ArtifactReader>> {
  const made = new Map<string, ArtifactReader>();
  for (const [label, id] of [[judgedLabel, spec.judged] as const, ...Object.entries(spec.beside ?? {})])
    made.set(label, await openArtifact(store, id));
  return made;
}

/** How a trial is made and judged. Errors: those of the project file, for values that it does not take. */
export function kindOf({ project, spec, around }: Pick<TrialRun, "project" | "spec" | "around">, trial: StoredTrial): TrialKind {
  // the configuration as it is has no values put in: what the space does not offer stays too
  const point = trial.origin === "default" ? {} : (trial.point as Point);
  const own = trialProject(project, trialTree(spec.base, spec, point, "searches"), spec);
  const usual = trialProject(project, spec.base, spec);
  return trialKind({ usual, trial: own, varies: Object.keys(spec.space as object), folds: spec.folds }, spec.model, around);
}

export async function runTrial(run: TrialRun, held: HeldTrial): Promise<TrialResult> {
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, held.lost, stop.signal]);
  let made = new Map<string, ArtifactReader>();
  let kind: TrialKind | undefined;
  let reported: Promise<void> = Promise.resolve();
  try {
    const { spec } = run;
    made = await judgesOf(run.store, spec);
    kind = kindOf(run, held.trial);
    let last = 0;
    const look = (share: number, value: number, mayEnd = true) => {
      // shares of the budget, so that trials of other batches are compared at equal ones
      const at = Math.floor(spec.reports * share + 1e-9);
      if (at <= last) return;
      last = at;
      reported = reported.then(async () => {
        if (stop.signal.aborted) return;
        if (!Number.isFinite(value))
          return stop.abort({ kind: ended, state: "failed", reason: `the held-out loss is ${value}` } satisfies Ended);
        const isNew = await held.report({ step: at, value });
        if (isNew && mayEnd && isBehind(spec, await trialsOf(run.store.records.read, run.study), held.trial.number))
          stop.abort({ kind: ended, state: "pruned", reason: `behind at ${at}/${spec.reports} of the budget` } satisfies Ended);
      });
    };
    for (const link of kind.links) {
      signal.throwIfAborted();
      const result = await runLink(run.store, link, made, {
        progress: event => {
          run.progress(event);
          const values = event.values as Record<string, number | undefined> | undefined;
          if (link !== kind!.trained || values?.step === undefined || values.steps === undefined) return;
          const value = kind!.told(values, made);
          if (value !== undefined) look(values.step / values.steps, value);
        },
        signal,
        study: run.study,
        recall: { sinceMs: run.sinceMs },
      });
      made.set(link.label, result.artifact);
      // trained before, by another study perhaps: what it would have told on its way is in its log, and there is nothing left to save
      if (link === kind.trained && result.action === "reused" && held.trial.reports.length === 0)
        for (const { step, steps, loss } of await lossesOf(run.store, result.artifact)) {
          const value = kind.told({ step, steps, heldOut: loss, validationLoss: loss }, made);
          if (value !== undefined) look(step / steps, value, false);
        }
      // a report on the way may still be on its way to the record
      await reported;
    }
    signal.throwIfAborted();
    const outcome = await outcomeOf({ ...run, signal }, kind, made);
    const broken = spec.objectives.find((_, i) => !Number.isFinite(outcome.values[i]));
    if (broken !== undefined) return await end(run, held, { state: "failed", reason: `${broken} is not a number` });
    return (await held.finish({ state: "done", outcome: { ...outcome } })) ? { state: "done", outcome } : { state: "lost" };
  } catch (error) {
    await reported.catch(() => {});
    const why = stop.signal.reason as Ended | undefined;
    if (stop.signal.aborted && why?.kind === ended) {
      await forget(run.store, kind, made);
      return end(run, held, why);
    }
    if (held.lost.aborted) return { state: "lost" };
    if (run.signal.aborted || isLoamError(error, "base/interrupted")) {
      await held.release();
      return { state: "released" };
    }
    if (isErrorOfMachine(error)) {
      await held.release().catch(() => {});
      throw error;
    }
    await forget(run.store, kind, made);
    return end(run, held, { state: "failed", reason: reasonOf(error, held.trial.point as Point, run.spec.usual) });
  }
}

const outOfMemory =
  /bad_alloc|out of memory|failed to allocate|AllocateRaw|ENOMEM|Array buffer allocation failed|Invalid (typed )?array length/i;

/** Numbers of a trial above those of the configuration, largest share first: what made it larger than a model that fits. */
const raisedIn = (point: Point, usual: Point): string[] =>
  Object.entries(point)
    .flatMap(([name, value]) => {
      const own = usual[name];
      return typeof value === "number" && typeof own === "number" && value > own ? [{ name, value, own }] : [];
    })
    .sort((a, b) => b.value / b.own - a.value / a.own)
    .map(({ name, value, own }) => `${name} (${value}; ${own} in the file)`);

/** What went wrong, in words that fit a line; of memory that ran out, what of the space to lower. */
function reasonOf(error: unknown, point: Point, usual: Point): string {
  const said = redact(error instanceof Error ? error.message : String(error));
  if (!isLoamError(error, "nn/memory") && !outOfMemory.test(said)) return said.slice(0, reasonLength);
  const raised = raisedIn(point, usual).slice(0, 3);
  return `out of memory${raised.length > 0 ? `, lower ${raised.join(", ")}` : ""}: ${said}`.slice(0, reasonLength);
}

async function end(
  _: TrialRun,
  held: HeldTrial,
  { state, reason }: { readonly state: "pruned" | "failed"; readonly reason?: string },
): Promise<TrialResult> {
  const why = reason === undefined ? {} : { reason };
  return (await held.finish({ state, ...why })) ? { state, ...why } : { state: "lost" };
}

/** Checkpoints of a trial that does not go on. */
async function forget(store: Store, kind: TrialKind | undefined, made: ReadonlyMap<string, ArtifactReader>): Promise<void> {
  if (!kind) return;
  const inputs = Object.entries(kind.trained.inputs).map(([name, label]) => [name, made.get(label)] as const);
  if (!inputs.every(([, a]) => a)) return;
  const { recipe } = await kind.trained.plan(store, Object.fromEntries(inputs) as Record<string, ArtifactReader>);
  await rm(join(store.scratchFolder, recipe), { recursive: true, force: true }).catch(() => {});
}

/** Held-out losses as a model's log has them. */
async function lossesOf(
  store: Store,
  model: ArtifactReader,
): Promise<{ readonly step: number; readonly steps: number; readonly loss: number }[]> {
  const points = readMetrics((await readRunData(store, model, metricsFile)) ?? "");
  const steps = Number(model.summary.steps ?? points.at(-1)?.step);
  return points.flatMap(p => (p.heldOut === undefined ? [] : [{ step: p.step, steps, loss: p.heldOut }]));
}

interface Measured {
  readonly store: Store;
  readonly model: ArtifactReader;
  readonly judged: ArtifactReader | undefined;
  /** Times the model's answers here. */
  latency(): Promise<number>;
}
type Measure = (of: Measured) => number | Promise<number>;
const number = (v: unknown): number => (typeof v === "number" ? v : Number.NaN);

/** Values of the objectives by name, as measured on the artifacts of a trial; a new one is a row. */
const measures: { readonly [K in ObjectiveName]: Measure } = {
  async heldOut({ store, model, judged }) {
    if (judged) return number(judged.summary.bitsPerByte ?? judged.summary.bitsPerText ?? judged.summary.loss);
    if (model.summary.validationLoss !== undefined) return number(model.summary.validationLoss);
    // what was chosen is the least of what was measured
    const losses = (await lossesOf(store, model)).map(l => l.loss);
    return losses.length > 0 ? losses.reduce((a, b) => Math.min(a, b)) : Number.NaN;
  },
  errors: ({ judged }) => number(judged?.summary.errors),
  // of all processes that had a part in it: a trial may have been resumed
  async seconds({ store, model }) {
    const points = readMetrics((await readRunData(store, model, metricsFile)) ?? "");
    if (points.length === 0) return number(model.summary.seconds);
    return points.reduce((sum, p, i) => sum + (p.tokens - (points[i - 1]?.tokens ?? 0)) / p.tokensPerSecond, 0);
  },
  latency: ({ latency }) => latency(),
  parameters: ({ model, judged }) => number(judged?.summary.parameters ?? model.summary.parameters),
  memory: ({ model, judged }) => number(judged?.summary.memoryBytes ?? 4 * number(model.summary.parameters)),
};
/** Those that take time to measure are measured where they are asked for. */
const onlyAsked: readonly string[] = ["latency"] satisfies ObjectiveName[];

async function outcomeOf(
  { spec, store, around, project, signal }: Pick<TrialRun, "spec" | "store" | "around" | "project" | "signal">,
  kind: TrialKind,
  made: ReadonlyMap<string, ArtifactReader>,
): Promise<Outcome> {
  const model = made.get(kind.trained.label)!;
  const judged = kind.judgement === undefined ? undefined : made.get(kind.judgement)!;
  const latency = () => latencyOf(kind, made, { device: around.device ?? lazyDevice(project), signal });
  const measured: Record<string, number> = {};
  for (const [name, measure] of Object.entries(measures)) {
    if (onlyAsked.includes(name) && !(spec.objectives as readonly string[]).includes(name)) continue;
    measured[name] = await measure({ store, model, judged, latency });
  }
  return {
    values: spec.objectives.map(name => measured[name]!),
    measures: Object.fromEntries(Object.entries(measured).filter(([, v]) => Number.isFinite(v))),
    artifacts: { model: model.id, ...(judged ? { judgement: judged.id } : {}) },
  };
}

export const ignoreProblem = (_: LoamError): void => {};
