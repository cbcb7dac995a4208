/**
 * A loss cut into the stages of a pipeline. The forward graph is cut where parameters of a later stage come in, and each stage is differentiated by itself:
 * its backward pass takes the cotangents of what it sent and gives those of what it received. A value that a later stage reads is relayed by those between.
 * A parameter that several stages read (a tied table, biases of positions) is each one's own, and their gradients are to be added up. Idea: GPipe
 * (Huang et al. 2019); tied tables at both ends as in Megatron-LM (Narayanan et al. 2021).
 */
import { reachable } from "../body.ts";
import { tensorErrors } from "../errors.ts";
import * as f from "../functions.ts";
import { vjp } from "../grad.ts";
import { type Graph, graphOf } from "../graph.ts";
import { constant, input, isKind, Tensor } from "../tensor.ts";
import { type CutGraph, cutGraph } from "./cut-graph.ts";
import { simplifiedForRules } from "./shard-graph.ts";

export interface PipelineStage {
  /** Inputs: parameters, batch, received, cotangents of what is sent. Outputs: results, sent, gradients of parameters, cotangents of what is received. */
  readonly graph: Graph;
  /** Names of the loss's inputs that this stage reads; parameters are those that `stageOf` knows. */
  readonly parameters: readonly string[];
  readonly batch: readonly string[];
  /** Names of values that pass between stages. */
  readonly received: readonly string[];
  readonly sent: readonly string[];
  /** Names of those of them that have gradients. */
  readonly receivedFloats: readonly string[];
  readonly sentFloats: readonly string[];
  /** Numbers of the loss graph's outputs that this stage computes. */
  readonly results: readonly number[];
}

export interface PipelineStages {
  readonly stages: readonly PipelineStage[];
  /** Parameters of more than one stage: their gradients are added up over them. */
  readonly shared: ReadonlyMap<string, readonly number[]>;
}

interface StageOptions {
  readonly stages: number;
  /** The first stage that reads a parameter; undefined for an input of the batch, which every stage is given. */
  stageOf(input: string): number | undefined;
}

/** Which stage computes each activation; what depends on no parameter, or on no input of the batch, each stage computes for itself. */
function placedNodes(graph: Graph, { stages, stageOf }: StageOptions) {
  const stage = new Map<Tensor, number>();
  const onBatch = new Set<Tensor>();
  const onParameters = new Set<Tensor>();
  for (const t of reachable(graph.outputs)) {
    const own = isKind(t, "input") ? stageOf(t.attributes.name) : undefined;
    if (own !== undefined && !(Number.isInteger(own) && own >= 0 && own < stages))
      throw tensorErrors.fail("mesh", { place: "cutStages: stageOf", expected: `a stage from 0 to ${stages - 1}`, received: String(own) });
    stage.set(
      t,
      t.inputs.reduce((most, x) => Math.max(most, stage.get(x)!), own ?? 0),
    );
    if (isKind(t, "input") ? own === undefined : t.inputs.some(x => onBatch.has(x))) onBatch.add(t);
    if (isKind(t, "input") ? own !== undefined : t.inputs.some(x => onParameters.has(x))) onParameters.add(t);
  }
  const isActivation = (t: Tensor): boolean => !isKind(t, "input") && onBatch.has(t) && onParameters.has(t);
  return { stageOf: (t: Tensor) => stage.get(t)!, isActivation };
}

/** What a stage computes, over its own copies of inputs. */
class StageBuilder {
  readonly inputs = new Map<string, Tensor<"input">>();
  readonly #made = new Map<Tensor, Tensor>();
  readonly #isParameter: (name: string) => boolean;

  constructor(isParameter: (name: string) => boolean) {
    this.#isParameter = isParameter;
  }

  give(t: Tensor, made: Tensor): void {
    this.#made.set(t, made);
  }

