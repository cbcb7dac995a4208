/**
 * The native programs of a step: gradients of a micro-batch, gradients added to what there is, and the optimiser's update. The first two keep what
 * their forward pass leaves in bf16 where that is their precision, and recompute as much of it as their memory asks for.
 */
import { defined, type Tree, treeLeaves, treeMap, treePaths } from "../base/index.ts";
import type { ParameterSpec } from "../nn/index.ts";
import { add, type DeviceArray, type KeepOptions, type Tensor, valueAuxAndGrad } from "../tensor/index.ts";
import { type AdversarialGradients, type BothGradients, projectedGradient } from "./adversary/adversarial-gradients.ts";
import type { BatchArraySpec } from "./batch.ts";
import { trainErrors } from "./errors.ts";
import { squaredNorm, updateAll } from "./optimizer.ts";
import type { ComputedPrecision } from "./part.ts";
import { fasterPrecision, hasBf16, type PrecisionTimes, timePrecisions } from "./precision.ts";
import { type PrecisionConditions, precisionChoices } from "./precision-choices.ts";
import { clippedSum, type PrivateGradients } from "./private/private-gradients.ts";
import type { MeasuredLoss, TrainerOptions, TrainerState } from "./trainer.ts";
import { type TreeProgram, treeProgram } from "./tree-program.ts";

export interface GradientResult {
  readonly loss: DeviceArray;
  readonly measures: Readonly<Record<string, DeviceArray>>;
  readonly squared: DeviceArray;
  /** Squared norm of the micro-batch's own gradient, where noise is measured. */
  readonly own: Readonly<Record<string, DeviceArray>>;
  readonly gradients: unknown;
}
interface TrainerPrograms<S> {
  readonly fresh: TreeProgram<GradientResult>;
  readonly accumulate: TreeProgram<GradientResult>;
  readonly update: TreeProgram<Pick<TrainerState<S>, "parameters" | "optimizer">>;
}

/** How the gradient is computed. */
interface GradientForm {
  readonly precision: ComputedPrecision;
  /** Most memory for activations; absent: as much as they take. */
  readonly budgetBytes?: number | undefined;
}

type Arrays = Record<string, Tensor>;
type TracedLoss = (p: Tree<Tensor>, b: Arrays, s: Tensor, frozen: Tree<Tensor>) => Tensor | MeasuredLoss;
/** Loss, measures, gradient. */
type GradientOf = (p: Tree<Tensor>, b: Arrays, s: Tensor, frozen: Tree<Tensor>) => [Tensor, MeasuredLoss["measures"], Tree<Tensor>];

const ordinaryGradient = (loss: TracedLoss): GradientOf =>
  valueAuxAndGrad((p: Tree<Tensor>, b: Arrays, s: Tensor, frozen: Tree<Tensor>) => {
    const made = loss(p, b, s, frozen);
    return "measures" in made ? [made.loss, made.measures] : [made, {}];
  });
/** The sum of clipped gradients; measures beside the loss are left out. */
function privateGradient(loss: TracedLoss, privacy: PrivateGradients): GradientOf {
  const sums = clippedSum((p, b, s, frozen) => {
    const made = loss(p, b, s, frozen);
    return "measures" in made ? made.loss : made;
  }, privacy);
  return (p, b, s, frozen) => {
    const found = sums(p, b, s, frozen);
    return [found.loss, {}, found.gradients];
  };
}

/** Gradients of the loss and of its adversary, one tree of each; equal nodes of the two passes are joined. */
function bothGradients(loss: TracedLoss): GradientOf {
  const ofTask = ordinaryGradient(loss);
  const ofAdversary = valueAuxAndGrad((p: Tree<Tensor>, b: Arrays, s: Tensor, frozen: Tree<Tensor>) => {
    const made = loss(p, b, s, frozen);
    if (!("measures" in made) || !made.adversary)
      throw trainErrors.fail("recipe", { place: "trainer.adversarial", expected: "a loss with an adversary beside it", received: "none" });
    return [made.adversary, {}] as const;
  });
  return (p, b, s, frozen) => {
    const [value, measures, task] = ofTask(p, b, s, frozen);
    const [, , adversary] = ofAdversary(p, b, s, frozen);
    return [value, measures, { task, adversary }];
  };
}

/** Of what added up, the gradient that the update takes. */
const updateGradient = (adversarial: AdversarialGradients | undefined, gradients: Tree<Tensor>): Tree<Tensor> =>
  // what `bothGradients` gives
  adversarial ? projectedGradient(adversarial, gradients as unknown as BothGradients) : gradients;

