/**
 * A rank of a pipeline on a device: it carries out its part of a plan, keeps what waits for a backward pass, adds gradients up over micro-batches. Programs of
 * its stages may be sharded themselves; then all ranks of a stage do the same at once.
 */
import { type Compiled, compile } from "../compile.ts";
import type { Device } from "../device.ts";
import type { DeviceArray } from "../device-array.ts";
import { bytesOf } from "../dtype.ts";
import * as f from "../functions.ts";
import type { Graph } from "../graph.ts";
import type { Tensor } from "../tensor.ts";
import type { RankCollectives } from "./collectives.ts";
import type { CutGraph } from "./cut-graph.ts";
import type { PipelineAction, PipelinePlan } from "./pipeline-schedule.ts";
import { type PipelineStage, stagePasses } from "./pipeline-stages.ts";
import { openRankProgram, type RankExecutable, type RankProgramOptions } from "./run-sharded.ts";

type Arrays = Readonly<Record<string, DeviceArray>>;

/** A stage that the rank has: by itself, or as the rank's program of it. */
export interface OwnStage {
  readonly stage: PipelineStage;
  /** `stage.graph`, or what `shardGraph` made of it for this rank, with its inputs and outputs in their order. */
  readonly graph: Graph;
  /** The programs of its two passes, where they are not those that `stagePasses` makes of the graph. */
  readonly passes?: CutGraph;
}

/** Parameters that are there for a stage's passes alone. */
export interface StageParameters {
  /** Those of a stage, by name, before one of its passes; called in the order of the passes, one ahead. */
  take(stage: number): Promise<Arrays>;
  /** Gives them back after the pass. */
  release(parameters: Arrays): void;
  /** Takes a stage's gradients over, by name, after its backward pass. */
  add(stage: number, gradients: Arrays): Promise<void>;
}

export interface PipelineRankOptions extends Omit<RankProgramOptions, "donate"> {
  /** Carries out forward passes alone, and keeps nothing for those back: what is wanted are the results. */
  readonly isForward?: boolean;
  /** The rank's place along the pipeline axis. */
  readonly place: number;
  /** Its stages by their numbers: those that plans give it. */
  readonly stages: ReadonlyMap<number, OwnStage>;
  /** The rank of the mesh at another place of the pipeline; the place itself where absent. */
  rankAt?(place: number): number;
}

export interface PipelineResult {
  /** Numbers of the outputs that the rank's stages compute, an array a micro-batch. */
  readonly results: ReadonlyMap<number, readonly DeviceArray[]>;
  /** By parameter, added up over micro-batches and the rank's stages. */
  readonly gradients: Arrays;
  /** Most bytes of values that waited for backward passes at once. */
  readonly waitingBytes: number;
}

/** A stage's two programs, and its values' numbers by name. */
class StageExecutable {
  readonly stage: PipelineStage;
  readonly #graph: Graph;
  readonly #cut: CutGraph;
  readonly #passes: readonly [RankExecutable, RankExecutable];

  constructor({ stage, graph, passes }: OwnStage, options: RankProgramOptions) {
    this.stage = stage;
    this.#graph = graph;
    this.#cut = passes ?? stagePasses(graph, stage);
    const [forward, backward] = this.#cut.steps.map(step => openRankProgram({ graph: step.graph }, options));
    this.#passes = [forward!, backward!];
  }

  shapeOf(name: string): Tensor<"input"> {
    return this.#graph.inputs.find(t => t.attributes.name === name)!;
  }

  /** Runs a pass; `kept` are values of the pass before it, `given` arrays of inputs. Gives the values that it makes, by their numbers. */
  async pass(
    step: 0 | 1,
    given: Arrays,
    kept: ReadonlyMap<number, DeviceArray>,
    collectives: RankCollectives,
  ): Promise<Map<number, DeviceArray>> {
    const { inputs, outputs } = this.#cut.steps[step]!;
    const names = new Map(this.#cut.inputs.map((n, i) => [n, this.#graph.inputs[i]!.attributes.name]));
    const made = await this.#passes[step].run(
      inputs.map(n => kept.get(n) ?? given[names.get(n)!]!),
      collectives,
    );
    return new Map(outputs.map((n, i) => [n, made[i]!]));
  }

