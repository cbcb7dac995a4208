/**
 * The training loop over any loss: gradients of micro-batches add up (token-weighted), the norm is looked at before anything is applied, the
 * optimiser updates parameters and state in place. Two native programs a step; batches are packed while one runs. The loop owns no policy:
 * batches, schedule, optimiser and logs are given, and all state it keeps is plain data that a checkpoint holds.
 */
import { defined, type Tree, treeFrom, treeLeaves, treeMap } from "../base/index.ts";
import { type ArraysOf, disposeTree, initialise, type TensorsOf } from "../nn/index.ts";
import { add, type Device, type DeviceArray, type Tensor, valueAuxAndGrad } from "../tensor/index.ts";
import { type BatchArraySpec, checkBatch, type HostBatch, writeBatch } from "./batch.ts";
import { trainErrors } from "./errors.ts";
import { type NoiseEstimate, noiseEstimate } from "./noise-scale.ts";
import { type Optimizer, optimizerStateShapes, squaredNorm, stepScalars, updateAll } from "./optimizer.ts";
import type { Precision } from "./part.ts";
import { type Schedule, scheduleAt } from "./schedule.ts";
import { type TreeProgram, treeProgram } from "./tree-program.ts";

/** A loss and what is measured beside it on the same pass: sums over a micro-batch, which are not scaled and have no gradient. */
export interface MeasuredLoss {
  readonly loss: Tensor;
  readonly measures: Readonly<Record<string, Tensor>>;
}

export interface TrainerOptions<S, B extends Record<string, Tensor>> {
  readonly device: Device;
  readonly specs: S;
  /** Sum of weighted losses times `scale` of one micro-batch; scale is 1 / weight of the whole step. `frozen` is what is given as such. */
  readonly loss: (parameters: TensorsOf<S>, batch: B, scale: Tensor, frozen: never) => Tensor | MeasuredLoss;
  /** Shapes and dtypes of a micro-batch's arrays. */
  readonly batch: { readonly [K in keyof B]: BatchArraySpec };
  readonly optimizer: Optimizer;
  /**
   * Mixed precision. "bf16": operands of large matrix products are rounded to bf16 where the processor has 512-bit vectors; sums, weights,
   * gradients and the optimiser's state stay float32. "f32" where absent.
   */
  readonly precision?: Precision | undefined;
  /** Peak learning rate. */
  readonly rate: number;
  readonly steps: number;
  /** Warm-up, then flat, then down to 0 over the second half, when nothing is said. */
  readonly schedule?: Schedule;
  /** Global norm above which gradients are scaled down (default 1); 0 for never. */
  readonly clip?: number;
  /** Micro-batches a step (default 1), or of a step that counts from 0. */
  readonly accumulate?: number | ((step: number) => number);
  /** Multiple of the scheduled rate at a step that counts from 0. */
  readonly rateFactorAt?: ((step: number) => number) | undefined;
  /** Estimates the gradient's noise at steps of two micro-batches and more. */
  readonly measureNoise?: boolean | undefined;
  /** What the parameters are drawn from (default 1). */
  readonly seed?: number | string;
  /** What they start with instead; the trainer takes the arrays over. */
  readonly start?: ArraysOf<S>;
  /** A tree of arrays that the loss reads and nothing changes: no gradient, no state. They stay the caller's. */
  readonly frozen?: unknown;
  /** Nats by which the loss may lie above its running level; longer than `spikeSteps` stops the run. 0 (the default) for no limit. */
  readonly spike?: number;
  /** Steps in a row above the limit that stop the run: one hard batch is no divergence (default 5). */
  readonly spikeSteps?: number;
  /** Prefix of files with times by operator, written by `endProfiles`. */
  readonly profile?: string;
  /** Lets `peakBytes` tell what the gradient's activations took. */
  readonly measureMemory?: boolean;
}

export interface StepReport {
  readonly step: number;
  /** Mean loss over the step's weight, nats. */
  readonly loss: number;
  /** What the loss measures beside itself, means over the step's weight; empty where it measures nothing. */
  readonly measures: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** With `measureNoise`, at steps of two micro-batches and more. */
  readonly noise?: NoiseEstimate;
  /** Milliseconds inside native programs, and of the whole step. */
  readonly nativeMs: number;
  readonly totalMs: number;
}

