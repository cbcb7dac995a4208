/**
 * An array with values on a device. Programs take and give these. It owns its memory until it is disposed or given away to a program that
 * reuses it (donated); using it afterwards is an error that says so. Disposing during a run waits for the run.
 */
import { inspect } from "node:util";
import type { DeviceMemory } from "./backend.ts";
import { type DType, fromNumbers, sizeOf, type TypedArray, toNumbers } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { type Shape, showShape } from "./shape.ts";

export type NestedNumbers = number | NestedNumbers[];

export class DeviceArray {
  readonly shape: Shape;
  readonly dtype: DType;
  #memory: DeviceMemory | undefined;
  #gone = "";
  #uses = 0;
  #pending: DeviceMemory | undefined;

  constructor(memory: DeviceMemory) {
    this.shape = memory.shape;
    this.dtype = memory.dtype;
    this.#memory = memory;
  }

  get size(): number {
    return sizeOf(this.shape);
  }
  get isAlive(): boolean {
    return this.#memory !== undefined;
  }

  /** The memory, for programs; errors once disposed or given away. */
  get memory(): DeviceMemory {
    if (!this.#memory)
      throw tensorErrors.fail("disposed", {
        place: this.#label(),
        message: `the array was ${this.#gone}`,
        hint: this.#gone === "disposed" ? "" : "Use the array that the program returned in its place.",
      });
    return this.#memory;
  }

  /** The elements in place, where the device's memory can be reached (f16 and bf16 as words). Not a copy: valid until dispose. */
  view(): TypedArray {
    const host = this.memory.host();
    if (!host)
      throw tensorErrors.fail("device", {
        place: this.#label(),
        expected: "memory that JavaScript can reach",
        received: "device memory",
        hint: "Use await read().",
      });
    return host;
  }

  /** A copy of the elements. */
  read(): Promise<TypedArray> {
    return this.memory.read();
  }
  /** A copy of the elements as numbers. */
  async numbers(): Promise<Float64Array> {
    return toNumbers(await this.read(), this.dtype);
  }
  /** The only element of an array of one. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw tensorErrors.fail("shape", { place: "item", expected: "an array of one element", received: showShape(this.shape) });
    return (await this.numbers())[0]!;
  }
  /** Nested lists of numbers. */
  async nested(): Promise<NestedNumbers> {
    return nest(await this.numbers(), this.shape);
  }
  /** Replaces the elements. */
  async write(data: TypedArray | readonly number[]): Promise<void> {
    if (data.length !== this.size)
      throw tensorErrors.fail("shape", { place: "write", expected: `${this.size} elements`, received: `${data.length}` });
    await this.memory.write(ArrayBuffer.isView(data) ? data : fromNumbers(data, this.dtype));
  }

  /** Frees the memory. Twice is allowed. */
  dispose(): void {
    this.#let("disposed");
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** For programs: takes the memory over; this handle is dead from now on. */
  give(): DeviceMemory {
    const { memory } = this;
    this.#memory = undefined;
    this.#gone = "given away (donated) to a program";
    return memory;
  }
  /** For programs: a run starts and ends to use the memory. */
  beginUse(): void {
    void this.memory;
    this.#uses++;
  }
  endUse(): void {
    this.#uses--;
    if (this.#uses === 0 && this.#pending) {
      this.#pending.dispose();
      this.#pending = undefined;
    }
  }

  #let(how: string): void {
    if (!this.#memory) return;
    if (this.#uses) this.#pending = this.#memory;
    else this.#memory.dispose();
    this.#memory = undefined;
    this.#gone = how;
  }
  #label(): string {
    return `${this.dtype}${showShape(this.shape)}`;
  }

  toString(): string {
    const host = this.#memory?.host();
    if (!host) return `DeviceArray(${this.#label()}${this.#memory ? "" : `, ${this.#gone}`})`;
    return `DeviceArray(${this.#label()}\n${printNumbers(toNumbers(host, this.dtype), this.shape, this.dtype)})`;
  }
  [inspect.custom](): string {
    return this.toString();
  }
}

function nest(values: Float64Array, shape: Shape): NestedNumbers {
  if (shape.length === 0) return values[0]!;
  const inner = sizeOf(shape.slice(1));
  return Array.from({ length: shape[0]! }, (_, i) => nest(values.subarray(i * inner, (i + 1) * inner), shape.slice(1)));
}

/** Rows and columns of numbers; the middle of long axes is left out. */
export function printNumbers(values: Float64Array, shape: Shape, dtype: DType): string {
  const edge = 3;
  const show = (x: number): string => {
    if (dtype === "bool") return x ? "true" : "false";
    if (Number.isInteger(x)) return String(x);
    const size = Math.abs(x);
    return size !== 0 && (size < 1e-4 || size >= 1e6) ? x.toExponential(3) : x.toPrecision(5);
  };
  const go = (at: number, axis: number, indent: string): string => {
    if (axis === shape.length) return show(values[at]!);
    const n = shape[axis]!;
    const inner = sizeOf(shape.slice(axis + 1));
    const shown = n > 2 * edge + 1 ? [0, 1, 2, -1, n - 3, n - 2, n - 1] : Array.from({ length: n }, (_, i) => i);
    const parts = shown.map(i => (i < 0 ? "..." : go(at + i * inner, axis + 1, `${indent} `)));
    return `[${parts.join(axis === shape.length - 1 ? ", " : `,\n${indent} `)}]`;
  };
  return go(0, 0, "");
}
