/**
 * The backend contract: a backend turns a graph into an executable over memories it allocates, and says what it can do. Nothing above it
 * knows which one runs. One contract suite (`backend.test.ts`) runs on all. Today: the reference evaluator, ONNX Runtime and PJRT. What is
 * served in 8 bits may go past it to machine code (`machine/`, and `nn`'s of that name).
 */
import type { DType, TypedArray } from "./dtype.ts";
import type { Graph } from "./graph.ts";
import type { OpKind } from "./ops.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What large products of matrices round their f32 operands to; they are summed in f32. */
export type ProductDType = "f32" | "bf16" | "f16";

export interface Capabilities {
  readonly name: string;
  /** Composites that it runs as one operation; the others reach it expanded. */
  readonly native: ReadonlySet<OpKind>;
  /** Composites that it also can run as one operation, where a program asks for them. */
  readonly onRequest?: ReadonlySet<OpKind>;
  /** Of the composites that it runs, does it run this one? All where it is absent; the others are expanded. */
  takes?(t: Tensor): boolean;
  /** Values may be kept in 16 bits between operations: it has code that narrows and widens them. */
  readonly narrows?: true;
  /** The 16 bits of products and of kept values may be f16, whose range a caller must keep to. */
  readonly halves?: true;
  /** Runs leave the JavaScript thread free. */
  readonly asynchronous: boolean;
  /** Outputs may be written over inputs where `compile` proves it safe. */
  readonly inPlace: boolean;
  /** Its own compiler keeps every read of an input before the write over it, so nothing needs to be proved. */
  readonly ordersReads?: true;
  /** dtypes that arrays may have. */
  readonly dtypes: readonly DType[];
  /** Relative error of one f32 operation, at most; devices with fast approximations of functions have a larger one. */
  readonly relativeError: number;
  /** What a person should know of the machine part: version, threads, provider. */
  readonly details: Readonly<Record<string, string | number>>;
}

/** Memory of one array on a device. */
export interface DeviceMemory {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The elements themselves where JavaScript can reach them; not a copy, and not to be kept: invalid after `dispose`. */
  host(): TypedArray | undefined;
  /** The same for code that may keep them: from then on the memory is never reused for another array. */
  expose(): TypedArray | undefined;
  /** A kernel keeps a copy of the elements in an order of its own: from then on they do not change, nor is the memory reused. */
  freeze(): void;
  readonly isFrozen: boolean;
  /** Somebody else looks at this memory (exposed or frozen): a program must not write a result over it. */
  readonly isShared: boolean;
  read(): Promise<TypedArray>;
  write(data: TypedArray): Promise<void>;
  dispose(): void;
}

export interface BuildOptions {
  /** Of the program, for files and profiles. */
  readonly name?: string;
  /** The program recomputes activations on purpose: nothing may join or hoist what `barrier` keeps apart. */
  readonly recomputes: boolean;
  /** Output index -> input index whose memory it takes over. */
  readonly aliases: ReadonlyMap<number, number>;
  /** Input index -> memory whose elements stay as they are while the executable lives, so that kernels may keep them in an order of their own. */
  readonly constants?: ReadonlyMap<number, DeviceMemory>;
  /** A prefix for a profile of operator times, where the backend can make one. */
  readonly profile?: string;
  /** Where the processor has no 512-bit vectors, operands are not rounded to bf16. f16 only with the capability `halves`. */
  readonly products?: ProductDType;
  /** Chains of operations on elements may be computed at once, where the backend can; results may differ by rounding. */
  readonly fuses?: boolean;
  /** Large products by matrices among `constants` may be computed in seven parts instead of eight, with `fuses`; rows then share rounding. */
  readonly strassen?: boolean;
  /** Count this program's memory apart from others', so that `peakBytes` is its own. */
  readonly measureMemory?: boolean;
}

/** What an estimate of memory depends on: a program that is measured has an arena of its own. */
export type EstimateOptions = Pick<BuildOptions, "fuses" | "products" | "measureMemory">;

export interface RunHooks {
  /** Stops the run between two operations. */
  readonly signal?: AbortSignal;
  /** Called when the run begins: outputs may be written from then on, also by a run that fails. */
  readonly onBegin?: () => void;
}

export interface Executable {
  /** Computes outputs from inputs, in the graph's order; every memory belongs to the same device. */
  run(inputs: readonly DeviceMemory[], outputs: readonly DeviceMemory[], hooks?: RunHooks): Promise<void>;
  /** Ends profiling and gives the file, where `profile` was asked for. */
  endProfile?(): string;
  /** Most memory that values between operations took so far, where `measureMemory` was asked for. */
  peakBytes?(): number;
  dispose(): void;
}

export interface Backend {
  readonly capabilities: Capabilities;
  allocate(shape: Shape, dtype: DType): DeviceMemory;
  /** Memory full of zeros that was not written for it: the system gives it page by page when it is first used. Absent where there is none. */
  zeros?(shape: Shape, dtype: DType): DeviceMemory;
  build(graph: Graph, options: BuildOptions): Promise<Executable>;
  /** Most memory that values between operations will take, foretold from the graph. Absent where that is not known. */
  estimatePeakBytes?(graph: Graph, options: EstimateOptions): number;
  dispose(): void;
}