/** Everything that a step changes; arrays are owned by the trainer. */
export interface TrainerState<S> {
  readonly parameters: ArraysOf<S>;
  readonly optimizer: Record<string, Record<string, DeviceArray>>;
  readonly step: number;
  /** Running level of the loss (exponential mean over steps that were no spikes). */
  readonly level: number | null;
  /** Steps in a row above the limit. */
  readonly spikes: number;
}

interface GradientResult {
  readonly loss: DeviceArray;
  readonly measures: Readonly<Record<string, DeviceArray>>;
  readonly squared: DeviceArray;
  /** Squared norm of the micro-batch's own gradient, where noise is measured. */
  readonly own: Readonly<Record<string, DeviceArray>>;
  readonly gradients: unknown;
}
interface Programs<S> {
  readonly fresh: TreeProgram<GradientResult>;
  readonly accumulate: TreeProgram<GradientResult>;
  readonly update: TreeProgram<Pick<TrainerState<S>, "parameters" | "optimizer">>;
}

function programs<S, B extends Record<string, Tensor>>(o: TrainerOptions<S, B>): Programs<S> {
  const { device } = o;
  const products = o.precision === undefined ? {} : { products: o.precision };
  const profile = (part: string) => (o.profile === undefined ? {} : { profile: `${o.profile}-${part}` });
  const lossOf = o.loss as (p: Tree<Tensor>, b: unknown, s: Tensor, frozen: Tree<Tensor>) => Tensor | MeasuredLoss;
  const gradientOf = valueAuxAndGrad((p: Tree<Tensor>, b: unknown, s: Tensor, frozen: Tree<Tensor>) => {
    const made = lossOf(p, b, s, frozen);
    return "measures" in made ? [made.loss, made.measures] : [made, {}];
  });
  const finish = (loss: Tensor, measures: MeasuredLoss["measures"], gradients: Tree<Tensor>, own?: Tree<Tensor>) => ({
    loss,
    measures,
    squared: squaredNorm(treeLeaves<Tensor>(gradients)),
    own: own && o.measureNoise ? { squared: squaredNorm(treeLeaves<Tensor>(own)) } : {},
    gradients,
  });
  return {
    // `gradients` is given for its memory alone: the result takes it over
    fresh: treeProgram(
      (parameters: Tree<Tensor>, batch: B, scale: Tensor, _gradients: Tree<Tensor>, frozen: Tree<Tensor>) =>
        finish(...gradientOf(parameters, batch, scale, frozen)),
      {
        device,
        donate: [3],
        fuse: true,
        name: "gradient",
        ...products,
        ...profile("gradient"),
        ...(o.measureMemory ? { measureMemory: true } : {}),
      },
    ),
    accumulate: treeProgram(
      (parameters: Tree<Tensor>, batch: B, scale: Tensor, gradients: Tree<Tensor>, frozen: Tree<Tensor>) => {
        const [loss, measures, next] = gradientOf(parameters, batch, scale, frozen);
        return finish(
          loss,
          measures,
          treeMap<Tensor, Tensor>((g, _, sofar) => add(sofar!, g), next, gradients),
          next,
        );
      },
      { device, donate: [3], fuse: true, name: "accumulate", ...products, ...profile("accumulate") },
    ),
    update: treeProgram(
      (
        parameters: Tree<Tensor>,
        optimizer: Record<string, Record<string, Tensor>>,
        gradients: Tree<Tensor>,
        scalars: Record<string, Tensor>,
      ) => {
        const next = updateAll(o.optimizer, o.specs, {
          parameters,
          gradients,
          state: optimizer,
          scalars,
          gradientScale: scalars.gradientScale!,
        });
        return { parameters: next.parameters, optimizer: next.state };
      },
      { device, donate: [0, 1], fuse: true, name: "update", ...profile("update") },
    ),
  };
}

export interface Trainer<S> {
  readonly state: TrainerState<S>;
  /** One step over `accumulate` micro-batches. Throws `train/diverged` before anything is applied. */
  step(batches: readonly HostBatch[], signal?: AbortSignal): Promise<StepReport>;
  /** Ends profiling; the files (Chrome trace events). */
  endProfiles(): string[];
  /** Most memory that activations took, with `measureMemory`. */
  peakBytes(): number | undefined;
  /** Ends it: the parameters are the caller's, everything else is given back. */
  finish(): ArraysOf<S>;
  dispose(): void;
}

