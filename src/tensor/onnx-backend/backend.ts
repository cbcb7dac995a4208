/**
 * ONNX Runtime behind the backend contract: a graph becomes an ONNX model, the model a session, a run binds native buffers that stay where
 * they are. Freed memory is kept for arrays of the same size, so a loop allocates only in its first steps.
 */
import { defined, pauses } from "../../base/index.ts";
import { freeScratch, productFormOf } from "../../machine/index.ts";
import type { Backend, BuildOptions, Capabilities, DeviceMemory, EstimateOptions, Executable, RunHooks } from "../backend.ts";
import { bytesOf, type DType, dtypes, type TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { writeModel } from "../onnx/index.ts";
import {
  type DeviceBuffer,
  type EngineRun,
  type EngineRuntime,
  NativeBuffer,
  openRuntime,
  PackedWeights,
  type Provider,
} from "../onnxruntime/index.ts";
import { canFuse, canSum, operatorDomainOf } from "../operators/index.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type EngineLimits, negativeMarks, type PackedInput } from "./emitter.ts";
import { writeKernelNotes } from "./kernel-notes.ts";
import { compositesOnRequest, nativeComposites, takesComposite } from "./lower.ts";
import { cpuLimits, inputName, onnxModel, outputName, packableInputs } from "./model.ts";
import { peakOf } from "./peak.ts";
import { ownSession, type SessionLease, SharedSessions } from "./shared-sessions.ts";
import { BackendWeights, type Share } from "./weights.ts";

export interface OnnxBackendOptions {
  readonly provider?: Provider;
  /** Threads of one operation; all processors when absent. */
  readonly threads?: number;
  /** Processors for the further threads, e.g. "1;2-3". */
  readonly affinity?: string;
  /** Idle threads burn their processor while they wait for the next operation. */
  readonly spinning?: boolean;
  /** Most memory for values between operations, all programs of the process together; the first device opened fixes it. */
  readonly memoryLimitBytes?: number;
  /** Freed memory kept for reuse, at most; beyond it memory goes back to the system. */
  readonly keptBytes?: number;
}

/** Memory of an array: ordinary memory that JavaScript sees, or memory of the device that it must copy. */
type EngineBuffer = NativeBuffer | DeviceBuffer;

/** Freed memory that is kept when nothing else is said: enough for a small model's gradients and activations. */
const defaultKeptBytes = 1 << 30;

/** What a provider's kernels take and how exact they are. WebGPU has no 16-bit floats on every adapter, and fast sines. */
const providerLimits: { readonly [P in Provider]: Pick<Capabilities, "dtypes" | "relativeError"> } = {
  cpu: { dtypes, relativeError: 1e-5 },
  webgpu: { dtypes: ["f32", "i32", "i64", "bool"], relativeError: 1e-3 },
  // products of f32 are rounded to TF32 where the card has it
  cuda: { dtypes, relativeError: 1e-3 },
};

/** GPUs add with atomic operations: nothing is lost, only the order of additions is not fixed. */
const limitsOf: { readonly [P in Provider]: EngineLimits } = {
  cpu: { ...cpuLimits, refusesNegatives: true },
  webgpu: { sequentialBytes: Number.POSITIVE_INFINITY },
  cuda: { sequentialBytes: Number.POSITIVE_INFINITY },
};

/** Runs jobs as they come, or one after the other: WebGPU's command encoder is one for all sessions of a process. */
type Turns = <T>(job: () => Promise<T>) => Promise<T>;
const atOnce: Turns = job => job();
function oneByOne(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return job => {
    const mine = last.then(job, job);
    last = mine.catch(() => {});
    return mine;
  };
}
const webgpuTurns = oneByOne();
const turnsOf: { readonly [P in Provider]: Turns } = { cpu: atOnce, webgpu: webgpuTurns, cuda: atOnce };

class OnnxMemory implements DeviceMemory {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly buffer: EngineBuffer;
  readonly #giveBack: (b: EngineBuffer) => void;
  readonly #turns: Turns;
  #isFrozen = false;
  #isDisposed = false;

  constructor(buffer: EngineBuffer, shape: Shape, dtype: DType, giveBack: (b: EngineBuffer) => void, turns: Turns) {
    this.buffer = buffer;
    this.shape = shape;
    this.dtype = dtype;
    this.#giveBack = giveBack;
    this.#turns = turns;
  }
  host(): TypedArray | undefined {
    return this.buffer instanceof NativeBuffer ? this.buffer.array : undefined;
  }
  expose(): TypedArray | undefined {
    if (this.buffer instanceof NativeBuffer) this.buffer.pin();
    return this.host();
  }
  freeze(): void {
    this.#isFrozen = true;
  }
  get isFrozen(): boolean {
    return this.#isFrozen;
  }
  get isShared(): boolean {
    return this.#isFrozen || (this.buffer instanceof NativeBuffer && this.buffer.isPinned);
  }
  async read(): Promise<TypedArray> {
    const { buffer } = this;
    return buffer instanceof NativeBuffer ? (buffer.array.slice() as TypedArray) : await this.#turns(() => buffer.read());
  }
  async write(data: TypedArray): Promise<void> {
    const { buffer } = this;
    if (buffer instanceof NativeBuffer) (buffer.array as { set(x: TypedArray): void }).set(data);
    else await this.#turns(() => buffer.write(data));
  }
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (this.isShared) this.buffer.dispose();
    else this.#giveBack(this.buffer);
  }
}

