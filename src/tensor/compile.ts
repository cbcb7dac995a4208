/**
 * From a function over tensors to a program on a device. A call traces the function once for each signature (shapes and dtypes of the
 * arguments), simplifies, checks, builds; later calls with that signature run at once. Arguments and results are trees of arrays.
 */
import { defined, inTurns, isBranch, type MapLeaves, pauses, type Tree, treeFrom, treePaths } from "../base/index.ts";
import { chargeWork, isCharged, type Work } from "../ledger/index.ts";
import { safeAliases } from "./alias.ts";
import type { Capabilities, Executable, ProductDType } from "./backend.ts";
import { reachable } from "./body.ts";
import { countWork } from "./count-work.ts";
import type { Device } from "./device.ts";
import { DeviceArray } from "./device-array.ts";
import { type DType, isFloat } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { type Graph, graphOf } from "./graph.ts";
import { type KeepOptions, type KeptReport, keepingActivations } from "./keep-activations.ts";
import type { OpKind } from "./ops.ts";
import { defaultKeptPrograms, ProgramCache, type ProgramLease } from "./program-cache.ts";
import { ArraysInUse, type RunInput, RunMemory } from "./run-arrays.ts";
import { type Shape, sameShape, showShape } from "./shape.ts";
import { simplifying } from "./simplify.ts";
import { checkGraph } from "./spec.ts";
import { input, Tensor } from "./tensor.ts";

/** What a program's caller passes for a tensor: an array of the device, or a plain number (an f32 scalar). */
export type Argument = DeviceArray | number;
type Arguments<A extends readonly unknown[]> = { readonly [I in keyof A]: MapLeaves<A[I], Tensor, Argument> };
type Results<R> = MapLeaves<R, Tensor, DeviceArray>;

export interface CompileOptions {
  readonly device: Device;
  /** Numbers of arguments whose arrays are given away: their memory is reused for results of the same place in the tree. */
  readonly donate?: readonly number[];
  /**
   * Numbers of arguments whose arrays do not change while the program lives: weights that are served. Where some of them are quantised, a
   * program is built for these very arrays, and kernels may keep them in an order of their own; floats alone change nothing without `strassen`.
   */
  readonly constant?: readonly number[];
  /**
   * "bf16": large products of matrices take their operands rounded to bf16 and sum them in float32, where the processor has AVX2;
   * it is faster where that also has products of bf16. Elsewhere, and where absent, they are float32. "f16" rounds to f16, on devices with the
   * capability `halves` alone: what is beyond 65504 is infinite there.
   */
  readonly products?: ProductDType;
  /**
   * Where the processor has 512-bit vectors, chains of operations on elements are computed in one pass over memory, sums of rows within them,
   * large products of matrices by code made for their shapes (with AVX2, too), and `flashAttention` and its gradient by an operator each. Sums of two,
   * products of two and roots keep their bits; sums of many, `exp`,
   * `erf`, `gelu`, `silu` and `sigmoid` differ by rounding.
   */
  readonly fuse?: boolean;
  /**
   * With `fuse`: large products by `constant` matrices of f32 take seven products of parts instead of eight (Strassen, 1969). The sums of a
   * matrix's parts are made once, and take 1.75 times its memory beside it (of all, a quarter of the machine's at most). An element's error is
   * bounded by the greatest elements of both operands, not by those of its row and column alone, and a row's bits depend on the rows beside it.
   */
  readonly strassen?: boolean;
  /**
   * Where the processor has 512-bit vectors, attention that no derivative passes through is one operation, which keeps no scores in memory and does nothing for keys whose
   * mask is -1e8 or less, where a query sees others. Results differ by rounding.
   */
  readonly attention?: boolean;
  /** For a program of a forward and a backward pass: how what the one leaves for the other is kept. */
  readonly keep?: KeepOptions;
  /**
   * Programs that are kept, one per signature; 64 when absent. The least recently used one is disposed and built again when it is called. Where the
   * signatures are known to be few, `Number.POSITIVE_INFINITY` keeps all.
   */
  readonly keptPrograms?: number;
  /** For messages. */
  readonly name?: string;
  /** Prefix for a file of operator times. */
  readonly profile?: string;
  /** Lets `peakBytes` tell what this program's values took. */
  readonly measureMemory?: boolean;
}

