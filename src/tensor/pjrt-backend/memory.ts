/**
 * An array of a PJRT device behind the backend contract. PJRT's buffers never change: writing makes a new one, and a program that takes an
 * array over gives it a new buffer in the same device memory. So memory is taken when elements come, not when an array is made.
 */
import type { DeviceMemory } from "../backend.ts";
import { bytesOf, type DType, dtypeTable, type TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { PjrtBuffer, PjrtClient } from "../pjrt/index.ts";
import { type Shape, showShape } from "../shape.ts";

const zerosOf = (shape: Shape, dtype: DType): TypedArray => new dtypeTable[dtype].array(new ArrayBuffer(bytesOf(shape, dtype)));

export class PjrtMemory implements DeviceMemory {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly client: PjrtClient;
  #buffer: PjrtBuffer | undefined;
  #isFrozen = false;
  #isDisposed = false;

  constructor(client: PjrtClient, shape: Shape, dtype: DType) {
    this.client = client;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** What the device holds; zeros where nothing was written yet. */
  get buffer(): PjrtBuffer {
    if (this.#isDisposed)
      throw tensorErrors.fail("disposed", { place: `${this.dtype}${showShape(this.shape)}`, message: "the memory was disposed" });
    this.#buffer ??= this.client.upload(zerosOf(this.shape, this.dtype), this.dtype, this.shape).buffer;
    return this.#buffer;
  }
  /** Takes a result in place of what was there. */
  replace(buffer: PjrtBuffer | undefined): void {
    this.#buffer?.dispose();
    this.#buffer = undefined;
    if (this.#isDisposed) buffer?.dispose();
    else this.#buffer = buffer;
  }

  host(): undefined {
    return undefined;
  }
  expose(): undefined {
    return undefined;
  }
  freeze(): void {
    this.#isFrozen = true;
  }
  get isFrozen(): boolean {
    return this.#isFrozen;
  }
  get isShared(): boolean {
    return this.#isFrozen;
  }
  async read(): Promise<TypedArray> {
    const into = zerosOf(this.shape, this.dtype);
    if (into.length > 0) await this.buffer.read(into, this.shape.length);
    return into;
  }
  async write(data: TypedArray): Promise<void> {
    const { buffer, done } = this.client.upload(data, this.dtype, this.shape);
    this.replace(buffer);
    await done;
  }
  dispose(): void {
    this.replace(undefined);
    this.#isDisposed = true;
  }
}
