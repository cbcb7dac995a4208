/**
 * What programs of machine code over rows of numbers are put together from: memory that lives as long as they do, packed weights, roundings and
 * products in their order.
 */
import {
  type ArgumentField,
  ArgumentSpace,
  allocatePages,
  byteProductCode,
  byteProductFields,
  exponentialConstants,
  loadCode,
  type PackedWeight,
  type Pages,
  type RowWork,
  roundConstants,
  roundFields,
  roundRowsCode,
  type TeamOperation,
} from "../../machine/index.ts";
import type { DeviceArray } from "../../tensor/index.ts";
import { blockSize } from "../weight.ts";
import { packArrays, type QuantisedArrays } from "./quantised-arrays.ts";

export interface LinearArrays {
  readonly weight: QuantisedArrays;
  readonly bias?: DeviceArray;
}

export interface Rounding {
  /** Rows of floats, so many bytes apart. */
  readonly x: bigint;
  readonly stride: number;
  readonly length: number;
  readonly work: RowWork;
  /** See `roundFields`. */
  readonly other?: bigint | number;
  readonly bias?: bigint;
  readonly whole?: bigint;
  readonly wholeBias?: bigint;
}

interface Product {
  readonly layer: LinearArrays;
  readonly weight: PackedWeight;
  readonly out: bigint;
  /** Bytes from a row of the result to the next. */
  readonly outStride: number;
  readonly adds: boolean;
  /** Where the number of rows is. */
  readonly rows: bigint;
}

/** Kernels by what they were made for: they know no weights, and code that was loaded stays. */
const kernels = new Map<string, bigint>();

export class Builder {
  readonly operations: TeamOperation[] = [];
  /** Operations whose items are the rows. */
  readonly byRow: number[] = [];
  readonly #rows: number;
  readonly #threads: number;
  readonly #pages: Pages[] = [];
  readonly #weights: PackedWeight[] = [];
  readonly #arguments: ArgumentSpace;
  readonly #scratch: bigint;
  readonly #scratchWidth: number;
  readonly #codes: bigint;
  readonly #codesStride: number;
  readonly #scales: bigint;
  readonly #sums: bigint;
  readonly #constants: bigint;

  /** For so many rows at most, none longer than `longest`, and so many operations at most. */
  constructor(sizes: { readonly rows: number; readonly longest: number; readonly operations: number; readonly threads: number }) {
    const { rows, longest, operations, threads } = sizes;
    this.#rows = rows;
    this.#threads = threads;
    this.#arguments = new ArgumentSpace(Object.keys(roundFields).length * operations);
    this.#scratch = this.pages(4 * rows * longest).address;
    this.#scratchWidth = longest;
    // rows at a distance that is no power of two lie in different sets of the cache
    this.#codesStride = longest + 64;
    this.#codes = this.pages(rows * this.#codesStride).address;
    const blocks = Math.ceil(longest / blockSize);
    this.#scales = this.pages(4 * blocks * rows).address;
    this.#sums = this.pages(4 * blocks * rows).address;
    this.#constants = this.copy(roundConstants(exponentialConstants));
  }

  pages(bytes: number): Pages {
    const pages = allocatePages(bytes);
    this.#pages.push(pages);
    return pages;
  }
  copy(bytes: Uint8Array | Float32Array): bigint {
    const pages = this.pages(bytes.byteLength);
    new Uint8Array(pages.buffer).set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return pages.address;
  }
  async floats(a: DeviceArray): Promise<bigint> {
    return this.copy((a.memory.host() ?? (await a.read())) as Float32Array);
  }
  async pack(w: QuantisedArrays): Promise<PackedWeight> {
    const packed = await packArrays(w);
    this.#weights.push(packed);
    return packed;
  }
  /** Code, made and loaded once a process under its name, which says all that it depends on. */
  kernel(name: string, code: () => Uint8Array): bigint {
    const known = kernels.get(name) ?? loadCode(code());
    kernels.set(name, known);
    return known;
  }
  get weightBytes(): number {
    return this.#weights.reduce((sum, w) => sum + w.bytes, 0);
  }

  add(operation: TeamOperation): number {
    return this.operations.push(operation) - 1;
  }
  put<N extends string>(fields: Readonly<Record<N, number>>, values: Readonly<Record<N, ArgumentField>>): bigint {
    return this.#arguments.put(fields, values);
  }
  /** Changes a field that was put. */
  set(address: bigint, value: ArgumentField): void {
    this.#arguments.set(address, value);
  }

  /** Rounds rows for the products that follow. Its items are the rows, unless `alone`. */
  round(r: Rounding, grain: "row" | "block", epsilon: number, alone = false): { readonly at: number; readonly argument: bigint } {
    if (r.length > this.#scratchWidth) throw new RangeError(`rows of ${r.length} in room for ${this.#scratchWidth}`);
    const argument = this.put(roundFields, {
      x: r.x,
      xStride: r.stride,
      other: r.other ?? 0,
      bias: r.bias ?? 0,
      whole: r.whole ?? 0,
      wholeBias: r.wholeBias ?? 0,
      y: r.work === "none" ? r.x : this.#scratch,
      yStride: r.work === "none" ? r.stride : 4 * r.length,
      codes: this.#codes,
      codesStride: this.#codesStride,
      scales: this.#scales,
      sums: this.#sums,
      blockStride: 4 * this.#rows,
      length: r.length,
      epsilon: { f32: epsilon },
      inverse: { f32: 1 / r.length },
      constants: this.#constants,
    });
    const kernel = this.kernel(`round ${r.work} ${grain}`, () => roundRowsCode(r.work, grain));
    const place = this.add({ kernel, argument, items: 1 });
    if (!alone) this.byRow.push(place);
    return { at: place, argument };
  }

  /** A product with what was rounded last. Gives its argument. */
  async product(p: Product): Promise<bigint> {
    const { weight: w } = p;
    const argument = this.put(byteProductFields, {
      rows: p.rows,
      codes: this.#codes,
      codesStride: this.#codesStride,
      scales: this.#scales,
      sums: this.#sums,
      blockStride: 4 * this.#rows,
      inputs: w.inputs,
      panels: w.address,
      panelBytes: w.panelBytes,
      columnScales: w.scalesAddress,
      scalesBytes: w.scalesBytes,
      bias: p.layer.bias ? await this.#padded(p.layer.bias, w.panels) : 0,
      out: p.out,
      outStride: p.outStride,
    });
    const kernel = this.kernel(`product ${w.grain} ${p.adds}`, () => byteProductCode(w.grain, p.adds));
    this.add({ kernel, argument, items: w.panels, grain: Math.max(1, Math.floor(w.panels / (16 * this.#threads))) });
    return argument;
  }
  /** Biases up to the end of the last panel. */
  async #padded(bias: DeviceArray, panels: number): Promise<bigint> {
    const all = new Float32Array(32 * panels);
    all.set((bias.memory.host() ?? (await bias.read())) as Float32Array);
    return this.copy(all);
  }

  free(): void {
    for (const pages of this.#pages) pages.free();
    for (const w of this.#weights) w.free();
    this.#arguments.free();
  }
}

/** Rows that a thread takes at once: scales of neighbouring rows share a line of the cache. */
export const rowGrain = (rows: number, threads: number): number => Math.min(16, Math.ceil(rows / (2 * threads)));
