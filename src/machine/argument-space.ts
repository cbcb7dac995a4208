/** What kernels are told: records of eight-byte fields in native memory, by name. */
import { allocatePages, type Pages } from "./native.ts";

/** A field's value: an address or a whole number, or a float that a kernel spreads over a vector. */
export type ArgumentField = bigint | number | { readonly f32: number };

/** Names of the fields in order; a kernel reads field `name` at `fields.name`. */
export const fieldsOf = <N extends string>(...names: readonly N[]): Readonly<Record<N, number>> =>
  Object.fromEntries(names.map((n, i) => [n, 8 * i])) as Record<N, number>;

/** Memory for so many fields, given out record by record. */
export class ArgumentSpace {
  readonly #pages: Pages;
  readonly #view: DataView;
  #next = 0;

  constructor(fields: number) {
    this.#pages = allocatePages(8 * fields);
    this.#view = new DataView(this.#pages.buffer);
  }

  /** A record; gives its address. */
  put<N extends string>(fields: Readonly<Record<N, number>>, values: Readonly<Record<N, ArgumentField>>): bigint {
    const start = this.#next;
    for (const name of Object.keys(fields) as N[]) {
      this.#next = Math.max(this.#next, start + fields[name] + 8);
      this.set(this.#pages.address + BigInt(start + fields[name]), values[name]);
    }
    return this.#pages.address + BigInt(start);
  }

  /** Changes the field at an address; not while a program reads it. */
  set(address: bigint, value: ArgumentField): void {
    const place = Number(address - this.#pages.address);
    if (typeof value === "object") this.#view.setFloat32(place, value.f32, true);
    else this.#view.setBigInt64(place, BigInt(value), true);
  }

  free(): void {
    this.#pages.free();
  }
}
