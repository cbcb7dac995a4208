/**
 * `loam train scale`: what a model's recipe will come to, before it is run. A ladder of small runs of the recipe, a loss law fitted to them, and the predicted
 * loss of the whole run with an interval; the largest run of the ladder is predicted from the others first. Runs are kept by what they follow from, so
 * a call that was stopped goes on where it was.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashOf, writeFileAtomic } from "../../base/index.ts";
import { disposeTree } from "../../nn/index.ts";
import { fitLossLaw, type LossLaw, type PredictedLoss, predictLoss } from "../../statistics/index.ts";
import {
  type LadderRun,
  ladderRuns,
  ladderSizes,
  type PretrainRecipe,
  pretrain,
  type StepSeconds,
  stepSeconds,
  tokenShares,
  withoutHabits,
} from "../../train/index.ts";
import { progressFor, type Watch } from "../call.ts";
import type { Workspace } from "../workspace.ts";
import { configOf, type TrainingMaterial, trainingMaterial } from "./material.ts";

export interface ScaleOptions {
  /** Budget of the whole ladder in processor seconds; default: a fifth of what the run itself would take. */
  readonly seconds?: number | undefined;
  /** Says what would be run and what it would cost, and runs no ladder: a few steps of each size are timed. */
  readonly dryRun?: boolean | undefined;
}

/** A run of the ladder. */
export interface ScaleRun {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly parameters: number;
  readonly tokens: number;
  /** Estimated processor seconds. */
  readonly estimatedSeconds: number;
  /** An earlier call ran it. */
  readonly isKnown: boolean;
}
export interface ScaleResult extends ScaleRun {
  /** Held-out loss at its end, nats per token. */
  readonly loss: number;
  readonly processorSeconds: number;
}

export interface ScalePlan {
  readonly model: string;
  /** Budget in processor seconds. */
  readonly seconds: number;
  /** The model's whole run. */
  readonly target: { readonly parameters: number; readonly tokens: number; readonly estimatedSeconds: number };
  readonly runs: readonly ScaleRun[];
  /** Processor seconds of the runs that are not known. */
  readonly estimatedSeconds: number;
}

export interface ScaleReport extends Omit<ScalePlan, "runs"> {
  readonly runs: readonly ScaleResult[];
  /** The largest run, predicted from the others. */
  readonly check: PredictedLoss & { readonly actual: number; readonly isWithin: boolean };
  readonly law: LossLaw;
  /** Held-out loss of the whole run, nats per token, with a 95 % interval. */
  readonly prediction: PredictedLoss;
  /** Processor seconds of all runs, those of earlier calls included. */
  readonly processorSeconds: number;
}

interface Kept {
  readonly loss: number;
  readonly processorSeconds: number;
}

interface PlannedRun extends ScaleRun {
  readonly recipe: PretrainRecipe;
  readonly config: ReturnType<typeof configOf>["model"];
  readonly identity: string;
}

/** Runs that are worth less than their planning. */
const shareOfRun = 0.2;

const fileOf = (folder: string, identity: string): string => join(folder, `${identity.slice(0, 24)}.json`);

/** What an earlier call wrote of a run. */
function keptOf(folder: string, identity: string): Kept | undefined {
  const file = fileOf(folder, identity);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Kept) : undefined;
}

const costOf = ({ perToken, beginning }: StepSeconds, { tokens, evaluateBatches, rows, length }: PretrainRecipe): number =>
  // an evaluation is a forward pass, a third of a step
  beginning + perToken * (tokens + (evaluateBatches * rows * length) / 3);

interface Planned {
  readonly plan: ScalePlan;
  readonly runs: readonly PlannedRun[];
}

type Sizes = readonly {
  readonly size: TrainingMaterial["architecture"];
  readonly config: TrainingMaterial["model"];
  readonly parameters: number;
}[];

/** Times of the sizes, and of the whole model. */
interface Timed {
  readonly sizes: readonly StepSeconds[];
  readonly whole: StepSeconds;
}

/** Measured once: other times would make another ladder, of which no earlier call ran anything. */
async function timesOf(m: TrainingMaterial, sizes: Sizes, folder: string, watch: Watch): Promise<Timed> {
  const { device, train, end, recipe } = m;
  const file = fileOf(folder, hashOf({ times: sizes.map(s => s.config), model: m.model, recipe: withoutHabits(recipe), shards: m.digest }));
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Timed;
  const show = progressFor(watch, "scale");
  const timed: StepSeconds[] = [];
  for (const [i, model] of [...sizes.map(s => s.config), m.model].entries()) {
    show({ stage: "scale", done: i / (sizes.length + 1), message: "timing a few steps" });
    timed.push(await stepSeconds({ device, model, recipe, train, end, signal: watch.signal }));
  }
  const times = { sizes: timed.slice(0, -1), whole: timed.at(-1)! };
  mkdirSync(folder, { recursive: true });
  writeFileAtomic(file, JSON.stringify(times));
  return times;
}

