/** What a program's input or output can be bound to, wherever its memory is; and the native tensor object that stands for it. */
import { bytesOf, type DType, dtypes, dtypeTable } from "../dtype.ts";
import { intList } from "./c-strings.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import type { Memory } from "./memory.ts";

/** A tensor that runs can use. */
export interface Bindable {
  /** Whose OrtValue it is. */
  readonly library: Library;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** Where it starts within its memory. */
  readonly offsetBytes: number;
  readonly disposed: boolean;
  readonly memory: Memory;
  /** The OrtValue; valid until the buffer is disposed and no run uses it. */
  readonly value: Pointer;
  /** A run starts to use it: its OrtValue stays valid until `endUse`, whatever is disposed meanwhile. */
  beginUse(): void;
  endUse(): void;
}

/** Throws `onnxruntime/dtype` or `onnxruntime/shape` where a tensor of these cannot be. */
export function checkEngineShape(place: string, dtype: DType, shape: readonly number[]): void {
  if (!dtypes.includes(dtype)) throw engineErrors.fail("dtype", { place, expected: `one of ${dtypes.join(", ")}`, received: `"${dtype}"` });
  if (!Array.isArray(shape) || shape.some(d => !Number.isSafeInteger(d) || d < 0) || !Number.isSafeInteger(bytesOf(shape, dtype)))
    throw engineErrors.fail("shape", { place, expected: "dimensions that are whole numbers >= 0", received: JSON.stringify(shape) });
}

/** An OrtValue over memory that exists. */
export function createValue(library: Library, memoryInfo: Pointer, at: Pointer, dtype: DType, shape: readonly number[]): Pointer {
  const dimensions = intList(library, shape);
  const size = bytesOf(shape, dtype);
  const { onnx } = dtypeTable[dtype];
  const value = library.create("CreateTensorWithDataAsOrtValue", memoryInfo, at, size, dimensions.pointer, shape.length, onnx);
  void dimensions.keep;
  return value;
}

/** Lets go of what a buffer held, once. It does not refer to the buffer, or the buffer would never be collected. */
export class HeldBuffers {
  readonly memory: Memory;
  readonly #library: Library;
  #value: Pointer | undefined;
  #uses = 0;
  #disposed = false;

  constructor(library: Library, memory: Memory, value: Pointer) {
    this.#library = library;
    this.memory = memory;
    this.#value = value;
    memory.hold();
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  get value(): Pointer {
    return this.#value!;
  }

  beginUse(): void {
    this.#uses++;
  }

  endUse(): void {
    this.#uses--;
    if (this.#disposed) this.#release();
  }

  dispose(): void {
    this.#disposed = true;
    this.#release();
  }

  #release(): void {
    if (this.#value === undefined || this.#uses > 0) return;
    this.#library.raw("ReleaseValue", this.#value);
    this.#value = undefined;
    this.memory.letGo();
  }
}

/** The safety net for buffers that nobody disposed. */
export const forgottenBuffers = new FinalizationRegistry<HeldBuffers>(held => held.dispose());
