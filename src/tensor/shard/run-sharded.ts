/**
 * A rank's program on a device: its steps are compiled one by one, and between them the ranks meet on the device's own memory. No backend knows of
 * collectives, so every backend runs sharded programs; where memory is not within JavaScript's reach it is copied there and back.
 */
import { defined } from "../../base/index.ts";
import { inlineBody } from "../body.ts";
import { type Compiled, type CompileOptions, compile } from "../compile.ts";
import type { Device } from "../device.ts";
import type { DeviceArray } from "../device-array.ts";
import type { TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { sameShape, showShape } from "../shape.ts";
import { type CollectiveTensor, isKind, type Tensor } from "../tensor.ts";
import type { RankCollectives, ReducedNumbers } from "./collectives.ts";
import type { GraphStep, PassedValue } from "./cut-graph.ts";
import { type RankSteps, rankSteps } from "./rank-steps.ts";
import { type RankProgram, simplifiedForRules } from "./shard-graph.ts";

export interface RankProgramOptions extends Pick<CompileOptions, "products" | "fuse" | "attention" | "measureMemory"> {
  readonly device: Device;
  /** For messages. */
  readonly name?: string;
  /** Hears how long the backend itself computed, milliseconds. */
  readonly onNative?: (ms: number) => void;
  /** Numbers of inputs that a run may write over, by the output that takes over their memory: gradients that add up. The arrays given are then dead. */
  readonly donate?: ReadonlyMap<number, number>;
}

type Named = Record<string, Tensor>;
type StepProgram = Compiled<[Named, Named], Named>;

/** A compiled program of one rank. */
export interface RankExecutable {
  /** Arrays of the rank's parts, in the order of the graph's inputs; gives those of its outputs. Every rank of the mesh must run its own. */
  run(inputs: readonly DeviceArray[], collectives: RankCollectives): Promise<DeviceArray[]>;
  /** Programs between meetings, and meetings. */
  readonly steps: { readonly programs: number; readonly meetings: number };
  /** Most bytes of values that wait between steps. */
  readonly passedBytes: number;
  dispose(): void;
}

const bytesOfValue = (v: PassedValue): number => v.shape.reduce((n, d) => n * d, 4);

class RankRunner implements RankExecutable {
  readonly steps: { readonly programs: number; readonly meetings: number };
  readonly passedBytes: number;
  readonly #plan: RankSteps;
  readonly #graph: Graph;
  readonly #options: RankProgramOptions;
  readonly #programs: readonly (StepProgram | undefined)[];
  /** Values whose memory an output takes over in a step: by the step, input to output. */
  readonly #donated: readonly ReadonlyMap<number, number>[];

  constructor(graph: Graph, options: RankProgramOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#plan = rankSteps(simplifiedForRules(graph));
    const { steps, values, inputs, outputs } = this.#plan.cut;
    const taken = Array.from(options.donate ?? [], ([output, given]) => [inputs[given]!, outputs[output]!] as const);
    this.#donated = steps.map(
      (step, i) =>
        new Map(taken.filter(([from, to]) => step.outputs.includes(to) && step.inputs.includes(from) && values[from]!.lastUse === i)),
    );
    this.#programs = steps.map((step, i) => (i % 2 === 0 && step.outputs.length > 0 ? this.#compile(step, i) : undefined));
    this.steps = { programs: this.#programs.filter(p => p).length, meetings: this.#plan.meetings.length };
    this.passedBytes = Math.max(
      0,
      ...steps.map((_, i) => values.reduce((sum, v) => (v.from >= 0 && v.from <= i && v.lastUse > i ? sum + bytesOfValue(v) : sum), 0)),
    );
  }

  #compile({ graph, inputs, outputs }: GraphStep, at: number): StepProgram {
    const donated = this.#donated[at]!;
    const { device, products, fuse, attention, measureMemory, name = "sharded" } = this.#options;
    const f = (kept: Named, given: Named): Named => {
      const all = inputs.map(n => (donated.has(n) ? given[`v${donated.get(n)}`]! : kept[`v${n}`]!));
      const made = inlineBody({ placeholders: graph.inputs, outputs: graph.outputs }, all);
      return Object.fromEntries(outputs.map((n, i) => [`v${n}`, made[i]!]));
    };
    return compile(f, {
      device,
      donate: [1],
      name: `${name} step ${at / 2 + 1}`,
      keptPrograms: 1,
      ...defined({ products, fuse, attention, measureMemory }),
    });
  }

  async run(given: readonly DeviceArray[], collectives: RankCollectives): Promise<DeviceArray[]> {
    const { cut, meetings } = this.#plan;
    this.#checkInputs(given);
    const held = new Map<number, DeviceArray>(cut.inputs.map((n, i) => [n, given[i]!]));
    try {
      for (const [i, step] of cut.steps.entries()) {
        if (i % 2 === 0) await this.#compute(step, i, held);
        else for (const c of meetings[(i - 1) / 2]!.collectives) await this.#meet(c, i, held, collectives);
        for (const [n, array] of held) {
          if (cut.values[n]!.from < 0 || cut.values[n]!.lastUse > i) continue;
          array.dispose();
          held.delete(n);
        }
      }
      return await this.#results(held);
    } catch (error) {
      for (const [n, array] of held) if (cut.values[n]!.from >= 0) array.dispose();
      throw error;
    }
  }

  #checkInputs(given: readonly DeviceArray[]): void {
    const { inputs } = this.#graph;
    if (given.length !== inputs.length)
      throw tensorErrors.fail("argument", {
        place: this.#options.name ?? "sharded",
        expected: `${inputs.length} arrays, one an input`,
        received: `${given.length}`,
      });
    for (const [i, t] of inputs.entries())
      if (!sameShape(given[i]!.shape, t.shape) || given[i]!.dtype !== t.dtype)
        throw tensorErrors.fail("shape", {
          place: `input ${t.attributes.name}`,
          expected: `the rank's part, ${t.dtype}${showShape(t.shape)}`,
          received: `${given[i]!.dtype}${showShape(given[i]!.shape)}`,
          hint: "Part whole arrays with partOfValues.",
        });
  }

  async #compute({ inputs, outputs }: GraphStep, at: number, held: Map<number, DeviceArray>): Promise<void> {
    const program = this.#programs[at];
    if (!program) return;
    const donated = this.#donated[at]!;
    const named = (of: readonly number[], name: (n: number) => number) => Object.fromEntries(of.map(n => [`v${name(n)}`, held.get(n)!]));
    const kept = named(
      inputs.filter(n => !donated.has(n)),
      n => n,
    );
    const made = await program.with(
      defined({ onNative: this.#options.onNative }),
      kept,
      named(
        inputs.filter(n => donated.has(n)),
        n => donated.get(n)!,
      ),
    );
    for (const n of outputs) held.set(n, made[`v${n}`]!);
  }

  async #meet(
    { node, from, to }: { readonly node: CollectiveTensor; readonly from: number; readonly to: number },
    at: number,
    held: Map<number, DeviceArray>,
    collectives: RankCollectives,
  ): Promise<void> {
    const source = held.get(from)!;
    const value = this.#plan.cut.values[from]!;
    const { axis } = node.attributes;
    if (isKind(node, "allReduce")) {
      const isLast = value.lastUse === at && !this.#plan.meetings[(at - 1) / 2]!.collectives.some(c => c.to !== to && c.from === from);
      const target = isLast && value.from >= 0 ? source : await this.#copy(source);
      if (target === source) held.delete(from);
      await inPlace(target, x => collectives.allReduce(numbersOf(node, x), axis, node.attributes.reduce));
      held.set(to, target);
      return;
    }
    const target = await this.#options.device.zeros(node.shape, node.dtype);
    held.set(to, target);
    const x = await elementsOf(source);
    await inPlace(target, into =>
      node.kind === "allGather"
        ? collectives.allGather(x, into, axis)
        : collectives.reduceScatter(numbersOf(node, x), numbersOf(node, into), axis),
    );
  }

  async #copy(array: DeviceArray): Promise<DeviceArray> {
    return this.#options.device.array(await array.read(), array.dtype, array.shape);
  }

  /** The outputs' arrays; an input that is one, or a second output of one value, is copied. */
  async #results(held: Map<number, DeviceArray>): Promise<DeviceArray[]> {
    const { values, outputs } = this.#plan.cut;
    const given = new Set<number>();
    const results: DeviceArray[] = [];
    for (const n of outputs) {
      const array = held.get(n)!;
      results.push(given.has(n) || values[n]!.from < 0 ? await this.#copy(array) : array);
      given.add(n);
    }
    return results;
  }

  dispose(): void {
    for (const p of this.#programs) p?.dispose();
  }
}

/** Sums are made of these; whoever needs others casts first. */
function numbersOf(node: CollectiveTensor, x: TypedArray): ReducedNumbers {
  if (x instanceof Float32Array || x instanceof Int32Array) return x;
  throw tensorErrors.fail("dtype", {
    place: `${node.kind} along ${node.attributes.axis}`,
    expected: "f32 or i32",
    received: node.dtype,
    hint: "Use cast() before the sum over ranks.",
  });
}

/** An array's elements: its own memory where that can be reached, else a copy. */
const elementsOf = async (array: DeviceArray): Promise<TypedArray> => array.memory.host() ?? (await array.read());

/** Changes an array's elements where they are, or in a copy that is written back. */
async function inPlace(array: DeviceArray, change: (x: TypedArray) => Promise<void>): Promise<void> {
  const own = array.memory.host();
  const x = own ?? (await array.read());
  await change(x);
  if (!own) await array.write(x);
}

/** Compiles the program of a rank for a device. */
export const openRankProgram = ({ graph }: Pick<RankProgram, "graph">, options: RankProgramOptions): RankExecutable =>
  new RankRunner(graph, options);
