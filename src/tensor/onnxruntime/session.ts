/**
 * A compiled program: its inputs and outputs, and runs bound to buffers. All checks happen in `prepare`, once; a run itself only looks
 * whether everything is still alive and nobody else is writing. Output memory is always bound beforehand, so nothing is copied.
 */
import { type DType, dtypes, dtypeTable } from "../dtype.ts";
import { type ArenaStats, arenaStats } from "./arena.ts";
import type { Bindable } from "./binding.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import { EngineRun } from "./run.ts";

export interface Port {
  readonly name: string;
  readonly dtype: DType;
  /** A string is a free dimension, named. */
  readonly shape: readonly (number | string)[];
}

export type Bindings = ReadonlyMap<string, Bindable> | Readonly<Record<string, Bindable>>;

export interface PrepareOptions {
  /**
   * Outputs that may lie in exactly the memory of an input. The caller vouches that the program has no reader of the input left
   * when it writes the output.
   */
  readonly inPlace?: readonly string[] | "all";
}

/** What a session needs of the runtime. */
export interface SessionHost {
  readonly library: Library;
  /** OrtMemoryInfo of ordinary memory. */
  readonly cpuMemory: Pointer;
  /** Whether outputs may lie in inputs' memory on this device. */
  readonly inPlace: boolean;
}

interface NativeSession {
  readonly library: Library;
  session: Pointer | undefined;
  uses: number;
  disposed: boolean;
  readonly onGone: (() => void) | undefined;
}

function release(native: NativeSession): void {
  if (native.session === undefined) return;
  native.library.raw("ReleaseSession", native.session);
  native.session = undefined;
  native.onGone?.();
}

const forgotten = new FinalizationRegistry<NativeSession>(release);

function readPort(library: Library, name: string, type: Pointer): Port {
  try {
    const info = library.create("CastTypeInfoToTensorInfo", type);
    const code = info ? library.number("GetTensorElementType", info) : 0;
    const dtype = dtypes.find(d => dtypeTable[d].onnx === code);
    if (!dtype)
      throw engineErrors.fail("model", { place: name, expected: `a tensor of ${dtypes.join(", ")}`, received: `ONNX type ${code}` });
    const rank = library.number("GetDimensionsCount", info);
    const dimensions = new BigInt64Array(new ArrayBuffer(Math.max(8, 8 * rank)));
    library.call("GetDimensions", info, library.addressOf(dimensions), rank);
    const symbols = new BigUint64Array(new ArrayBuffer(Math.max(8, 8 * rank)));
    library.call("GetSymbolicDimensions", info, library.addressOf(symbols), rank);
    const shape = Array.from({ length: rank }, (_, i) =>
      dimensions[i]! >= 0n ? Number(dimensions[i]) : library.text(symbols[i]!) || `${name}.${i}`,
    );
    return { name, dtype, shape };
  } finally {
    library.raw("ReleaseTypeInfo", type);
  }
}

function readPorts(library: Library, session: Pointer, side: "Input" | "Output"): Port[] {
  const allocator = library.create("GetAllocatorWithDefaultOptions");
  return Array.from({ length: library.number(`SessionGet${side}Count`, session) }, (_, i) => {
    const pointer = library.create(`SessionGet${side}Name`, session, i, allocator);
    const name = library.text(pointer);
    library.call("AllocatorFree", allocator, pointer);
    return readPort(library, name, library.create(`SessionGet${side}TypeInfo`, session, i));
  });
}

const portText = (p: Pick<Port, "dtype" | "shape">) => `${p.dtype} [${p.shape.join(", ")}]`;

export class EngineSession {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #native: NativeSession;
  readonly #host: SessionHost;