/** The optimiser's update of parameters and state, in place. */
export function updateProgram<S, B extends Record<string, Tensor>>(o: TrainerOptions<S, B>): TrainerPrograms<S>["update"] {
  const { device } = o;
  const applied = (gradients: Tree<Tensor>) => updateGradient(o.adversarial, gradients);
  const profile = o.profile === undefined ? {} : { profile: `${o.profile}-update` };
  return treeProgram(
    (
      parameters: Tree<Tensor>,
      optimizer: Record<string, Record<string, Tensor>>,
      gradients: Tree<Tensor>,
      scalars: Record<string, Tensor>,
      noise: Tree<Tensor>,
    ) => {
      const next = updateAll(o.optimizer, o.specs, {
        parameters,
        gradients: o.adversarial
          ? applied(gradients)
          : o.privacy
            ? treeMap<Tensor, Tensor>((g, _, drawn) => add(g, drawn!), gradients, noise)
            : gradients,
        state: optimizer,
        scalars,
        gradientScale: scalars.gradientScale!,
      });
      return { parameters: next.parameters, optimizer: next.state };
    },
    { device, donate: [0, 1], fuse: true, name: "update", ...profile },
  );
}

function trainerPrograms<S, B extends Record<string, Tensor>>(o: TrainerOptions<S, B>, form: GradientForm): TrainerPrograms<S> {
  const { device } = o;
  const keep: KeepOptions = {
    forward: ["loss", "measures"],
    storage: form.precision,
    ...defined({ budgetBytes: form.budgetBytes }),
  };
  const passes = { device, donate: [3], fuse: true, keep, products: form.precision };
  const profile = (part: string) => (o.profile === undefined ? {} : { profile: `${o.profile}-${part}` });
  const lossOf = o.loss as TracedLoss;
  const gradientOf = o.privacy ? privateGradient(lossOf, o.privacy) : o.adversarial ? bothGradients(lossOf) : ordinaryGradient(lossOf);
  const applied = (gradients: Tree<Tensor>) => updateGradient(o.adversarial, gradients);
  const finish = (loss: Tensor, measures: MeasuredLoss["measures"], gradients: Tree<Tensor>, own?: Tree<Tensor>) => ({
    loss,
    measures,
    squared: squaredNorm(treeLeaves<Tensor>(applied(gradients))),
    own: own && o.measureNoise ? { squared: squaredNorm(treeLeaves<Tensor>(applied(own))) } : {},
    gradients,
  });
  return {
    // `gradients` is given for its memory alone: the result takes it over
    fresh: treeProgram(
      (parameters: Tree<Tensor>, batch: B, scale: Tensor, _gradients: Tree<Tensor>, frozen: Tree<Tensor>) =>
        finish(...gradientOf(parameters, batch, scale, frozen)),
      {
        ...passes,
        name: "gradient",
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
      { ...passes, name: "accumulate", ...profile("accumulate") },
    ),
    update: updateProgram(o),
  };
}

const disposeAll = (p: Pick<TrainerPrograms<unknown>, "fresh" | "accumulate" | "update">): void => {
  for (const c of [p.fresh, p.accumulate, p.update]) c.dispose();
};

/** A trainer's programs in the precision that is asked for. */
interface PrecisePrograms<S> {
  readonly programs: TrainerPrograms<S>;
  readonly precision: ComputedPrecision;
  /** Where it was chosen by timing. */
  readonly times: PrecisionTimes | undefined;
}

const conditionsOf = <S, B extends Record<string, Tensor>>(
  { device, specs, batch }: TrainerOptions<S, B>,
  budgetBytes: number | undefined,
): PrecisionConditions => {
  const { threads } = device.capabilities.details;
  return {
    device: device.name,
    threads: typeof threads === "number" ? threads : undefined,
    parameters: treePaths(specs as Tree<ParameterSpec>).map(([path, { shape }]) => [path, shape]),
    batch: Object.fromEntries(Object.entries<BatchArraySpec>(batch).map(([name, { shape }]) => [name, shape])),
    budgetBytes: budgetBytes ?? null,
  };
};

/** The programs; for "auto" those of the faster precision, of which `run` runs one gradient on the trainer's own arrays. */
export async function precisePrograms<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  budgetBytes: number | undefined,
  run: (program: TreeProgram<GradientResult>, onNative: (ms: number) => void) => Promise<void>,
): Promise<PrecisePrograms<S>> {
  const of = (precision: ComputedPrecision) => trainerPrograms(o, { precision, budgetBytes });
  const { precision = "f32" } = o;
  if (precision !== "auto") return { programs: of(precision), precision, times: undefined };
  if (!hasBf16(o.device)) return { programs: of("f32"), precision: "f32", times: undefined };
  const choices = precisionChoices();
  const conditions = conditionsOf(o, budgetBytes);
  const known = choices?.recall(conditions);
  if (known) return { programs: of(known), precision: known, times: undefined };
  const both = { f32: of("f32"), bf16: of("bf16") };
  try {
    const times = await timePrecisions(async side => {
      let ms = 0;
      await run(both[side].fresh, native => {
        ms += native;
      });
      return ms;
    });
    const chosen = fasterPrecision(times);
    choices?.keep(conditions, chosen, times);
    disposeAll(both[chosen === "f32" ? "bf16" : "f32"]);
    return { programs: both[chosen], precision: chosen, times };
  } catch (error) {
    disposeAll(both.f32);
    disposeAll(both.bf16);
    throw error;
  }
}