async function planScale(m: TrainingMaterial, folder: string, given: number | undefined, watch: Watch): Promise<Planned> {
  const { recipe } = m;
  const sizes: Sizes = ladderSizes(m.architecture).map(size => {
    const { model: config, parameters } = configOf(size, m.model.vocab);
    return { size, config, parameters };
  });
  const { sizes: timed, whole: wholeTime } = await timesOf(m, sizes, folder, watch);
  const whole = costOf(wholeTime, recipe);
  const seconds = given ?? whole * shareOfRun;
  const fixed = timed.reduce((s, t) => s + tokenShares.length * costOf(t, { ...recipe, tokens: 0 }), 0);
  const perToken = timed.map(t => t.perToken);
  const runs = ladderRuns(recipe, perToken, seconds, fixed).map((run: LadderRun): PlannedRun => {
    const { size, config, parameters } = sizes[run.size]!;
    const identity = hashOf({ shards: m.digest, config, recipe: withoutHabits(run.recipe) });
    const { layers, width, heads } = size;
    const estimatedSeconds = costOf(timed[run.size]!, run.recipe);
    const isKnown = keptOf(folder, identity) !== undefined;
    return { layers, width, heads, parameters, tokens: run.recipe.tokens, estimatedSeconds, isKnown, recipe: run.recipe, config, identity };
  });
  const plan = {
    model: m.name,
    seconds,
    target: { parameters: m.parameters, tokens: recipe.tokens, estimatedSeconds: whole },
    runs: runs.map(shownRun),
    estimatedSeconds: runs.reduce((s, r) => s + (r.isKnown ? 0 : r.estimatedSeconds), 0),
  };
  return { plan, runs };
}

const shownRun = ({ recipe: _, config: __, identity: ___, ...shown }: PlannedRun): ScaleRun => shown;

/** One run of the ladder, from its checkpoint where it was stopped; its seconds count over all calls. */
async function runOne(
  m: TrainingMaterial,
  run: PlannedRun,
  folder: string,
  onStep: (share: number, loss: number) => void,
  watch: Watch,
): Promise<Kept> {
  const known = keptOf(folder, run.identity);
  if (known) return known;
  const scratch = join(folder, run.identity.slice(0, 24));
  const spent = join(scratch, "seconds.json");
  mkdirSync(scratch, { recursive: true });
  const before = existsSync(spent) ? (JSON.parse(readFileSync(spent, "utf8")) as number) : 0;
  const began = process.cpuUsage();
  const seconds = (): number => {
    const { user, system } = process.cpuUsage(began);
    return before + (user + system) / 1e6;
  };
  try {
    const { device, train, heldOut, end } = m;
    const result = await pretrain({
      device,
      model: run.config,
      recipe: run.recipe,
      train,
      heldOut,
      end,
      identity: run.identity,
      folder: scratch,
      progress: e => onStep(e.done ?? 0, Number(e.values?.loss)),
      signal: watch.signal,
      onProblem: problem => watch.emit({ event: "warning", message: problem.message }),
    });
    disposeTree(result.parameters);
    const kept = { loss: result.heldOut, processorSeconds: seconds() };
    writeFileAtomic(fileOf(folder, run.identity), JSON.stringify(kept));
    rmSync(scratch, { recursive: true, force: true });
    return kept;
  } catch (error) {
    if (existsSync(scratch)) writeFileAtomic(spent, JSON.stringify(seconds()));
    throw error;
  }
}

/** What the runs say of the largest of them, and of the whole run. */
export function readLadder(runs: readonly ScaleResult[], target: ScalePlan["target"]): Pick<ScaleReport, "check" | "law" | "prediction"> {
  const largest = runs.reduce((a, b) => (b.parameters * b.tokens >= a.parameters * a.tokens ? b : a));
  const predicted = predictLoss(
    runs.filter(r => r !== largest),
    largest,
  );
  const isWithin = largest.loss >= predicted.low && largest.loss <= predicted.high;
  return { check: { ...predicted, actual: largest.loss, isWithin }, law: fitLossLaw(runs), prediction: predictLoss(runs, target) };
}

/** Errors: project/argument, train/recipe for a budget that holds no ladder; those of the stages before training; base/interrupted. */
export async function scaleModel(
  at: Workspace,
  given: string | undefined,
  { seconds, dryRun = false }: ScaleOptions,
  watch: Watch,
  onPlan: (plan: ScalePlan) => void = () => {},
): Promise<ScalePlan | ScaleReport> {
  const material = await trainingMaterial(at, given, watch);
  const folder = join(at.folder, ".loam", "scale");
  const { plan, runs } = await planScale(material, folder, seconds, watch);
  onPlan(plan);
  if (dryRun) return plan;
  const show = progressFor(watch, "scale");
  const results: ScaleResult[] = [];
  const whole = runs.reduce((s, r) => s + r.estimatedSeconds, 0);
  let done = 0;
  for (const [i, run] of runs.entries()) {
    const name = `run ${i + 1} of ${runs.length}: ${run.layers} layers, width ${run.width}`;
    const onStep = (share: number, loss: number) =>
      show({ stage: "scale", done: (done + share * run.estimatedSeconds) / whole, message: `${name}  loss ${loss.toFixed(3)}` });
    const kept = await runOne(material, run, folder, onStep, watch);
    done += run.estimatedSeconds;
    results.push({ ...shownRun(run), ...kept });
  }
  return {
    ...plan,
    runs: results,
    ...readLadder(results, plan.target),
    processorSeconds: results.reduce((s, r) => s + r.processorSeconds, 0),
  };
}
