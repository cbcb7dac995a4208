/**
 * ONNX Runtime behind the backend contract: a graph becomes an ONNX model, the model a session, a run binds native buffers that stay where
 * they are. Freed memory is kept for arrays of the same size, so a loop allocates only in its first steps.
 */
import type { Backend, BuildOptions, DeviceMemory, Executable } from "../backend.ts";
import { bytesOf, type DType, type TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { writeModel } from "../onnx/index.ts";
import { type NativeBuffer, openRuntime, type Provider, type Run, type Runtime, type Session } from "../onnxruntime/index.ts";
import type { Shape } from "../shape.ts";
import { nativeComposites } from "./lower.ts";
import { inputName, onnxModel, outputName } from "./model.ts";

export interface OnnxBackendOptions {
  readonly provider?: Provider;
  /** Threads of one operation; all processors when absent. */
  readonly threads?: number;
  /** Processors for the further threads, e.g. "1;2-3". */
  readonly affinity?: string;
  /** Idle threads burn their processor while they wait for the next operation. */
  readonly spinning?: boolean;
  /** Freed memory kept for reuse, at most; beyond it memory goes back to the system. */
  readonly keptBytes?: number;
}

/** Freed memory that is kept when nothing else is said: enough for a small model's gradients and activations. */
const defaultKeptBytes = 1 << 30;

class OnnxMemory implements DeviceMemory {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly buffer: NativeBuffer;
  readonly #giveBack: (b: NativeBuffer) => void;

  constructor(buffer: NativeBuffer, shape: Shape, dtype: DType, giveBack: (b: NativeBuffer) => void) {
    this.buffer = buffer;
    this.shape = shape;
    this.dtype = dtype;
    this.#giveBack = giveBack;
  }
  host(): TypedArray {
    return this.buffer.array;
  }
  async read(): Promise<TypedArray> {
    return this.buffer.array.slice() as TypedArray;
  }
  async write(data: TypedArray): Promise<void> {
    (this.buffer.array as { set(x: TypedArray): void }).set(data);
  }
  dispose(): void {
    this.#giveBack(this.buffer);
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

/** How many (inputs, outputs) bindings a program keeps prepared: a training loop has one or two, a server a few. */
const keptRuns = 16;

class OnnxExecutable implements Executable {
  readonly #session: Session;
  readonly #runs = new Map<string, { readonly run: Run; readonly buffers: readonly NativeBuffer[] }>();
  readonly #inPlace: readonly string[];
  readonly #number: (b: NativeBuffer) => number;

  constructor(session: Session, options: BuildOptions, number: (b: NativeBuffer) => number) {
    this.#session = session;
    this.#inPlace = [...options.aliases.keys()].map(outputName);
    this.#number = number;
  }

  #prepared(inputs: readonly NativeBuffer[], outputs: readonly NativeBuffer[]): Run {
    const buffers = [...inputs, ...outputs];
    const key = buffers.map(this.#number).join(" ");
    const known = this.#runs.get(key);
    if (known && !known.buffers.some(b => b.disposed)) {
      this.#runs.delete(key);
      this.#runs.set(key, known);
      return known.run;
    }
    const run = this.#session.prepare(
      new Map(inputs.map((b, i) => [inputName(i), b])),
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

  async run(inputs: readonly DeviceMemory[], outputs: readonly DeviceMemory[], signal?: AbortSignal): Promise<void> {
    const run = this.#prepared(
      inputs.map(m => nativeOf(m).buffer),
      outputs.map(m => nativeOf(m).buffer),
    );
    await run.async(signal ? { signal } : {});
  }

  endProfile(): string {
    return this.#session.endProfile();
  }

  peakBytes(): number {
    return this.#session.memory().peakBytes;
  }

  dispose(): void {
    for (const { run } of this.#runs.values()) run.dispose();
    this.#runs.clear();
    this.#session.dispose();
  }
}

export function onnxBackend(options: OnnxBackendOptions = {}): Backend {
  const { keptBytes = defaultKeptBytes, ...rest } = options;
  const runtime: Runtime = openRuntime(rest);
  const free = new Map<string, NativeBuffer[]>();
  let freeBytes = 0;
  const numbers = new WeakMap<NativeBuffer, number>();
  let next = 0;
  const number = (b: NativeBuffer): number => {
    const known = numbers.get(b);
    if (known !== undefined) return known;
    numbers.set(b, next);
    return next++;
  };
  const key = (shape: Shape, dtype: DType) => `${dtype} ${shape}`;
  const giveBack = (b: NativeBuffer): void => {
    if (freeBytes + b.sizeBytes > keptBytes) {
      b.dispose();
      return;
    }
    freeBytes += b.sizeBytes;
    const k = key(b.shape, b.dtype);
    const list = free.get(k);
    if (list) list.push(b);
    else free.set(k, [b]);
  };
  return {
    capabilities: {
      name: "onnxruntime",
      native: nativeComposites,
      asynchronous: true,
      inPlace: runtime.provider === "cpu",
      details: { version: runtime.version, provider: runtime.provider, threads: runtime.threads },
    },
    allocate(shape, dtype) {
      const kept = free.get(key(shape, dtype))?.pop();
      if (kept) freeBytes -= bytesOf(shape, dtype);
      return new OnnxMemory(kept ?? runtime.allocate(dtype, shape), shape, dtype, giveBack);
    },
    async build(graph: Graph, build: BuildOptions) {
      const session = await runtime.createSessionAsync(writeModel(onnxModel(graph), { nodeOrder: "reversed" }), {
        // our own passes have joined equal nodes; what recomputes on purpose must not be joined again
        ...(build.recomputes ? { disabledOptimizers: ["CommonSubexpressionElimination"] } : {}),
        ...(build.profile === undefined ? {} : { profile: build.profile }),
        ...(build.measureMemory ? { arena: "own" as const } : {}),
      });
      return new OnnxExecutable(session, build, number);
    },
    dispose() {
      for (const list of free.values()) for (const b of list) b.dispose();
      free.clear();
      freeBytes = 0;
    },
  };
}
