/**
 * A tensor in host memory: element type, shape, bytes that JavaScript sees and ONNX Runtime reads and writes in place. Several buffers
 * may look at one memory (other shapes, other parts). Disposing is explicit, and waits for runs in flight.
 */
import { bytesOf, type DType, dtypeTable, type TypedArray } from "../dtype.ts";
import { type Bindable, checkEngineShape, createValue, forgottenBuffers, HeldBuffers } from "./binding.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import { HostMemory } from "./memory.ts";

/** What a buffer needs of the runtime. */
export interface BufferHost {
  readonly library: Library;
  /** OrtMemoryInfo of ordinary memory. */
  readonly cpuMemory: Pointer;
}

const shapeText = (shape: readonly unknown[]) => `[${shape.join(", ")}]`;

export class NativeBuffer implements Bindable {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  readonly offsetBytes: number;
  readonly #host: BufferHost;
  readonly #memory: HostMemory;
  readonly #held: HeldBuffers;
  #array: TypedArray | undefined;

  private constructor(host: BufferHost, memory: HostMemory, dtype: DType, shape: readonly number[], offsetBytes: number) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.sizeBytes = bytesOf(shape, dtype);
    this.offsetBytes = offsetBytes;
    this.#host = host;
    this.#memory = memory;
    const value = createValue(host.library, host.cpuMemory, memory.address + BigInt(offsetBytes), dtype, shape);
    this.#held = new HeldBuffers(host.library, memory, value);
    forgottenBuffers.register(this, this.#held, this.#held);
  }

  /** Zeroed memory for a tensor. `shared` puts it into a SharedArrayBuffer, for worker threads. */
  static allocate(host: BufferHost, dtype: DType, shape: readonly number[], options: { readonly shared?: boolean } = {}): NativeBuffer {
    checkEngineShape("allocate", dtype, shape);
    return new NativeBuffer(host, HostMemory.allocate(host.library, bytesOf(shape, dtype), options.shared), dtype, shape, 0);
  }

  /** A tensor over memory that the caller owns and must not free while it is used. */
  static wrap(host: BufferHost, bytes: Uint8Array, dtype: DType, shape: readonly number[]): NativeBuffer {
    checkEngineShape("wrap", dtype, shape);
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
    return new NativeBuffer(host, HostMemory.wrap(host.library, bytes), dtype, shape, 0);
  }

  get library(): Library {
    return this.#host.library;
  }

  get disposed(): boolean {
    return this.#held.disposed;
  }

  #live(): HeldBuffers {
    if (this.#held.disposed)
      throw engineErrors.fail("disposed", { place: `${this.dtype} ${shapeText(this.shape)}`, message: "the buffer was disposed" });
    return this.#held;
  }

  /** The elements, not a copy; f16 and bf16 as 16-bit words. Empty once the buffer is disposed. Do not write while a run uses it. */
  get array(): TypedArray {
    this.#live();
    if (this.#memory.isDetached)
      throw engineErrors.fail("disposed", {
        place: `${this.dtype} ${shapeText(this.shape)}`,
        message: "the buffer of its view was transferred",
        hint: "Transfer a copy.",
      });
    const bytes = this.#memory.bytes!;
    this.#array ??= new dtypeTable[this.dtype].array(
      bytes.buffer as ArrayBuffer,
      bytes.byteOffset + this.offsetBytes,
      this.sizeBytes / dtypeTable[this.dtype].sizeBytes,
    );
    return this.#array;
  }

  /** A view is handed out to code that may keep it: the memory stays where it is as long as the view lives, and is used for nothing else. */
  pin(): void {
    this.memory.pin();
  }

  get isPinned(): boolean {
    return this.#memory.isPinned;
  }

  /** The raw bytes, not a copy. */
  get bytes(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.array;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  get memory(): HostMemory {
    this.#live();
    return this.#memory;
  }

  get value(): Pointer {
    return this.#live().value;
  }

  /** Another tensor over the same memory, with a shape, element type and first byte of its own. */
  view(shape: readonly number[], options: { readonly dtype?: DType; readonly offsetBytes?: number } = {}): NativeBuffer {
    const { memory } = this;
    const dtype = options.dtype ?? this.dtype;
    checkEngineShape("view", dtype, shape);
    const offset = options.offsetBytes ?? 0;
    const size = bytesOf(shape, dtype);
    const isPart = Number.isSafeInteger(offset) && offset >= 0 && offset + size <= this.sizeBytes;
    if (!isPart || (this.offsetBytes + offset) % dtypeTable[dtype].sizeBytes)
      throw engineErrors.fail("shape", {
        place: `view of ${this.dtype} ${shapeText(this.shape)}`,
        expected: `a part of its ${this.sizeBytes} bytes that starts at a whole element`,
        received: `${size} bytes for ${dtype} ${shapeText(shape)} from byte ${offset}`,
      });
    return new NativeBuffer(this.#host, memory, dtype, shape, this.offsetBytes + offset);
  }

  beginUse(): void {
    this.#live().beginUse();
  }

  endUse(): void {
    this.#held.endUse();
  }

  /** Lets the memory go; at once for the caller, for native code when the last run that uses it has ended. Twice is allowed. */
  dispose(): void {
    if (this.#held.disposed) return;
    this.#array = undefined;
    forgottenBuffers.unregister(this.#held);
    this.#held.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
