/** The best mesh and micro-batch for a model on a cluster: every layout that divides is timed by the model of a step, and those that fit are ranked. */

import { trainErrors } from "../errors.ts";
import type { Accelerator } from "./accelerators.ts";
import { type RankBytes, rankBytes } from "./memory-model.ts";
import {
  type ModelShape,
  parameterCount,
  type Recompute,
  type StepLayout,
  type StepMethod,
  type StepSecondsByPart,
  stepFlops,
  stepSecondsOf,
} from "./step-model.ts";

export interface PlanRequest {
  readonly accelerator: Accelerator;
  /** Accelerators, which are ranks. */
  readonly count: number;
  readonly shape: ModelShape;
  /** Rows of a step over all ranks. */
  readonly rows: number;
  /** Fused attention and collectives beside computation: how the software works. */
  readonly isFused?: boolean;
  readonly overlaps?: boolean;
  /** Activations between the blocks are split along the sequence over the tensor axis (default: where there is one). */
  readonly isSequenceSplit?: boolean;
  /** Only these; default: what is fastest. */
  readonly recompute?: Recompute | undefined;
  readonly zero?: StepMethod["zero"] | undefined;
  readonly mesh?: Partial<Pick<StepLayout, "data" | "tensor" | "pipeline">> | undefined;
  readonly microRows?: number | undefined;
}

export interface PlannedStep {
  readonly layout: StepLayout;
  readonly method: StepMethod;
  readonly seconds: StepSecondsByPart;
  readonly bytes: RankBytes;
  readonly tokensPerSecond: number;
  /** Model FLOPs utilisation: the step's FLOPs, none of them recomputed, over the peak of all ranks. */
  readonly utilisation: number;
}

export interface TrainingPlan {
  readonly parameters: number;
  readonly memoryBytes: number;
  /** Layouts that were timed, and how many of them fit. */
  readonly tried: number;
  readonly fitting: number;
  readonly best: PlannedStep;
  /** The next best ones of other meshes. */
  readonly others: readonly PlannedStep[];
}

const divisors = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1).filter(d => n % d === 0);

/** Meshes of `count` ranks whose axes divide heads, feed-forward width, vocabulary (padded to 128) and layers. */
function* meshes({ count, shape, mesh = {} }: PlanRequest): Generator<Pick<StepLayout, "data" | "tensor" | "pipeline">> {
  const { heads, kvHeads = heads, hidden, layers } = shape;
  for (const tensor of divisors(count)) {
    if (heads % tensor || kvHeads % tensor || hidden % tensor || (mesh.tensor ?? tensor) !== tensor) continue;
    for (const pipeline of divisors(count / tensor)) {
      const data = count / tensor / pipeline;
      if (layers % pipeline || (mesh.pipeline ?? pipeline) !== pipeline || (mesh.data ?? data) !== data) continue;
      yield { data, tensor, pipeline };
    }
  }
}

const chunksOf = ({ layers }: ModelShape, pipeline: number): number[] =>
  pipeline === 1 ? [1] : divisors(layers / pipeline).filter(c => c <= 8);

function* layouts(r: PlanRequest): Generator<StepLayout> {
  for (const mesh of meshes(r)) {
    if (r.rows % mesh.data) continue;
    const own = r.rows / mesh.data;
    for (const microRows of divisors(own).filter(m => m <= 64 && (r.microRows ?? m) === m))
      for (const chunks of chunksOf(r.shape, mesh.pipeline)) {
        // an interleaved schedule takes micro-batches in groups of the pipeline's size
        if (chunks > 1 && (own / microRows) % mesh.pipeline) continue;
        yield { ...mesh, rows: r.rows, microRows, chunks };
      }
  }
}

function* methods(r: PlanRequest, { tensor, data }: StepLayout): Generator<StepMethod> {
  const common = { isFused: r.isFused ?? true, overlaps: r.overlaps ?? true, isSequenceSplit: r.isSequenceSplit ?? tensor > 1 };
  const zeros = r.zero === undefined ? (data === 1 ? [0 as const] : [0 as const, 1 as const]) : [r.zero];
  const recomputes: readonly Recompute[] = r.recompute ? [r.recompute] : common.isFused ? ["none", "all"] : ["none", "attention", "all"];
  for (const zero of zeros) for (const recompute of recomputes) yield { ...common, zero, recompute };
}

function plannedStep(r: PlanRequest, layout: StepLayout, method: StepMethod): PlannedStep {
  const seconds = stepSecondsOf(r.accelerator, r.shape, layout, method);
  return {
    layout,
    method,
    seconds,
    bytes: rankBytes(r.accelerator, r.shape, layout, method),
    tokensPerSecond: (r.rows * r.shape.length) / seconds.total,
    utilisation: stepFlops(r.shape, r.rows) / seconds.total / (r.accelerator.peak * r.count),
  };
}

const meshKey = ({ layout: { data, tensor, pipeline } }: PlannedStep): string => `${data} ${tensor} ${pipeline}`;

/** Errors: `train/mesh` where no layout divides, `train/memory` where none fits: the least memory that one would take is named. */
export function planTraining(r: PlanRequest): TrainingPlan {
  const { accelerator, count, shape, rows } = r;
  const all: PlannedStep[] = [];
  for (const layout of layouts(r)) for (const method of methods(r, layout)) all.push(plannedStep(r, layout, method));
  if (all.length === 0)
    throw trainErrors.fail("mesh", {
      place: `${count} ranks`,
      expected: `a mesh that divides ${shape.heads} heads, ${shape.layers} layers and ${rows} rows${r.mesh ? `, with ${JSON.stringify(r.mesh)}` : ""}`,
      received: "none",
      hint: "Change the number of ranks, or the rows of a step.",
    });
  const fitting = all.filter(s => s.bytes.total <= accelerator.memoryBytes).sort((a, b) => a.seconds.total - b.seconds.total);
  const [best] = fitting;
  if (!best) {
    const least = all.reduce((a, b) => (b.bytes.total < a.bytes.total ? b : a));
    const { data, tensor, pipeline } = least.layout;
    throw trainErrors.fail("memory", {
      place: `${count} x ${accelerator.name}`,
      expected: `at most ${(accelerator.memoryBytes / 1e9).toFixed(1)} GB a rank`,
      received: `at least ${(least.bytes.total / 1e9).toFixed(1)} GB (data ${data}, tensor ${tensor}, pipeline ${pipeline})`,
      hint: "Use more ranks, or fewer rows of a micro-batch.",
    });
  }
  const byMesh = new Map<string, PlannedStep>();
  for (const s of fitting) if (!byMesh.has(meshKey(s))) byMesh.set(meshKey(s), s);
  return {
    parameters: parameterCount(shape),
    memoryBytes: accelerator.memoryBytes,
    tried: all.length,
    fitting: fitting.length,
    best,
    others: [...byMesh.values()].slice(1, 6),
  };
}
