/** Arrays of C strings and of pointers in memory that stays where it is, for arguments such as `const char *const *names`. */
import type { Library, Pointer } from "./library.ts";

interface NativeList {
  readonly pointer: Pointer;
  /** What must stay reachable while native code may read the list. */
  readonly keep: readonly object[];
}

const text = new TextEncoder();

/** Pointers, one after another. */
export function pointerList(library: Library, pointers: readonly Pointer[]): NativeList {
  const array = new BigUint64Array(new ArrayBuffer(Math.max(8, 8 * pointers.length)));
  array.set(pointers);
  return { pointer: library.addressOf(array), keep: [array] };
}

/** 64-bit integers, one after another (shapes). */
export function intList(library: Library, values: readonly number[]): NativeList {
  const array = new BigInt64Array(new ArrayBuffer(Math.max(8, 8 * values.length)));
  array.set(values.map(BigInt));
  return { pointer: library.addressOf(array), keep: [array] };
}

/** Zero-terminated UTF-8 strings and the array of pointers to them. */
export function stringList(library: Library, strings: readonly string[]): NativeList {
  const encoded = strings.map(s => text.encode(s));
  const bytes = new Uint8Array(
    new ArrayBuffer(
      Math.max(
        8,
        encoded.reduce((n, s) => n + s.length + 1, 0),
      ),
    ),
  );
  const start = library.addressOf(bytes);
  let at = 0;
  const pointers = encoded.map(s => {
    bytes.set(s, at);
    const pointer = start + BigInt(at);
    at += s.length + 1;
    return pointer;
  });
  const list = pointerList(library, pointers);
  return { pointer: list.pointer, keep: [...list.keep, bytes] };
}