const nativeOf = (m: DeviceMemory): OnnxMemory => {
  if (m instanceof OnnxMemory) return m;
  throw tensorErrors.fail("device", {
    place: "run",
    expected: "arrays of this device",
    received: "one of another device",
    hint: "Copy it with device.array().",
  });
};

/** The engine's words for an index outside its axis, as an error of ours; undefined for another error. */
function indexError(error: unknown) {
  if (!(error instanceof Error)) return undefined;
  const found = /running (\w+) node.*(?:indices element out of data bounds|invalid indice found|Out of range value in index tensor)/s.exec(
    error.message,
  );
  if (!found) return undefined;
  const value = /(?:idx|indice) ?= ?(-?\d+)/.exec(error.message)?.[1];
  const isNegative = value !== undefined && negativeMarks.has(value);
  return tensorErrors.fail(
    "index",
    {
      place: found[1]!,
      expected:
        /range \[-\d+,(\d+)\]/.exec(error.message)?.[1]?.replace(/^/, "indices from 0 to ") ?? "indices from 0 to the last of the axis",
      received: isNegative ? "a negative index" : (value ?? "one outside"),
      hint: "Negative indices do not count from the end. Check the tokens, labels or rows that are passed.",
    },
    error,
  );
}

/** How many (inputs, outputs) bindings a program keeps prepared: a training loop has one or two, a server a few. */
const keptRuns = 16;

class OnnxExecutable implements Executable {
  readonly #lease: SessionLease;
  readonly #runs = new Map<string, { readonly run: EngineRun; readonly buffers: readonly EngineBuffer[] }>();
  readonly #inPlace: readonly string[];
  readonly #number: (b: EngineBuffer) => number;
  readonly #turns: Turns;
  readonly #outside: ReadonlySet<number>;
  readonly #shares: ReadonlyMap<string, Share>;
  readonly #origins: ReadonlyMap<string, readonly Tensor[]>;

  constructor(
    lease: SessionLease,
    options: BuildOptions,
    number: (b: EngineBuffer) => number,
    turns: Turns,
    outside: ReadonlySet<number>,
    shares: ReadonlyMap<string, Share>,
    origins: ReadonlyMap<string, readonly Tensor[]>,
  ) {
    this.#shares = shares;
    this.#origins = origins;
    this.#turns = turns;
    this.#outside = outside;
    this.#lease = lease;
    this.#inPlace = [...options.aliases.keys()].map(outputName);
    this.#number = number;
  }