export interface ExecutionOptions {
  readonly signal?: AbortSignal;
  /** Hears how long the backend itself computed, milliseconds. */
  readonly onNative?: (ms: number) => void;
}

interface Program {
  readonly graph: Graph;
  /** Floating-point operations of a run; counted when it is first asked for. */
  readonly work: () => Work;
  readonly executable: Executable;
  readonly like: Tree<unknown>;
  readonly aliases: ReadonlyMap<number, number>;
  readonly kept: KeptReport | undefined;
}

export interface Compiled<A extends readonly unknown[], R> {
  (...args: Arguments<A>): Promise<Results<R>>;
  /** The same with a signal that stops the run between two operations. */
  with(options: ExecutionOptions, ...args: Arguments<A>): Promise<Results<R>>;
  /** Traces and builds without running, from shapes alone; returns the simplified graph. */
  prepare(...specs: { readonly [I in keyof A]: MapLeaves<A[I], Tensor, TensorSpec> }): Promise<Graph>;
  /** Programs that are kept now. */
  readonly programs: number;
  endProfile(): string | undefined;
  /** Most memory that values between operations took in the latest program's runs, with `measureMemory`. */
  peakBytes(): number | undefined;
  /** What was done with the latest program's kept activations, with `keep`. */
  kept(): KeptReport | undefined;
  dispose(): void;
}

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A leaf that says shape and dtype: a plain pair, or anything that bears them (a parameter's specification). */
const isSpec = (x: unknown): x is TensorSpec =>
  typeof x === "object" && x !== null && Array.isArray((x as TensorSpec).shape) && typeof (x as TensorSpec).dtype === "string";

/** Leaves of an argument: arrays, numbers, or specs (which are plain objects, so branches must look twice). */
function leavesOf(tree: unknown, path: string, place: string): { path: string; leaf: DeviceArray | number | TensorSpec }[] {
  if (tree instanceof DeviceArray || typeof tree === "number" || isSpec(tree)) return [{ path, leaf: tree }];
  if (isBranch(tree))
    return Object.entries(tree).flatMap(([k, v]) => (v === undefined ? [] : leavesOf(v, path ? `${path}.${k}` : k, place)));
  throw notAnArray(`${place}: ${path}`, tree);
}

const notAnArray = (place: string, received: unknown) =>
  tensorErrors.fail("argument", {
    place,
    expected: "an array of the device or a number",
    received:
      received === null
        ? "null"
        : received instanceof Tensor
          ? received.toString()
          : ArrayBuffer.isView(received)
            ? "a typed array"
            : typeof received,
    hint: ArrayBuffer.isView(received) ? "Make an array of it: await device.array(...)." : "",
  });

/** The tree with leaves replaced in order. */
function replaceLeaves(tree: unknown, next: () => Tensor): unknown {
  if (tree instanceof DeviceArray || typeof tree === "number" || isSpec(tree)) return next();
  if (Array.isArray(tree)) return tree.map(v => replaceLeaves(v, next));
  return Object.fromEntries(
    Object.entries(tree as object)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => [k, replaceLeaves(v, next)]),
  );
}

const specOf = (leaf: DeviceArray | number | TensorSpec): TensorSpec => (typeof leaf === "number" ? { shape: [], dtype: "f32" } : leaf);

/** Pairs results with donated arguments by the ends of their paths: `state.weights.0` takes over `0.weights.0` of the result. */
function candidates(
  donated: readonly { readonly index: number; readonly path: string }[],
  results: readonly (readonly [string, Tensor])[],
  specs: readonly TensorSpec[],
): Map<number, number> {
  const taken = new Set<number>();
  const pairs = new Map<number, number>();
  const fits = (t: Tensor, i: number) => !taken.has(i) && sameShape(specs[i]!.shape, t.shape) && specs[i]!.dtype === t.dtype;
  results.forEach(([path, t], o) => {
    const parts = path.split(".");
    const ends = (d: string) => d === "" || parts.slice(-d.split(".").length).join(".") === d;
    const found = donated.find(d => fits(t, d.index) && ends(d.path));
    if (found) {
      taken.add(found.index);
      pairs.set(o, found.index);
    }
  });
  return pairs;
}