  get(output: Tensor): Tensor {
    for (const t of reachable([output], 0, this.#made)) {
      if (this.#made.has(t)) continue;
      if (isKind(t, "input")) {
        const own = input(t.attributes.name, t.shape, t.dtype);
        this.inputs.set(t.attributes.name, own);
        this.#made.set(t, own);
      } else
        this.#made.set(
          t,
          t.inputs.length === 0
            ? t
            : new Tensor(
                t.kind,
                t.inputs.map(x => this.#made.get(x)!),
                t.attributes,
              ),
        );
    }
    return this.#made.get(output)!;
  }

  of(isParameter: boolean): Tensor<"input">[] {
    return [...this.inputs.values()].filter(t => this.#isParameter(t.attributes.name) === isParameter);
  }
}

/** One stage with its derivative. */
function stageOver(
  builder: StageBuilder,
  passed: {
    readonly received: ReadonlyMap<string, Tensor>;
    readonly sent: ReadonlyMap<string, Tensor>;
    readonly names: ReadonlyMap<Tensor, string>;
  },
  outputs: ReadonlyMap<number, Tensor>,
  isLast: boolean,
): PipelineStage {
  const received = Array.from(passed.received, ([name, t]) => {
    const own = input(name, t.shape, t.dtype);
    builder.give(t, own);
    return own;
  });
  const results = Array.from(outputs, ([, t]) => builder.get(t));
  const sent = Array.from(passed.sent, ([name, t]) => ({ name, value: builder.get(t) }));
  const [parameters, batch] = [builder.of(true), builder.of(false)];
  const sentFloats = sent.filter(s => f.isFloatTensor(s.value));
  const cotangents = sentFloats.map(s => input(`d.${s.name}`, s.value.shape, s.value.dtype));
  // the sum of what goes out, each times its cotangent: its gradients are those of the whole loss
  const terms = sentFloats.map((s, i) => f.sum(f.cast(f.mul(s.value, cotangents[i]!), "f32")));
  const [loss] = outputs.keys();
  const total = [...(isLast && loss === 0 ? [f.cast(results[0]!, "f32")] : []), ...terms].reduce<Tensor | undefined>(
    (sofar, t) => (sofar ? f.add(sofar, t) : t),
    undefined,
  );
  const receivedFloats = received.filter(f.isFloatTensor);
  const targets = [...parameters.filter(f.isFloatTensor), ...receivedFloats];
  const slopes = total && targets.length ? vjp(total, targets, constant(1)) : [];
  const gradients = targets.map((t, i) => (slopes[i] ? f.broadcastTo(slopes[i], t.shape) : f.zeros(t.shape, t.dtype)));
  const nameOf = (t: Tensor<"input">) => t.attributes.name;
  return {
    graph: graphOf([...parameters, ...batch, ...received, ...cotangents], [...results, ...sent.map(s => s.value), ...gradients]),
    parameters: parameters.filter(f.isFloatTensor).map(nameOf),
    batch: batch.map(nameOf),
    received: received.map(nameOf),
    sent: sent.map(s => s.name),
    receivedFloats: receivedFloats.map(nameOf),
    sentFloats: sentFloats.map(s => s.name),
    results: [...outputs.keys()],
  };
}

/**
 * The stages of a loss: `graph` is a forward program whose first output is the loss. Errors: tensor/mesh for stages that nothing is left for, or for a
 * parameter whose stage is none.
 */
export function cutStages(given: Graph, options: StageOptions): PipelineStages {
  const graph = simplifiedForRules(given);
  const { stageOf, isActivation } = placedNodes(graph, options);
  const { stages: count } = options;
  const nodes = reachable(graph.outputs);
  const lastUse = new Map<Tensor, number>();
  for (const t of nodes) {
    if (!isActivation(t)) continue;
    for (const x of t.inputs) if (isActivation(x)) lastUse.set(x, Math.max(lastUse.get(x) ?? 0, stageOf(t)));
  }
  const names = new Map<Tensor, string>();
  for (const t of nodes) if (isActivation(t) && (lastUse.get(t) ?? 0) > stageOf(t)) names.set(t, `p${names.size}`);
  const crossing = (boundary: number) =>
    new Map(Array.from(names).flatMap(([t, name]) => (stageOf(t) < boundary && lastUse.get(t)! >= boundary ? [[name, t] as const] : [])));
  if (graph.outputs[0] && stageOf(graph.outputs[0]) !== count - 1)
    throw tensorErrors.fail("mesh", {
      place: "cutStages",
      expected: `parameters of the last of ${count} stages`,
      received: `a loss that stage ${stageOf(graph.outputs[0])} computes`,
      hint: "Use fewer stages, or give the last one a block.",
    });
  const stages = Array.from({ length: count }, (_, stage) => {
    const builder = new StageBuilder(name => options.stageOf(name) !== undefined);
    const outputs = new Map(graph.outputs.flatMap((t, i) => (stageOf(t) === stage ? [[i, t] as const] : [])));
    return stageOver(builder, { received: crossing(stage), sent: crossing(stage + 1), names }, outputs, stage === count - 1);
  });
  const owners = new Map<string, number[]>();
  for (const [i, s] of stages.entries()) for (const name of s.parameters) owners.set(name, [...(owners.get(name) ?? []), i]);
  return { stages, shared: new Map([...owners].filter(([, of]) => of.length > 1)) };
}

/**
 * The two programs of a stage, or of a rank's part of one: the forward pass (results, sent, what waits for the backward pass), and the backward pass. `graph`
 * has the stage's outputs in their order.
 */
export function stagePasses(graph: Graph, { results, sent }: Pick<PipelineStage, "results" | "sent">): CutGraph {
  const simplified = simplifiedForRules(graph);
  const forward = new Set(reachable(simplified.outputs.slice(0, results.length + sent.length)));
  return cutGraph(simplified, t => (forward.has(t) ? 0 : 1), 2);
}

/** Cuts a row of costs into so many neighbouring parts that the dearest is as cheap as can be; where each part begins. */
export function balancedStages(costs: readonly number[], stages: number): number[] {
  if (!(Number.isInteger(stages) && stages >= 1 && stages <= costs.length))
    throw tensorErrors.fail("mesh", { place: "balancedStages", expected: `1 to ${costs.length} stages`, received: String(stages) });
  const before = [0];
  for (const c of costs) before.push(before.at(-1)! + c);
  /** The least of the dearest part of the first `end` costs in `parts` parts, and where the last begins. */
  let rows = costs.map((_, i) => ({ dearest: before[i + 1]!, starts: [0] }));
  for (let parts = 2; parts <= stages; parts++)
    rows = costs.map((_, end) => {
      let best = { dearest: Number.POSITIVE_INFINITY, starts: [0] };
      for (let start = parts - 1; start <= end; start++) {
        const { dearest, starts } = rows[start - 1]!;
        const most = Math.max(dearest, before[end + 1]! - before[start]!);
        if (most < best.dearest) best = { dearest: most, starts: [...starts, start] };
      }
      return best;
    });
  return rows.at(-1)!.starts;
}