  #prepared(inputs: readonly EngineBuffer[], outputs: readonly EngineBuffer[]): EngineRun {
    const buffers = [...inputs, ...outputs];
    const key = buffers.map(this.#number).join(" ");
    const known = this.#runs.get(key);
    if (known && !known.buffers.some(b => b.disposed)) {
      this.#runs.delete(key);
      this.#runs.set(key, known);
      return known.run;
    }
    const run = this.#lease.session.prepare(
      new Map<string, EngineBuffer>([
        ...inputs.flatMap((b, i) => (this.#outside.has(i) ? [] : [[inputName(i), b] as const])),
        ...Array.from(this.#shares, ([name, { buffer }]) => [name, buffer] as const),
      ]),
      new Map(outputs.map((b, i) => [outputName(i), b])),
      { inPlace: this.#inPlace },
    );
    this.#runs.set(key, { run, buffers });
    for (const [oldest, { run: old }] of this.#runs) {
      if (this.#runs.size <= keptRuns) break;
      this.#runs.delete(oldest);
      old.dispose();
    }
    return run;
  }

  async run(inputs: readonly DeviceMemory[], outputs: readonly DeviceMemory[], hooks: RunHooks = {}): Promise<void> {
    const run = this.#prepared(
      inputs.map(m => nativeOf(m).buffer),
      outputs.map(m => nativeOf(m).buffer),
    );
    try {
      await this.#turns(() => run.async(hooks));
    } catch (error) {
      throw indexError(error) ?? error;
    }
  }

  endProfile(): string {
    const file = this.#lease.session.endProfile();
    writeKernelNotes(file, this.#origins);
    return file;
  }

  peakBytes(): number {
    return this.#lease.session.memory().peakBytes;
  }

  dispose(): void {
    for (const { run } of this.#runs.values()) run.dispose();
    this.#runs.clear();
    this.#lease.release();
    for (const { giveBack } of this.#shares.values()) giveBack();
    freeScratch();
  }
}

/** Freed memory that is kept for arrays of the same size, up to a limit; what goes beyond it is given back. */
class KeptBuffers {
  readonly #mostBytes: number;
  readonly #free = new Map<string, EngineBuffer[]>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  take(shape: Shape, dtype: DType): EngineBuffer | undefined {
    const kept = this.#free.get(`${dtype} ${shape}`)?.pop();
    if (kept) this.#bytes -= bytesOf(shape, dtype);
    return kept;
  }

  giveBack(b: EngineBuffer): void {
    if (this.#bytes + b.sizeBytes > this.#mostBytes) {
      b.dispose();
      return;
    }
    this.#bytes += b.sizeBytes;
    const key = `${b.dtype} ${b.shape}`;
    const list = this.#free.get(key);
    if (list) list.push(b);
    else this.#free.set(key, [b]);
  }

  dispose(): void {
    for (const list of this.#free.values()) for (const b of list) b.dispose();
    this.#free.clear();
    this.#bytes = 0;
  }
}

/** Turns graphs into sessions, shared where they are of the same model over the same weights. */
class ExecutableBuilder {
  readonly #runtime: EngineRuntime;
  readonly #sessions = new SharedSessions();
  readonly #numbers = new WeakMap<EngineBuffer, number>();
  /** Programs over the same weights share what their kernels made of them. */
  readonly #packedByWeights = new Map<string, PackedWeights>();
  readonly #strassenWeights: BackendWeights;
  #next = 0;

  constructor(runtime: EngineRuntime) {
    this.#runtime = runtime;
    this.#strassenWeights = new BackendWeights(runtime, this.#number);
  }

  readonly #number = (b: EngineBuffer): number => {
    const known = this.#numbers.get(b);
    if (known !== undefined) return known;
    this.#numbers.set(b, this.#next);
    return this.#next++;
  };

  #packedFor(weights: string): PackedWeights {
    const known = this.#packedByWeights.get(weights) ?? new PackedWeights(this.#runtime.library);
    this.#packedByWeights.set(weights, known);
    return known;
  }

  /** What is lowered to operators of our own. */
  #limitsFor(build: Pick<BuildOptions, "fuses" | "products">): EngineLimits {
    const isCpu = this.#runtime.provider === "cpu";
    const fusesElements = isCpu && build.fuses === true && canFuse();
    const ownsSums = isCpu && build.fuses === true && canSum();
    const products =
      isCpu && (build.products === "bf16" || build.fuses === true) ? productFormOf(build.products === "bf16" ? "bf16" : "f32") : undefined;
    return { ...limitsOf[this.#runtime.provider], ...defined({ products }), fusesElements, ownsSums };
  }

  estimate(graph: Graph, build: EstimateOptions): number {
    const model = onnxModel(graph, this.#limitsFor(build));
    return peakOf(model, model.sizes, build.measureMemory ? "doubled" : "asked");
  }

  async build(graph: Graph, build: BuildOptions): Promise<OnnxExecutable> {
    const runtime = this.#runtime;
    const turns = turnsOf[runtime.provider];
    const given = build.constants ?? new Map<number, DeviceMemory>();
    const outside = runtime.provider === "cpu" ? packableInputs(graph, new Set(given.keys())) : new Set<number>();
    const weights = [...outside].map(i => [inputName(i), nativeOf(given.get(i)!).buffer] as const);
    const weightsKey = weights.map(([, b]) => this.#number(b)).join(" ");
    const shares = new Map<string, Share>();
    const constants = build.strassen ? new Map(Array.from(given, ([i, m]) => [inputName(i), nativeOf(m).buffer])) : undefined;
    const packs = ({ name, of, weight }: PackedInput): boolean => {
      const buffer = constants?.get(of);
      const share = buffer instanceof NativeBuffer ? this.#strassenWeights.take(buffer, weight) : undefined;
      if (share) shares.set(name, share);
      return share !== undefined;
    };
    const pause = pauses();
    const lowered = onnxModel(graph, { ...this.#limitsFor(build), namesNodes: build.profile !== undefined }, outside, packs);
    await pause();
    const model = writeModel(lowered, { nodeOrder: "reversed" });
    await pause();
    const create = () =>
      turns(() =>
        runtime.createSessionAsync(
          model,
          {
            // our own passes have joined equal nodes; what recomputes on purpose must not be joined again
            ...(build.recomputes ? { disabledOptimizers: ["CommonSubexpressionElimination"] } : {}),
            ...defined({ profile: build.profile }),
            ...(build.measureMemory ? { arena: "own" as const } : {}),
            ...(lowered.operators.length ? { operators: operatorDomainOf(runtime.library, lowered.operators) } : {}),
          },
          { packed: this.#packedFor(weightsKey), buffers: new Map(weights) },
        ),
      );
    // what is measured is measured alone
    const isMeasured = build.profile !== undefined || build.measureMemory;
    try {
      await Promise.all(Array.from(shares.values(), s => s.ready));
      const lease = isMeasured
        ? ownSession(await create())
        : await this.#sessions.lease(model, `${build.recomputes ? "recomputes" : ""} ${weightsKey}`, create);
      return new OnnxExecutable(lease, build, this.#number, turns, outside, shares, lowered.origins);
    } catch (error) {
      for (const { giveBack } of shares.values()) giveBack();
      throw error;
    }
  }
}

export function onnxBackend(options: OnnxBackendOptions = {}): Backend {
  const { keptBytes = defaultKeptBytes, ...rest } = options;
  const runtime: EngineRuntime = openRuntime(rest);
  const turns = turnsOf[runtime.provider];
  const kept = new KeptBuffers(keptBytes);
  const builder = new ExecutableBuilder(runtime);
  const giveBack = (b: EngineBuffer): void => kept.giveBack(b);
  return {
    capabilities: {
      name: "onnxruntime",
      native: nativeComposites,
      ...(runtime.provider === "cpu" && canFuse() ? { onRequest: compositesOnRequest, takes: takesComposite, narrows: true as const } : {}),
      ...providerLimits[runtime.provider],
      asynchronous: true,
      inPlace: runtime.provider === "cpu",
      details: { version: runtime.version, provider: runtime.provider, threads: runtime.threads },
    },
    allocate(shape, dtype) {
      const fresh = () => (runtime.provider === "cpu" ? runtime.allocate(dtype, shape) : runtime.allocateOnDevice(dtype, shape));
      return new OnnxMemory(kept.take(shape, dtype) ?? fresh(), shape, dtype, giveBack, turns);
    },
    // never kept memory: only what the system gives anew is zero without being written
    ...(runtime.provider === "cpu"
      ? { zeros: (shape: Shape, dtype: DType) => new OnnxMemory(runtime.allocate(dtype, shape), shape, dtype, giveBack, turns) }
      : {}),
    build: (graph: Graph, build: BuildOptions) => builder.build(graph, build),
    estimatePeakBytes: (graph, build) => builder.estimate(graph, build),
    dispose: () => kept.dispose(),
  };
}