/** A value that is made when it is first asked for, and kept. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface ArgumentLeaf {
  readonly argument: number;
  readonly path: string;
  readonly leaf: DeviceArray | number | TensorSpec;
}

/** Composites that a program leaves whole: attention as one operator forward, where it is asked for, or with its gradient, where chains are fused. */
function nativeKinds(
  { native, onRequest }: Capabilities,
  { attention, fuse }: Pick<CompileOptions, "attention" | "fuse">,
): ReadonlySet<OpKind> {
  const wanted: readonly OpKind[] = attention ? ["attention"] : fuse ? ["flashAttention", "flashLogSum", "flashGradient"] : [];
  return new Set([...native, ...wanted.filter(kind => onRequest?.has(kind))]);
}

/** Throws `tensor/device` where f16 is asked of a device that lacks it. */
function checkHalves(place: string, { backend, name }: Device, { products, keep }: Pick<CompileOptions, "products" | "keep">): void {
  if ((products === "f16" || keep?.storage === "f16") && !backend.capabilities.halves)
    throw tensorErrors.fail("device", {
      place: `${place}: f16`,
      expected: "a device that computes products in f16 (pjrt:NAME)",
      received: name,
      hint: "Use bf16, or f32.",
    });
}

/** A function of trees of tensors, and the programs that it was compiled to, one for each signature of its arguments. */
/** Most memory that values between a graph's operations would take, foretold without building its program; undefined where the device cannot tell. */
export function foretoldPeakBytes(graph: Graph, o: Pick<CompileOptions, "device" | "products" | "fuse" | "attention">): number | undefined {
  const { backend } = o.device;
  if (!backend.estimatePeakBytes) return undefined;
  const passes = simplifying(graph, nativeKinds(backend.capabilities, o), backend.capabilities.takes);
  for (;;) {
    const step = passes.next();
    if (step.done) return backend.estimatePeakBytes(step.value, defined({ products: o.products, fuses: o.fuse }));
  }
}

class Compilation<A extends readonly unknown[], R> {
  readonly #f: (...args: A) => R;
  readonly #options: CompileOptions;
  readonly #name: string;
  readonly #programs: ProgramCache<Program>;
  readonly #numbers = new WeakMap<DeviceArray, number>();
  #counted = 0;
  #disposed = false;
  #latest: Program | undefined;

