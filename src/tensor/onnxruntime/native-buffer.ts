/**
 * A tensor in native memory: element type, shape, bytes that JavaScript sees and ONNX Runtime reads and writes in place. Several
 * buffers may look at one memory (other shapes, other parts). Disposing is explicit, and waits for runs in flight.
 */
import { bytesOf, type DType, dtypes, dtypeTable, type TypedArray } from "../dtype.ts";
import { intList } from "./c-strings.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import { Memory } from "./memory.ts";

/** What a buffer needs of the runtime. */
export interface BufferHost {
  readonly library: Library;
  /** OrtMemoryInfo of ordinary memory. */
  readonly cpuMemory: Pointer;
}

/** Lets go of what a buffer held, once; it must not refer to the buffer, or the buffer would never be collected. */
interface Held {
  readonly library: Library;
  readonly memory: Memory;
  value: Pointer | undefined;
  uses: number;
  disposed: boolean;
}

function release(held: Held): void {
  if (held.value === undefined) return;
  held.library.raw("ReleaseValue", held.value);
  held.value = undefined;
  held.memory.letGo();
}

/** The safety net for buffers that nobody disposed. */
const forgotten = new FinalizationRegistry<Held>(release);

const shapeText = (shape: readonly unknown[]) => `[${shape.join(", ")}]`;

export function checkShape(place: string, dtype: DType, shape: readonly number[]): void {
  if (!dtypes.includes(dtype)) throw engineErrors.fail("dtype", { place, expected: `one of ${dtypes.join(", ")}`, received: `"${dtype}"` });
  if (!Array.isArray(shape) || shape.some(d => !Number.isSafeInteger(d) || d < 0) || !Number.isSafeInteger(bytesOf(shape, dtype)))
    throw engineErrors.fail("shape", { place, expected: "dimensions that are whole numbers >= 0", received: JSON.stringify(shape) });
}

export class NativeBuffer {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** Where the buffer starts within its memory. */
  readonly offsetBytes: number;
  readonly #host: BufferHost;
  readonly #held: Held;
  #array: TypedArray | undefined;

  private constructor(host: BufferHost, memory: Memory, dtype: DType, shape: readonly number[], offsetBytes: number) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.sizeBytes = bytesOf(shape, dtype);
    this.offsetBytes = offsetBytes;
    this.#host = host;
    const dimensions = intList(host.library, shape);
    const value = host.library.create(
      "CreateTensorWithDataAsOrtValue",
      host.cpuMemory,
      memory.address + BigInt(offsetBytes),
      this.sizeBytes,
      dimensions.pointer,
      shape.length,
      dtypeTable[dtype].onnx,
    );
    memory.hold();
    this.#held = { library: host.library, memory, value, uses: 0, disposed: false };
    forgotten.register(this, this.#held, this.#held);
  }

  /** Zeroed memory for a tensor. `shared` puts it into a SharedArrayBuffer, for worker threads. */
  static allocate(host: BufferHost, dtype: DType, shape: readonly number[], options: { readonly shared?: boolean } = {}): NativeBuffer {
    checkShape("allocate", dtype, shape);
    return new NativeBuffer(host, Memory.allocate(host.library, bytesOf(shape, dtype), options.shared), dtype, shape, 0);
  }

  /** A tensor over memory that the caller owns and must not free while it is used. */
  static wrap(host: BufferHost, bytes: Uint8Array, dtype: DType, shape: readonly number[]): NativeBuffer {
    checkShape("wrap", dtype, shape);
    if (bytes.byteLength !== bytesOf(shape, dtype))
      throw engineErrors.fail("shape", {
        place: "wrap",
        expected: `${bytesOf(shape, dtype)} bytes for ${dtype} ${shapeText(shape)}`,
        received: `${bytes.byteLength} bytes`,
      });
    const { sizeBytes } = dtypeTable[dtype];
    if (bytes.byteOffset % sizeBytes)
      throw engineErrors.fail("shape", {
        place: "wrap",
        expected: `a start that is a multiple of ${sizeBytes} bytes`,
        received: `${bytes.byteOffset}`,
        hint: "Copy the bytes into memory of their own.",
      });
    return new NativeBuffer(host, Memory.wrap(host.library, bytes), dtype, shape, 0);
  }

  get disposed(): boolean {
    return this.#held.disposed;
  }

  #live(): Held {
    if (this.#held.disposed)
      throw engineErrors.fail("disposed", { place: `${this.dtype} ${shapeText(this.shape)}`, message: "the buffer was disposed" });
    return this.#held;
  }

  /** The elements, not a copy; f16 and bf16 as 16-bit words. Empty once the buffer is disposed. Do not write while a run uses it. */
  get array(): TypedArray {
    const bytes = this.#live().memory.bytes!;
    this.#array ??= new dtypeTable[this.dtype].array(
      bytes.buffer as ArrayBuffer,
      bytes.byteOffset + this.offsetBytes,
      this.sizeBytes / dtypeTable[this.dtype].sizeBytes,
    );
    return this.#array;
  }

  /** The raw bytes, not a copy. */
  get bytes(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.array;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  get memory(): Memory {
    return this.#live().memory;
  }

  /** The OrtValue; valid until the buffer is disposed and no run uses it. */
  get value(): Pointer {
    return this.#live().value!;
  }

  /** Another tensor over the same memory, with a shape, element type and first byte of its own. */
  view(shape: readonly number[], options: { readonly dtype?: DType; readonly offsetBytes?: number } = {}): NativeBuffer {
    const { memory } = this.#live();
    const dtype = options.dtype ?? this.dtype;
    checkShape("view", dtype, shape);
    const offset = options.offsetBytes ?? 0;
    const size = bytesOf(shape, dtype);
    if (
      !Number.isSafeInteger(offset) ||
      offset < 0 ||
      offset + size > this.sizeBytes ||
      (this.offsetBytes + offset) % dtypeTable[dtype].sizeBytes
    )
      throw engineErrors.fail("shape", {
        place: `view of ${this.dtype} ${shapeText(this.shape)}`,
        expected: `a part of its ${this.sizeBytes} bytes that starts at a whole element`,
        received: `${size} bytes for ${dtype} ${shapeText(shape)} from byte ${offset}`,
      });
    return new NativeBuffer(this.#host, memory, dtype, shape, this.offsetBytes + offset);
  }

  /** A run starts to use the buffer: its OrtValue stays valid until `endUse`, whatever is disposed meanwhile. */
  beginUse(): void {
    this.#live().uses++;
  }

  endUse(): void {
    this.#held.uses--;
    if (this.#held.disposed && this.#held.uses === 0) release(this.#held);
  }

  /** Lets the memory go; at once for the caller, for native code when the last run that uses it has ended. Twice is allowed. */
  dispose(): void {
    if (this.#held.disposed) return;
    this.#held.disposed = true;
    this.#array = undefined;
    forgotten.unregister(this.#held);
    if (this.#held.uses === 0) release(this.#held);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