const defaults = {
  schedule: { kind: "wsd", warmup: 10, floor: 0, decayShare: 0.5 },
  clip: 1,
  accumulate: 1,
  seed: 1,
  spike: 0,
  spikeSteps: 5,
} as const satisfies Partial<TrainerOptions<unknown, Record<string, Tensor>>>;

/** Makes a trainer; without `from` the parameters are drawn from the seed. */
export async function createTrainer<S, B extends Record<string, Tensor>>(
  given: TrainerOptions<S, B>,
  from?: TrainerState<S>,
): Promise<Trainer<S>> {
  const o = { ...defaults, ...given };
  const accumulateAt = (step: number): number => microBatchesAt(o, step);
  if (!(o.steps >= 1) || !(o.rate > 0) || !(accumulateAt(0) >= 1) || o.clip < 0)
    throw trainErrors.fail("recipe", {
      place: "trainer",
      expected: "steps >= 1, rate > 0, accumulate >= 1, clip >= 0",
      received: JSON.stringify({ steps: o.steps, rate: o.rate, accumulate: accumulateAt(0), clip: o.clip }),
    });
  const { device } = o;
  const p = programs(o);
  let state: TrainerState<S> = from ?? {
    parameters: o.start ?? (await initialise(o.specs, device, o.seed)),
    optimizer: await zeroState(o, device),
    step: 0,
    level: null,
    spikes: 0,
  };
  const leaves = treeLeaves<DeviceArray>(state.parameters as Tree<DeviceArray>);
  let gradients: unknown = treeFrom(
    state.parameters as Tree<DeviceArray>,
    await Promise.all(leaves.map(a => device.zeros(a.shape, a.dtype))),
  );
  const frozen = o.frozen ?? {};
  /** Places for the micro-batches of a step, by the shapes that differ from the trainer's. */
  const places = new Map<string, Record<string, DeviceArray>[]>();
  async function placeOf(i: number, shapes: HostBatch["shapes"]): Promise<Record<string, DeviceArray>> {
    const key = JSON.stringify(shapes ?? {});
    const own = places.get(key) ?? [];
    places.set(key, own);
    own[i] ??= await batchPlace(o, device, shapes);
    return own[i];
  }
  if (typeof o.accumulate === "number") for (let i = 0; i < o.accumulate; i++) await placeOf(i, undefined);

  /** The gradients' memory; new where a run that was stopped has spoilt it. */
  async function gradientMemory(): Promise<unknown> {
    const arrays = treeLeaves<DeviceArray>(gradients as Tree<DeviceArray>);
    if (arrays.every(a => a.isAlive)) return gradients;
    for (const a of arrays) a.dispose();
    return treeFrom(state.parameters as Tree<DeviceArray>, await Promise.all(leaves.map(a => device.zeros(a.shape, a.dtype))));
  }

  async function step(batches: readonly HostBatch[], signal?: AbortSignal): Promise<StepReport> {
    const started = performance.now();
    const weight = batches.reduce((s, b) => s + b.weight, 0);
    if (batches.length !== accumulateAt(state.step) || !(weight > 0))
      throw trainErrors.fail("data", {
        place: `step ${state.step + 1}`,
        expected: `${accumulateAt(state.step)} micro-batches with some weight`,
        received: `${batches.length} of weight ${weight}`,
      });
    // all of them before the first is run: a step is applied whole or not at all
    for (const [i, b] of batches.entries()) checkBatch(`step ${state.step + 1}, micro-batch ${i + 1}`, o.batch, b);
    let nativeMs = 0;
    const onNative = (ms: number) => {
      nativeMs += ms;
    };
    const run = { onNative, ...defined({ signal }) };
    gradients = await gradientMemory();
    let loss = 0;
    let squared = 0;
    const own: number[] = [];
    const measures: Record<string, number> = {};
    for (const [i, b] of batches.entries()) {
      const place = await placeOf(i, b.shapes);
      await writeBatch(place, b);
      const program = i === 0 ? p.fresh : p.accumulate;
      const made = await program.with(run, state.parameters, place, 1 / weight, gradients, frozen);
      gradients = made.gradients;
      loss += await made.loss.item();
      squared = await made.squared.item();
      if (o.measureNoise) own.push(((await made.own.squared?.item()) ?? squared) * (weight / b.weight) ** 2);
      for (const told of [made.loss, made.squared, ...Object.values(made.own)]) told.dispose();
      for (const [name, measured] of Object.entries(made.measures)) {
        measures[name] = (measures[name] ?? 0) + (await measured.item()) / weight;
        measured.dispose();
      }
    }
    const norm = Math.sqrt(squared);
    guard(o, state, loss, norm, batches);
    const learningRate = o.rate * scheduleAt(o.schedule, state.step, o.steps) * (o.rateFactorAt?.(state.step) ?? 1);
    const scalars = {
      ...stepScalars(o.optimizer, { rate: learningRate, step: state.step + 1 }),
      gradientScale: o.clip > 0 && norm > o.clip ? o.clip / norm : 1,
    };
    // no signal: an update that has begun is finished, or the state would be half of two steps
    const next = await p.update.with({ onNative }, state.parameters, state.optimizer, gradients, scalars);
    const spiked = isSpike(o, state.level, loss);
    const level = state.level === null ? loss : spiked ? state.level : 0.9 * state.level + 0.1 * loss;
    state = { ...next, step: state.step + 1, level, spikes: spiked ? state.spikes + 1 : 0 };
    const noise = noiseEstimate(
      batches.map(b => b.weight),
      own,
      squared,
    );
    const totalMs = performance.now() - started;
    return {
      step: state.step,
      loss,
      measures,
      gradientNorm: norm,
      learningRate,
      ...(o.measureNoise && noise ? { noise } : {}),
      nativeMs,
      totalMs,
    };
  }

  function finish(): ArraysOf<S> {
    for (const a of treeLeaves<DeviceArray>([state.optimizer, gradients, ...places.values()] as Tree<DeviceArray>)) a.dispose();
    for (const c of [p.fresh, p.accumulate, p.update]) c.dispose();
    return state.parameters;
  }

  return {
    get state() {
      return state;
    },
    step,
    peakBytes: () => p.fresh.peakBytes(),
    endProfiles: () => [p.fresh, p.accumulate, p.update].flatMap(c => c.endProfile() ?? []),
    finish,
    dispose: () => disposeTree(finish()),
  };
}

