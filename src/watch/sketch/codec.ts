/**
 * Plain data with a compact binary form, described once: whole numbers as varints (LEB128), rising ones by their differences, other numbers as
 * little-endian doubles, or floats where that loses nothing. What is read is checked, as JSON and as bytes.
 */
import { watchErrors } from "../errors.ts";

export interface Codec<T> {
  /** Errors: watch/sketch, naming the place. */
  check(value: unknown, place: string): T;
  write(to: ByteWriter, value: T): void;
  read(from: ByteReader): T;
}

const wrong = (place: string, expected: string, received: unknown) =>
  watchErrors.fail("sketch", { place, expected, received: typeof received === "object" ? "an object" : String(received).slice(0, 60) });

export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #size = 0;

  room(more: number): Uint8Array {
    if (this.#size + more > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#size + more, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    return this.#bytes;
  }

  whole(value: number): void {
    const bytes = this.room(8);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[this.#size++] = (rest % 128) + 128;
    bytes[this.#size++] = rest;
  }

  raw(data: Uint8Array): void {
    this.room(data.length).set(data, this.#size);
    this.#size += data.length;
  }

  all(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  whole(): number {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 49)
        throw wrong("sketch", "a whole number", byte === undefined ? "the end of the bytes" : "too many digits");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }

  raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw wrong("sketch", `${length} bytes`, `${this.#bytes.length - this.#at}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw wrong("sketch", "the end of the bytes", `${this.#bytes.length - this.#at} more`);
  }

  /** Items that there can be at most, each of a byte or more. */
  count(): number {
    const count = this.whole();
    if (count > this.#bytes.length - this.#at) throw wrong("sketch", `at most ${this.#bytes.length - this.#at} items`, count);
    return count;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

export const wholeCodec: Codec<number> = {
  check(value, place) {
    if (!isCount(value)) throw wrong(place, "a whole number from 0", value);
    return value;
  },
  write: (to, value) => to.whole(value),
  read: from => from.whole(),
};

export const textCodec: Codec<string> = {
  check(value, place) {
    if (typeof value !== "string") throw wrong(place, "a text", value);
    return value;
  },
  write(to, value) {
    const bytes = new TextEncoder().encode(value);
    to.whole(bytes.length);
    to.raw(bytes);
  },
  read: from => new TextDecoder().decode(from.raw(from.count())),
};

/** A sum of `ExactSum`. */
export const sumCodec: Codec<string> = {
  ...textCodec,
  check(value, place) {
    if (typeof value !== "string" || !/^-?[0-9a-f]{1,552}@\d{1,2}$/.test(value)) throw wrong(place, "an exact sum", value);
    return value;
  },
};

export function listCodec<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    check(value, place) {
      if (!Array.isArray(value)) throw wrong(place, "a list", value);
      return value.map((v, i) => item.check(v, `${place}[${i}]`));
    },
    write(to, value) {
      to.whole(value.length);
      for (const v of value) item.write(to, v);
    },
    read: from => Array.from({ length: from.count() }, () => item.read(from)),
  };
}

export const wholesCodec = listCodec(wholeCodec);

/** Whole numbers, each above the one before. */
export const risingCodec: Codec<readonly number[]> = {
  check(value, place) {
    const all = wholesCodec.check(value, place);
    for (let i = 1; i < all.length; i++) if (all[i]! <= all[i - 1]!) throw wrong(`${place}[${i}]`, `above ${all[i - 1]}`, all[i]);
    return all;
  },
  write(to, value) {
    to.whole(value.length);
    for (const [i, v] of value.entries()) to.whole(i === 0 ? v : v - value[i - 1]! - 1);
  },
  read(from) {
    let last = -1;
    return Array.from({ length: from.count() }, () => {
      last += from.whole() + 1;
      return last;
    });
  },
};

/** Bytes a number takes by its form: varint (from 1), float, double. */
const forms = [1, 4, 8] as const;

/** Finite numbers. */
export const numbersCodec: Codec<readonly number[]> = {
  check(value, place) {
    if (!Array.isArray(value)) throw wrong(place, "a list of numbers", value);
    for (const [i, v] of value.entries()) if (!Number.isFinite(v)) throw wrong(`${place}[${i}]`, "a finite number", v);
    return value as number[];
  },
  write(to, value) {
    const form = value.every(v => isCount(v) && !Object.is(v, -0)) ? 0 : value.every(v => Math.fround(v) === v) ? 1 : 2;
    to.whole(value.length);
    to.whole(form);
    if (form === 0) for (const v of value) to.whole(v);
    else {
      const view = new DataView(new ArrayBuffer(value.length * forms[form]));
      for (const [i, v] of value.entries()) form === 1 ? view.setFloat32(4 * i, v, true) : view.setFloat64(8 * i, v, true);
      to.raw(new Uint8Array(view.buffer));
    }
  },
  read(from) {
    const length = from.count();
    const form = from.whole();
    if (form === 0) return Array.from({ length }, () => from.whole());
    const width = forms[form];
    if (width === undefined) throw wrong("sketch", "a form of numbers from 0 to 2", form);
    const bytes = from.raw(length * width);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = Array.from({ length }, (_, i) => (form === 1 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true)));
    return numbersCodec.check(values, "sketch");
  },
};

/** A record of named members, in the order of the table. */
export function recordCodec<T extends object>(members: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(members) as (keyof T & string)[];
  return {
    check(value, place) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(place, "an object", value);
      const given = value as Record<string, unknown>;
      const extra = Object.keys(given).find(k => !Object.hasOwn(members, k));
      if (extra !== undefined) throw wrong(`${place}.${extra}`, `only ${names.join(", ")}`, given[extra]);
      return Object.fromEntries(names.map(k => [k, members[k].check(given[k], `${place}.${k}`)])) as T;
    },
    write(to, value) {
      for (const k of names) members[k].write(to, value[k]);
    },
    read: from => Object.fromEntries(names.map(k => [k, members[k].read(from)])) as T,
  };
}
