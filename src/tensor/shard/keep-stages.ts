/**
 * What a rank's stages leave for their backward passes, in less memory: values kept in 16 bits, and values computed again as a budget asks for, the cheapest
 * first (Chen et al. 2016). A stage waits with as many micro-batches as its plan has between forward and backward. Values that ranks have exchanged are
 * kept: what is computed again sends nothing. What may be dropped, and in which order, is said by `keep-activations.ts`.
 */
import { formatBytes, withDetails } from "../../base/index.ts";
import type { ProductDType } from "../backend.ts";
import { reachable } from "../body.ts";
import { foretoldPeakBytes } from "../compile.ts";
import { bytesOf } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { Choices, type KeptReport } from "../keep-activations.ts";
import { keptValues, narrowable, twoPasses } from "../kept.ts";
import type { Tensor } from "../tensor.ts";
import { type CutGraph, cutGraph, type PassedValue } from "./cut-graph.ts";
import type { PipelinePlan } from "./pipeline-schedule.ts";
import { rankSteps } from "./rank-steps.ts";
import type { OwnStage, PipelineRankOptions } from "./run-pipeline.ts";
import { simplifiedForRules } from "./shard-graph.ts";

export interface StageKeepOptions {
  /** "bf16": large values that wait are kept in 16 bits, where the device has code for that. */
  readonly storage?: ProductDType | undefined;
  /** Most memory for values that wait for backward passes and those within a pass, together; as much as it takes is computed again. */
  readonly budgetBytes?: number | undefined;
  /** The plan with the most micro-batches. */
  readonly plan: PipelinePlan;
}

/** Degrees between keeping all and computing all again that can be. */
const degrees = 8;

interface StageForm {
  readonly own: OwnStage;
  /** Of one micro-batch. */
  readonly waitingBytes: number;
  /** Most of a pass, foretold. */
  readonly passBytes: number;
  readonly narrowed: number;
  readonly recomputed: number;
}

type ComputedWith = Pick<PipelineRankOptions, "device" | "products" | "fuse" | "attention">;

const bytesOfValue = ({ shape, dtype }: PassedValue): number => bytesOf(shape, dtype);
const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);

/** Bytes of what the first of two passes leaves, and of what it was sent. */
const waitingBytes = ({ values, inputs }: CutGraph, { graph, stage }: OwnStage): number =>
  sum(values.filter(v => v.from === 0).map(bytesOfValue)) +
  sum(inputs.flatMap((n, i) => (stage.received.includes(graph.inputs[i]!.attributes.name) ? [bytesOfValue(values[n]!)] : [])));

/** Most memory of a pass between its meetings with other ranks. */
function passBytes(graph: Graph, o: ComputedWith): number {
  const { steps, values } = rankSteps(simplifiedForRules(graph)).cut;
  const bytes = steps.map((step, i) => {
    const passed = sum(values.filter(v => v.from >= 0 && v.from < i && v.lastUse >= i).map(bytesOfValue));
    // meetings are odd steps
    return passed + (i % 2 === 0 && step.outputs.length > 0 ? (foretoldPeakBytes(step.graph, o) ?? 0) : 0);
  });
  return Math.max(0, ...bytes);
}

/** The forms of one stage. */
function stageForms(own: OwnStage, o: ComputedWith, { storage }: StageKeepOptions) {
  const { stage, graph } = own;
  const results = stage.results.length + stage.sent.length;
  const passes = twoPasses(simplifiedForRules(graph), new Set(Array.from({ length: results }, (_, i) => i)));
  const kept = keptValues(passes);
  const { capabilities } = o.device.backend;
  const narrows = (storage === "bf16" && capabilities.narrows === true) || (storage === "f16" && capabilities.halves === true);
  const narrowed = new Set(narrows ? narrowable(kept) : []);
  const choices = new Choices(passes, kept, { narrowed, words: storage === "f16" ? "f16" : "bf16" }, () => 0);

  /** With the first so many of what may be dropped computed again; undefined where that cannot be. */
  return (degree: number): StageForm | undefined => {
    const choice = choices.first(Math.round((degree / degrees) * choices.order.length));
    if (!choice) return undefined;
    const forward = new Set<Tensor>(reachable(choice.graph.outputs.slice(0, results)));
    const cut = cutGraph(choice.graph, t => (forward.has(t) ? 0 : 1), 2);
    return {
      own: { ...own, passes: cut },
      waitingBytes: waitingBytes(cut, own),
      passBytes: Math.max(...cut.steps.map(step => passBytes(step.graph, o))),
      narrowed: [...narrowed].filter(t => !choice.dropped.has(t)).length,
      recomputed: choice.dropped.size,
    };
  };
}

/** Most bytes that wait at once in a rank's part of a plan. */
function mostWaitingBytes(plan: PipelinePlan, place: number, bytesOfStage: (stage: number) => number): number {
  let [now, most] = [0, 0];
  for (const a of plan.ranks[place]!) {
    if (a.kind === "forward") now += bytesOfStage(a.stage);
    else if (a.kind === "backward") now -= bytesOfStage(a.stage);
    most = Math.max(most, now);
  }
  return most;
}

/** A rank's stages in the wanted forms. Errors: tensor/memory with `leastBytes`, tensor/device where memory cannot be foretold. */
export function keepStages(
  o: ComputedWith & Pick<PipelineRankOptions, "place" | "stages">,
  keep: StageKeepOptions,
): { readonly stages: ReadonlyMap<number, OwnStage>; readonly report: KeptReport } {
  const { budgetBytes, plan } = keep;
  if (budgetBytes !== undefined && !o.device.backend.estimatePeakBytes)
    throw tensorErrors.fail("device", {
      place: "stages: memory",
      expected: "a device that foretells the memory of a program (cpu, webgpu)",
      received: o.device.backend.capabilities.name,
      hint: "Leave the memory budget out, or lower the rows of a micro-batch.",
    });
  const forms = new Map(Array.from(o.stages, ([n, own]) => [n, stageForms(own, o, keep)] as const));
  let least = Number.POSITIVE_INFINITY;
  let plainBytes: number | undefined;
  for (let degree = 0; degree <= (budgetBytes === undefined ? 0 : degrees); degree++) {
    const of = new Map<number, StageForm>();
    for (const [n, form] of forms) {
      const made = form(degree);
      if (made) of.set(n, made);
    }
    if (of.size < forms.size) continue;
    const waiting = mostWaitingBytes(plan, o.place, n => of.get(n)!.waitingBytes);
    plainBytes ??= waiting;
    const bytes = waiting + Math.max(0, ...Array.from(of.values(), f => f.passBytes));
    least = Math.min(least, bytes);
    if (budgetBytes !== undefined && bytes > budgetBytes) continue;
    const count = (key: "narrowed" | "recomputed") => sum(Array.from(of.values(), f => f[key]));
    return {
      stages: new Map(Array.from(of, ([n, f]) => [n, f.own] as const)),
      report: { estimatedBytes: bytes, plainBytes, keptBytes: waiting, narrowed: count("narrowed"), recomputed: count("recomputed") },
    };
  }
  throw withDetails(
    tensorErrors.fail("memory", {
      place: "stages",
      expected: `at least ${formatBytes(least)} for activations`,
      received: formatBytes(budgetBytes!),
      hint: "Raise the budget, or compute less at once: fewer rows, or shorter ones.",
    }),
    { leastBytes: least },
  );
}