/** Micro-batches of a step that counts from 0. */
export const microBatchesAt = ({ accumulate = 1 }: { readonly accumulate?: number | ((step: number) => number) }, step: number): number =>
  typeof accumulate === "number" ? accumulate : accumulate(step);

/** Is a loss above its limit? */
const isSpike = (o: { readonly spike: number }, level: number | null, loss: number): boolean =>
  o.spike > 0 && level !== null && loss > level + o.spike;

/** A step that must not be applied: says where, how bad, and with which documents. */
function guard(
  o: { readonly spike: number; readonly spikeSteps: number },
  state: { readonly step: number; readonly level: number | null; readonly spikes: number },
  loss: number,
  norm: number,
  batches: readonly HostBatch[],
): void {
  const finite = Number.isFinite(loss) && Number.isFinite(norm);
  if (finite && !(isSpike(o, state.level, loss) && state.spikes + 1 >= o.spikeSteps)) return;
  const documents = batches.flatMap(b => b.documents ?? []).slice(0, 20);
  throw trainErrors.fail("diverged", {
    place: `step ${state.step + 1}`,
    expected: finite ? `a loss near its level ${state.level!.toFixed(3)}` : "a finite loss and gradient",
    received: `loss ${loss}, gradient norm ${norm}${finite ? `, the ${o.spikeSteps}th step in a row` : ""}`,
    hint: `The step was not applied. Documents of the batch: ${documents.join(", ") || "unknown"}. Try a lower rate, more warm-up, or look at these documents.`,
  });
}

async function zeroState<S>(
  o: { readonly optimizer: Optimizer; readonly specs: S },
  device: Device,
): Promise<Record<string, Record<string, DeviceArray>>> {
  const shapes = optimizerStateShapes(o.optimizer, o.specs);
  const made: Record<string, Record<string, DeviceArray>> = {};
  for (const [path, members] of Object.entries(shapes)) {
    made[path] = {};
    for (const [name, spec] of Object.entries(members)) made[path]![name] = await device.zeros(spec.shape, spec.dtype);
  }
  return made;
}

async function batchPlace<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  device: Device,
  shapes: HostBatch["shapes"],
): Promise<Record<string, DeviceArray>> {
  const entries = await Promise.all(
    Object.entries(o.batch).map(async ([name, s]) => [name, await device.zeros(shapes?.[name] ?? s.shape, s.dtype)] as const),
  );
  return Object.fromEntries(entries);
}
