/** What is looked at before a step is run and before it is applied: batches that fit, sums that are numbers, a loss that has not jumped. */
import { type LoamError, type Tree, treePaths } from "../base/index.ts";
import type { DeviceArray } from "../tensor/index.ts";
import { type BatchArraySpec, checkBatch, type HostBatch } from "./batch.ts";
import { trainErrors } from "./errors.ts";
import type { Blame } from "./parallel/step-ranks.ts";

interface Accumulation {
  readonly accumulate?: number | ((step: number) => number);
}
/** Micro-batches of a step that counts from 0. */
export const microBatchesAt = ({ accumulate = 1 }: Accumulation, step: number): number =>
  typeof accumulate === "number" ? accumulate : accumulate(step);

/** Is a loss above its limit? */
export const isSpike = (o: { readonly spike: number }, level: number | null, loss: number): boolean =>
  o.spike > 0 && level !== null && loss > level + o.spike;

/** May a step be applied? */
export function isSound(
  o: { readonly spike: number; readonly spikeSteps: number },
  state: { readonly level: number | null; readonly spikes: number },
  loss: number,
  norm: number,
): boolean {
  const finite = Number.isFinite(loss) && Number.isFinite(norm);
  return finite && !(isSpike(o, state.level, loss) && state.spikes + 1 >= o.spikeSteps);
}

/** Paths of a tree's arrays that have an element that is no finite number, or whose squared norm is none in float32; arrays that are gone are left out. */
export async function notFinitePaths(tree: unknown): Promise<string[]> {
  const found: string[] = [];
  for (const [path, array] of treePaths<DeviceArray>(tree as Tree<DeviceArray>)) {
    if (!array.isAlive) continue;
    let squared = 0;
    for (const x of await array.numbers()) squared += x * x;
    if (!Number.isFinite(Math.fround(squared))) found.push(path);
  }
  return found;
}

/** "a, b, c and 4 more" */
const firstOf = (names: readonly string[], most = 3): string =>
  names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", ");

/** The error of a step that must not be applied: says where, how bad, in which parameters' gradients, and with which documents. */
export function diverged(
  o: { readonly spikeSteps: number },
  state: { readonly step: number; readonly level: number | null },
  { loss, norm }: { readonly loss: number; readonly norm: number },
  { ranks, documents, parameters }: Blame,
): LoamError {
  const finite = Number.isFinite(loss) && Number.isFinite(norm);
  const where = ranks.length ? ` on rank ${ranks.join(", ")}` : "";
  const which = parameters.length ? ` Gradients that are not finite: ${firstOf(parameters)}.` : "";
  return trainErrors.fail("diverged", {
    place: `step ${state.step + 1}`,
    expected: finite ? `a loss near its level ${state.level!.toFixed(3)}` : "a finite loss and gradient",
    received: `loss ${loss}, gradient norm ${norm}${where}${finite ? `, the ${o.spikeSteps}th step in a row` : ""}`,
    hint: `The step was not applied.${which} Documents of the batch: ${documents.join(", ") || "unknown"}. Try a lower rate, more warm-up, or look at these documents.`,
  });
}

/** The error of a step's batches that are too few, too many, or of no weight. */
export const wrongBatches = (o: Accumulation, step: number, batches: readonly HostBatch[], weight: number): LoamError =>
  trainErrors.fail("data", {
    place: `step ${step + 1}`,
    expected: `${microBatchesAt(o, step)} micro-batches with some weight`,
    received: `${batches.length} of weight ${weight}`,
  });

/** Weights of a step's micro-batches. All of them are checked before the first is run: a step is applied whole or not at all. */
export function checkedWeights(
  o: Accumulation & { readonly batch: Readonly<Record<string, BatchArraySpec>> },
  step: number,
  batches: readonly HostBatch[],
): number[] {
  const weights = batches.map(b => b.weight);
  if (batches.length !== microBatchesAt(o, step))
    throw wrongBatches(
      o,
      step,
      batches,
      weights.reduce((s, w) => s + w, 0),
    );
  for (const [i, b] of batches.entries()) checkBatch(`step ${step + 1}, micro-batch ${i + 1}`, o.batch, b);
  return weights;
}