  constructor(f: (...args: A) => R, options: CompileOptions) {
    this.#f = f;
    this.#options = options;
    this.#name = options.name ?? (f.name || "program");
    this.#programs = new ProgramCache<Program>(options.keptPrograms ?? defaultKeptPrograms, program => {
      if (this.#latest === program && !this.#disposed) this.#latest = undefined;
      program.executable.dispose();
    });
  }

  get size(): number {
    return this.#programs.size;
  }
  get latest(): Program | undefined {
    return this.#latest;
  }

  /** Tells the arrays apart that a program is built for. */
  #numberOf(leaf: unknown): string {
    if (!(leaf instanceof DeviceArray)) return "";
    if (!this.#numbers.has(leaf)) this.#numbers.set(leaf, this.#counted++);
    return `#${this.#numbers.get(leaf)}`;
  }

  /** Leaves that the program is built for: all constant ones where one of them is quantised or `strassen` is wanted, else none. */
  #constantsOf(leaves: readonly ArgumentLeaf[]): boolean[] {
    const { constant = [], strassen } = this.#options;
    const all = leaves.map(({ leaf, argument }) => constant.includes(argument) && leaf instanceof DeviceArray);
    return strassen || leaves.some(({ leaf }, i) => all[i] && !isFloat(specOf(leaf).dtype)) ? all : [];
  }

  #signatureOf(args: readonly unknown[]): { readonly leaves: readonly ArgumentLeaf[]; readonly key: string } {
    const leaves: ArgumentLeaf[] = args.flatMap((a, i) =>
      leavesOf(a, "", `${this.#name}: argument ${i}`).map(l => ({ ...l, argument: i })),
    );
    const constants = this.#constantsOf(leaves);
    const structure = JSON.stringify(args, (_, v) => (v instanceof DeviceArray || typeof v === "number" || isSpec(v) ? 0 : v));
    return {
      leaves,
      key: `${structure} ${leaves.map((l, i) => `${specOf(l.leaf).dtype}${showShape(specOf(l.leaf).shape)}${constants[i] ? this.#numberOf(l.leaf) : ""}`).join(" ")}`,
    };
  }

  #trace(args: readonly unknown[], leaves: readonly ArgumentLeaf[], specs: readonly TensorSpec[]) {
    const inputs = leaves.map((l, i) => input(`${l.argument}${l.path ? `.${l.path}` : ""}`, specs[i]!.shape, specs[i]!.dtype));
    let at = 0;
    // the form of the arguments stays
    const traced = args.map(a => replaceLeaves(a, () => inputs[at++]!)) as unknown as A;
    const result = this.#f(...traced);
    const results = treePaths<Tensor>(result as Tree<Tensor>);
    for (const [path, t] of results)
      if (!(t instanceof Tensor))
        throw tensorErrors.fail("argument", { place: `${this.#name}: result ${path}`, expected: "tensors", received: typeof t });
    const graph = graphOf(
      inputs,
      results.map(([, t]) => t),
    );
    return { result, results, graph };
  }

  async #build(args: readonly unknown[], leaves: readonly ArgumentLeaf[]): Promise<Program> {
    const { donate = [], device, ...options } = this.#options;
    const { backend } = device;
    checkHalves(this.#name, device, options);
    const pause = pauses();
    const specs = leaves.map(l => specOf(l.leaf));
    const constants = this.#constantsOf(leaves);
    leaves.forEach(({ leaf }, i) => {
      if (constants[i] && leaf instanceof DeviceArray) leaf.memory.freeze();
    });
    const { result, results, graph: raw } = this.#trace(args, leaves, specs);
    const recomputes = reachable(raw.outputs).some(t => t.kind === "call" || t.kind === "barrier");
    const { takes } = backend.capabilities;
    const native = nativeKinds(backend.capabilities, options);
    await pause();
    checkGraph(raw);
    const simplified = await inTurns(simplifying(raw, native, takes), pause);
    const build = defined({ products: options.products, fuses: options.fuse, measureMemory: options.measureMemory });
    const paths = results.map(([path]) => path);
    const keeps =
      options.keep && (await inTurns(keepingActivations(simplified, paths, options.keep, { backend, build, name: this.#name }), pause));
    const graph = keeps?.graph ?? simplified;
    checkGraph(graph, native);
    await pause();
    const donated = leaves.map((l, index) => ({ index, path: l.path, argument: l.argument })).filter(l => donate.includes(l.argument));
    const wanted = candidates(donated, results, specs);
    const { inPlace, ordersReads } = backend.capabilities;
    const aliases = !inPlace ? new Map<number, number>() : ordersReads ? wanted : safeAliases(graph, wanted);
    const executable = await backend.build(graph, {
      name: this.#name,
      recomputes: recomputes || keeps?.recomputes === true,
      aliases,
      constants: new Map(leaves.flatMap(({ leaf }, i) => (constants[i] && leaf instanceof DeviceArray ? [[i, leaf.memory] as const] : []))),
      ...build,
      ...defined({ strassen: options.strassen, profile: options.profile }),
    });
    const work = once(() => countWork(graph, raw, options.products !== undefined && options.products !== "f32"));
    return { graph, work, executable, like: result as Tree<unknown>, aliases, kept: keeps?.report };
  }

  #programFor(args: readonly unknown[], leaves: readonly ArgumentLeaf[], key: string): ProgramLease<Program> {
    if (this.#disposed) throw tensorErrors.fail("disposed", { place: this.#name, message: "the program was disposed" });
    return this.#programs.lease(key, () => this.#build(args, leaves));
  }

  /** The arrays among the leaves, in use from now on: what is written or donated after the call is not what it computes with. */
  #takeArrays(leaves: readonly ArgumentLeaf[]): ArraysInUse {
    const { donate = [] } = this.#options;
    return new ArraysInUse(
      this.#name,
      leaves.flatMap(l =>
        l.leaf instanceof DeviceArray
          ? [{ array: l.leaf, place: `"${l.argument}${l.path ? `.${l.path}` : ""}"`, isDonated: donate.includes(l.argument) }]
          : [],
      ),
    );
  }

  async run(run: ExecutionOptions, args: readonly unknown[]): Promise<unknown> {
    const { leaves, key } = this.#signatureOf(args);
    const spec = leaves.find(({ leaf }) => !(leaf instanceof DeviceArray) && typeof leaf !== "number");
    if (spec) throw notAnArray(`${this.#name}: argument ${spec.argument}${spec.path ? `: ${spec.path}` : ""}`, spec.leaf);
    const inUse = this.#takeArrays(leaves);
    const numbers: DeviceArray[] = [];
    let lease: ProgramLease<Program> | undefined;
    try {
      lease = this.#programFor(args, leaves, key);
      const program = await lease.program;
      this.#latest = program;
      run.signal?.throwIfAborted();
      let at = 0;
      const given: RunInput[] = [];
      for (const { leaf } of leaves) {
        if (leaf instanceof DeviceArray) {
          given.push({ memory: inUse.memories[at]!, passed: inUse.passed[at] });
          at++;
        } else {
          const scalar = await this.#options.device.array(leaf as number);
          numbers.push(scalar);
          given.push({ memory: scalar.memory, passed: undefined });
        }
      }
      return await this.#execute(run, program, given);
    } finally {
      lease?.release();
      inUse.end();
      for (const n of numbers) n.dispose();
    }
  }

  async prepare(specs: readonly unknown[]): Promise<Graph> {
    const { leaves, key } = this.#signatureOf(specs);
    const lease = this.#programFor(specs, leaves, key);
    try {
      return (await lease.program).graph;
    } finally {
      lease.release();
    }
  }

  async #execute(run: ExecutionOptions, program: Program, given: readonly RunInput[]): Promise<unknown> {
    const memory = new RunMemory(this.#options.device.backend, program, given);
    try {
      await memory.copyShared();
      const started = performance.now();
      const hooks = { ...defined({ signal: run.signal }), onBegin: () => memory.begun() };
      await program.executable.run(memory.inputs, memory.outputs, hooks);
      run.onNative?.(performance.now() - started);
      if (isCharged()) chargeWork(program.work());
    } catch (error) {
      memory.fail();
      throw error;
    }
    return treeFrom(
      program.like as Tree<Tensor>,
      memory.succeed().map(m => new DeviceArray(m)),
    );
  }

  dispose(): void {
    this.#disposed = true;
    this.#programs.dispose();
  }
}

/** Compiles a function of trees of tensors for a device. */
export function compile<A extends readonly unknown[], R>(f: (...args: A) => R, options: CompileOptions): Compiled<A, R> {
  const compilation = new Compilation(f, options);
  const main = Object.assign((...args: unknown[]) => compilation.run({}, args), {
    with: (run: ExecutionOptions, ...args: unknown[]) => compilation.run(run, args),
    prepare: (...specs: unknown[]) => compilation.prepare(specs),
    endProfile: () => compilation.latest?.executable.endProfile?.(),
    peakBytes: () => compilation.latest?.executable.peakBytes?.(),
    kept: () => compilation.latest?.kept,
    dispose: () => compilation.dispose(),
  });
  Object.defineProperty(main, "programs", { get: () => compilation.size });
  // the types of trees in and out are known to the caller alone; inside everything is leaves
  return main as unknown as Compiled<A, R>;
}

/** The graph that a function traces to, unsimplified; for printing and tests. */
export function trace<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...specs: { readonly [I in keyof A]: MapLeaves<A[I], Tensor, TensorSpec> }
): Graph {
  const leaves = specs.flatMap((a, i) => leavesOf(a, "", `argument ${i}`).map(l => ({ ...l, argument: i })));
  const inputs = leaves.map(l => input(`${l.argument}${l.path ? `.${l.path}` : ""}`, specOf(l.leaf).shape, specOf(l.leaf).dtype));
  let at = 0;
  // the form of the arguments stays
  const result = f(...(specs.map(s => replaceLeaves(s, () => inputs[at++]!)) as unknown as A));
  return graphOf(
    inputs,
    treePaths<Tensor>(result as Tree<Tensor>).map(([, t]) => t),
  );
}