  /** Takes ownership of the native session; `onGone` is called when it is freed. */
  constructor(host: SessionHost, session: Pointer, onGone?: () => void) {
    const { library } = host;
    this.#host = host;
    this.#native = { library, session, uses: 0, disposed: false, onGone };
    forgotten.register(this, this.#native, this.#native);
    try {
      this.inputs = readPorts(library, session, "Input");
      this.outputs = readPorts(library, session, "Output");
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  get disposed(): boolean {
    return this.#native.disposed;
  }

  /** The OrtSession. Throws once disposed. */
  get pointer(): Pointer {
    if (this.#native.disposed) throw engineErrors.fail("disposed", { place: "session", message: "the session was disposed" });
    return this.#native.session!;
  }

  #bind(side: "input" | "output", ports: readonly Port[], given: Bindings, symbols: Map<string, number>): Bindable[] {
    const entries = new Map(given instanceof Map ? given : Object.entries(given as Readonly<Record<string, Bindable>>));
    const buffers = ports.map(port => {
      const buffer = entries.get(port.name);
      entries.delete(port.name);
      const place = `${side} "${port.name}"`;
      if (!buffer) throw engineErrors.fail("name", { place, expected: `a buffer for ${portText(port)}`, received: "none" });
      if (buffer.disposed) throw engineErrors.fail("disposed", { place, message: "the buffer was disposed" });
      if (buffer.library !== this.#native.library)
        throw engineErrors.fail("option", {
          place,
          expected: `a buffer of the engine that compiled the program (${this.#native.library.path})`,
          received: `one of ${buffer.library.path}`,
          hint: "Allocate it from the runtime that made the session.",
        });
      if (buffer.dtype !== port.dtype) throw engineErrors.fail("dtype", { place, expected: portText(port), received: portText(buffer) });
      const fits =
        buffer.shape.length === port.shape.length &&
        port.shape.every((d, i) => {
          const size = buffer.shape[i]!;
          if (typeof d === "number") return d === size;
          const known = symbols.get(d);
          if (known === undefined) symbols.set(d, size);
          return known === undefined || known === size;
        });
      if (!fits) {
        const known = [...symbols].filter(([name]) => port.shape.includes(name)).map(([name, size]) => `${name}=${size}`);
        throw engineErrors.fail("shape", {
          place,
          expected: `${portText(port)}${known.length ? ` with ${known.join(", ")}` : ""}`,
          received: portText(buffer),
        });
      }
      return buffer;
    });
    const unknown = [...entries.keys()][0];
    if (unknown !== undefined)
      throw engineErrors.fail("name", {
        place: `${side} "${unknown}"`,
        expected: `one of ${ports.map(p => p.name).join(", ") || `none: the program has no ${side}s`}`,
        received: `"${unknown}"`,
      });
    return buffers;
  }

  /** Binds every input and output to a buffer, for any number of runs. Throws where names, types, shapes or memory do not fit. */
  prepare(inputs: Bindings, outputs: Bindings, options: PrepareOptions = {}): EngineRun {
    void this.pointer;
    if (options.inPlace?.length && !this.#host.inPlace)
      throw engineErrors.fail("option", {
        place: "inPlace",
        expected: "no in-place outputs on this device",
        received: String(options.inPlace),
        hint: "Use two buffers and swap them between runs.",
      });
    const symbols = new Map<string, number>();
    return new EngineRun({
      library: this.#native.library,
      session: this,
      inputs: this.inputs,
      outputs: this.outputs,
      inputBuffers: this.#bind("input", this.inputs, inputs, symbols),
      outputBuffers: this.#bind("output", this.outputs, outputs, symbols),
      inPlace: options.inPlace ?? [],
    });
  }

  /** A run starts to use the session: it stays valid until `endUse`, even when disposed meanwhile. */
  beginUse(): void {
    void this.pointer;
    this.#native.uses++;
  }

  endUse(): void {
    this.#native.uses--;
    if (this.#native.disposed && this.#native.uses === 0) release(this.#native);
  }

  /** Ends profiling and names the file (Chrome trace events). Only for sessions made with `profile`. */
  endProfile(): string {
    const { library } = this.#native;
    const allocator = library.create("GetAllocatorWithDefaultOptions");
    const pointer = library.create("SessionEndProfiling", this.pointer, allocator);
    const path = library.text(pointer);
    library.call("AllocatorFree", allocator, pointer);
    return path;
  }

  /** Figures of the memory for values between operators; those of all sessions together where the arena is shared. */
  memory(): ArenaStats {
    return arenaStats(this.#native.library, this.pointer, this.#host.cpuMemory);
  }

  /** Frees the session, when the last run in flight has ended. Twice is allowed. */
  dispose(): void {
    if (this.#native.disposed) return;
    this.#native.disposed = true;
    forgotten.unregister(this.#native);
    if (this.#native.uses === 0) release(this.#native);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
