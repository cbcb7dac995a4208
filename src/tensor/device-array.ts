/**
 * An array with values on a device. Programs take and give these. It owns its memory until it is disposed or given away to a program that
 * reuses it (donated); using it afterwards is an error that says so. Disposing during a run waits for the run.
 */
import { inspect } from "node:util";
import type { DeviceMemory } from "./backend.ts";
import { refuseAsValue } from "./control.ts";
import { type DType, sizeOf, type TypedArray, toNumbers } from "./dtype.ts";
import { elementsOf } from "./elements.ts";
import { tensorErrors } from "./errors.ts";
import { type Shape, showShape } from "./shape.ts";

export type NestedNumbers = number | NestedNumbers[];

const donatedText = "given away (donated) to a program";

export class DeviceArray {
  readonly shape: Shape;
  readonly dtype: DType;
  #memory: DeviceMemory | undefined;
  #gone = "";
  #uses = 0;
  /** A run in flight was given the array: it may write over it. */
  #isDonated = false;
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
        hint: this.#gone === donatedText ? "Use the array that the program returned in its place." : "",
      });
    return this.#memory;
  }

  /**
   * The elements in place, where JavaScript can reach the device's memory (f16 and bf16 as words). Not a copy. A view that outlives its array
   * (disposed, or donated to a program) keeps the last elements and is connected to no other array; its buffer cannot be transferred.
   */
  view(): TypedArray {
    const host = this.#idle("view").expose();
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
    return this.#idle("read").read();
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
  /**
   * Replaces the elements. A typed array must be the dtype's own (`Uint16Array` words for f16 and bf16); a list of numbers is converted: floats
   * round, integers must be whole and in range.
   */
  async write(data: TypedArray | readonly number[]): Promise<void> {
    const memory = this.#idle("write");
    if (this.#uses)
      throw tensorErrors.fail("busy", {
        place: `write ${this.#label()}`,
        message: "a run in flight reads the array",
        hint: "Await the run first.",
      });
    if (memory.isFrozen)
      throw tensorErrors.fail("argument", {
        place: `write ${this.#label()}`,
        message: "the array is a constant of a compiled program, which keeps a copy of it",
        hint: "Write to a new array and pass that.",
      });
    await memory.write(elementsOf("write", data, this.dtype, this.size));
  }

  /** Frees the memory. Twice is allowed. */
  dispose(): void {
    this.#let("disposed");
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** For programs, while in use: the array is dead, and its memory a result's (`isReused`) or freed when the use ends. */
  give(isReused: boolean): void {
    // disposed during the run, the memory waits for its end already
    const memory = this.#memory ?? this.#pending;
    if (this.#memory) this.#gone = donatedText;
    this.#memory = undefined;
    this.#pending = isReused ? undefined : memory;
  }
  /** For programs: a run that wrote over the memory did not finish, so nobody knows what it holds. */
  lose(): void {
    this.#let("written over by a run that did not finish");
  }
  /** For programs: a call starts and ends to use the memory; `donated` says that it takes it over. */
  beginUse(donated = false): DeviceMemory {
    const memory = this.#idle("run");
    if (donated && this.#uses)
      throw tensorErrors.fail("busy", {
        place: this.#label(),
        message: "the array is donated to a run while another run uses it",
        hint: "Await the other run first.",
      });
    this.#isDonated = donated;
    this.#uses++;
    return memory;
  }
  endUse(): void {
    this.#uses--;
    this.#isDonated = false;
    if (this.#uses === 0 && this.#pending) {
      this.#pending.dispose();
      this.#pending = undefined;
    }
  }

  /** The memory, where no run in flight may be writing over it. */
  #idle(place: string): DeviceMemory {
    if (this.#isDonated)
      throw tensorErrors.fail("busy", {
        place: `${place} ${this.#label()}`,
        message: "the array is donated to a run in flight",
        hint: "Await the run and use the array that it returns.",
      });
    return this.memory;
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

  [Symbol.toPrimitive](hint: string): string {
    return hint === "string" ? this.toString() : refuseAsValue(this.#label(), "array");
  }
  toString(): string {
    const host = this.#isDonated ? undefined : this.#memory?.host();
    if (!host)
      return `DeviceArray(${this.#label()}${this.#isDonated ? ", donated to a run in flight" : this.#memory ? "" : `, ${this.#gone}`})`;
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
function printNumbers(values: Float64Array, shape: Shape, dtype: DType): string {
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