  /** An output of the stage: a value that a pass made, or an input that it passes on as it is. */
  output(at: number, made: ReadonlyMap<number, DeviceArray>, given: Arrays): DeviceArray {
    const n = this.#cut.outputs[at]!;
    const own = this.#cut.inputs.indexOf(n);
    return made.get(n) ?? given[this.#graph.inputs[own]!.attributes.name]!;
  }

  dispose(): void {
    for (const p of this.#passes) p.dispose();
  }
}

type Sum = Compiled<[Record<string, Tensor>, Record<string, Tensor>], Record<string, Tensor>>;

const arrayBytes = (arrays: Iterable<DeviceArray>): number =>
  [...new Set(arrays)].reduce((total, a) => total + bytesOf(a.shape, a.dtype), 0);

type PipelinePass = Exclude<PipelineAction, { readonly peer: number }>;
const isPass = (a: PipelineAction): a is PipelinePass => !("peer" in a);
// no array is called "take"
const isStageParameters = (given: Arrays | StageParameters): given is StageParameters => typeof given.take === "function";

/** One step of a rank: its state while the plan is carried out. */
class PipelineRun {
  readonly #o: PipelineRankOptions;
  readonly #stages: ReadonlyMap<number, StageExecutable>;
  readonly #parameters: Arrays | StageParameters;
  /** Parameters of passes to come, by their place in the plan. */
  readonly #ahead = new Map<PipelineAction, Promise<Arrays>>();
  readonly #batches: readonly Arrays[];
  readonly #collectives: RankCollectives;
  readonly #sum: Sum;
  /** What waits for a backward pass, by stage and micro-batch. */
  readonly #kept = new Map<string, Map<number, DeviceArray>>();
  /** What passes between stages, by the stage that made it, its name and micro-batch. */
  readonly #passed = new Map<string, DeviceArray>();
  readonly results = new Map<number, DeviceArray[]>();
  gradients: Record<string, DeviceArray> = {};
  #waiting = 0;
  /** Most bytes that waited at once. */
  waitingBytes = 0;

  constructor(o: PipelineRankOptions, stages: ReadonlyMap<number, StageExecutable>, sum: Sum, given: Parameters<PipelineRank["run"]>[0]) {
    this.#o = o;
    this.#stages = stages;
    this.#sum = sum;
    this.#parameters = given.parameters;
    this.#batches = given.batches;
    this.#collectives = given.collectives;
  }

  /** Carries out actions in their order; a pass's parameters are on their way while the pass before it runs. */
  async act(all: readonly PipelineAction[]): Promise<void> {
    const { isForward } = this.#o;
    const own = all.filter(a => !(isForward && (a.kind === "backward" || ("peer" in a && a.what === "gradient"))));
    const passes = own.filter(isPass);
    for (const a of own) {
      if (!isPass(a)) {
        await this.#transfer(a);
        continue;
      }
      const parameters = await this.#parametersOf(a);
      const next = passes[passes.indexOf(a) + 1];
      if (next) this.#order(next);
      if (a.kind === "forward") await this.#forward(a.stage, a.microBatch, parameters);
      else await this.#backward(a.stage, a.microBatch, parameters);
      if (isStageParameters(this.#parameters)) this.#parameters.release(parameters);
    }
  }

  #order(pass: PipelinePass): Promise<Arrays> {
    const known = this.#ahead.get(pass);
    if (known) return known;
    const taken = isStageParameters(this.#parameters) ? this.#parameters.take(pass.stage) : Promise.resolve(this.#parameters);
    // a failure is met where the pass comes
    taken.catch(() => {});
    this.#ahead.set(pass, taken);
    return taken;
  }

  async #parametersOf(pass: PipelinePass): Promise<Arrays> {
    const parameters = await this.#order(pass);
    this.#ahead.delete(pass);
    return parameters;
  }

  /** Takes what another stage made, for good. */
  #take(stage: number, names: readonly string[], microBatch: number, prefix: string): Record<string, DeviceArray> {
    return Object.fromEntries(
      names.map(name => {
        const key = `${stage} ${prefix}${name} ${microBatch}`;
        const array = this.#passed.get(key)!;
        this.#passed.delete(key);
        return [`${prefix}${name}`, array];
      }),
    );
  }

  async #forward(stage: number, microBatch: number, parameters: Arrays): Promise<void> {
    const own = this.#stages.get(stage)!;
    const { results, sent, received } = own.stage;
    const passed = this.#take(stage - 1, received, microBatch, "");
    const given = { ...parameters, ...this.#batches[microBatch]!, ...passed };
    const made = await own.pass(0, given, new Map(), this.#collectives);
    for (const [i, number] of results.entries()) {
      this.results.set(number, [...(this.results.get(number) ?? []), await this.#copy(own.output(i, made, given))]);
    }
    for (const [i, name] of sent.entries())
      this.#passed.set(`${stage} ${name} ${microBatch}`, await this.#copy(own.output(results.length + i, made, given)));
    // received arrays are read again on the way back
    for (const [i, array] of Object.values(passed).entries()) made.set(-1 - i, array);
    if (this.#o.isForward) for (const array of made.values()) array.dispose();
    else {
      this.#kept.set(`${stage} ${microBatch}`, made);
      this.#waiting += arrayBytes(made.values());
      this.waitingBytes = Math.max(this.waitingBytes, this.#waiting);
    }
  }

  async #backward(stage: number, microBatch: number, parameters: Arrays): Promise<void> {
    const own = this.#stages.get(stage)!;
    const { results, sent, parameters: names, received, receivedFloats, sentFloats } = own.stage;
    const kept = this.#kept.get(`${stage} ${microBatch}`)!;
    this.#kept.delete(`${stage} ${microBatch}`);
    this.#waiting -= arrayBytes(kept.values());
    const slopes = this.#take(stage + 1, sentFloats, microBatch, "d.");
    const passed = Object.fromEntries(received.map((name, i) => [name, kept.get(-1 - i)!]));
    const given = { ...parameters, ...this.#batches[microBatch]!, ...passed, ...slopes };
    const made = await own.pass(1, given, kept, this.#collectives);
    const first = results.length + sent.length;
    const taken = new Set<DeviceArray>();
    // a cotangent that is passed on as it came, and one value that is two outputs, are copied
    const take = async (at: number): Promise<DeviceArray> => {
      const array = own.output(at, made, given);
      const isFresh = !taken.has(array) && [...made.values()].includes(array);
      taken.add(array);
      return isFresh ? array : this.#copy(array);
    };
    const gradients: Record<string, DeviceArray> = {};
    for (const [i, name] of names.entries()) gradients[name] = await take(first + i);
    for (const [i, name] of receivedFloats.entries())
      this.#passed.set(`${stage} d.${name} ${microBatch}`, await take(first + names.length + i));
    for (const array of [...kept.values(), ...Object.values(slopes)]) array.dispose();
    if (isStageParameters(this.#parameters)) await this.#parameters.add(stage, gradients);
    else await this.#add(gradients);
  }

  async #add(more: Record<string, DeviceArray>): Promise<void> {
    const names = Object.keys(more);
    const both = names.filter(name => this.gradients[name]);
    const pick = (from: Arrays) => Object.fromEntries(both.map(name => [name, from[name]!]));
    const summed = both.length ? await this.#sum(pick(this.gradients), pick(more)) : {};
    for (const name of both) more[name]!.dispose();
    this.gradients = { ...this.gradients, ...more, ...summed };
  }

  async #transfer(a: Extract<PipelineAction, { readonly peer: number }>): Promise<void> {
    const isForward = a.what === "activation";
    const peer = this.#o.rankAt?.(a.peer) ?? a.peer;
    // what goes forward is named by its reader's stage too, whichever of the two is here
    const own = this.#stages.get(a.kind === "send" ? a.stage : isForward ? a.stage + 1 : a.stage - 1)!;
    const names = isForward
      ? a.kind === "send"
        ? own.stage.sent
        : own.stage.received
      : (a.kind === "send" ? own.stage.receivedFloats : own.stage.sentFloats).map(name => `d.${name}`);
    for (const name of names) {
      const key = `${a.stage} ${name} ${a.microBatch}`;
      if (a.kind === "send") {
        const array = this.#passed.get(key)!;
        this.#passed.delete(key);
        await this.#collectives.send(array.memory.host() ?? (await array.read()), peer);
        array.dispose();
        continue;
      }
      const { shape, dtype } = own.shapeOf(name);
      const array = await this.#o.device.zeros(shape, dtype);
      const host = array.memory.host() ?? (await array.read());
      await this.#collectives.receive(host, peer);
      if (!array.memory.host()) await array.write(host);
      this.#passed.set(key, array);
    }
  }

  async #copy(array: DeviceArray): Promise<DeviceArray> {
    return this.#o.device.array(await array.read(), array.dtype, array.shape);
  }

  dispose(): void {
    const { release } = isStageParameters(this.#parameters) ? this.#parameters : { release: () => {} };
    for (const taken of this.#ahead.values()) taken.then(release, () => {});
    for (const kept of this.#kept.values()) for (const array of kept.values()) array.dispose();
    for (const array of [...this.#passed.values(), ...Object.values(this.gradients), ...[...this.results.values()].flat()]) array.dispose();
  }
}

/** A compiled rank of a pipeline. */
export interface PipelineRank {
  /** One step: parameters of the rank's stages by their names, or what brings them, a batch's arrays for each micro-batch. Every rank must run its own. */
  run(given: {
    /** Of as many micro-batches as there are batches. */
    readonly plan: PipelinePlan;
    readonly parameters: Arrays | StageParameters;
    readonly batches: readonly Arrays[];
    readonly collectives: RankCollectives;
  }): Promise<PipelineResult>;
  dispose(): void;
}

/** Compiles the stages of a rank. */
export function openPipelineRank(o: PipelineRankOptions): PipelineRank {
  const { place, stages: own, rankAt: _, isForward: __, ...options } = o;
  const stages = new Map(Array.from(own, ([n, stage]) => [n, new StageExecutable(stage, { ...options, name: `stage ${n}` })] as const));
  const device: Device = o.device;
  const sum: Sum = compile(
    (sofar: Record<string, Tensor>, more: Record<string, Tensor>) =>
      Object.fromEntries(Object.entries(sofar).map(([name, x]) => [name, f.add(x, more[name]!)])),
    { device, donate: [0], name: "gradients" },
  );
  return {
    async run(given) {
      const run = new PipelineRun(o, stages, sum, given);
      try {
        await run.act(given.plan.ranks[place]!);
      } catch (error) {
        run.dispose();
        throw error;
      }
      return { results: run.results, gradients: run.gradients, waitingBytes: run.waitingBytes };
    },
    dispose: () => {
      for (const s of stages.values()) s.dispose();
      sum.dispose();
    },
  };
}
