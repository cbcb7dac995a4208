/** Options of clients and topologies by name, and what a plugin says of itself and its programs by name (`PJRT_NamedValue`). */
import { pjrtErrors } from "./errors.ts";
import type { NativeBlock, PjrtApi } from "./native.ts";

export type NamedValues = Readonly<Record<string, string | number | boolean | readonly number[]>>;

/** The structure is an element of arrays, so its size is part of the contract. */
const valueBytes = 56;
const kinds = { string: 0, int64: 1, int64List: 2, float: 3, bool: 4 } as const;
const text = new TextEncoder();

/** Named values as native memory, and what must stay reachable while a plugin reads them. */
export function writeNamedValues(
  api: PjrtApi,
  values: NamedValues,
): { readonly list: NativeBlock; readonly count: number; readonly keep: object[] } {
  const entries = Object.entries(values);
  const memory = new Uint8Array(new ArrayBuffer(Math.max(valueBytes, valueBytes * entries.length)));
  const view = new DataView(memory.buffer);
  const keep: object[] = [memory];
  const held = (bytes: Uint8Array) => {
    const copy = new Uint8Array(new ArrayBuffer(Math.max(8, bytes.byteLength)));
    copy.set(bytes);
    keep.push(copy);
    return api.addressOf(copy);
  };
  for (const [i, [name, value]] of entries.entries()) {
    const at = valueBytes * i;
    const encoded = text.encode(name);
    const put = (kind: number, size: number, write: () => void) => {
      view.setInt32(at + 32, kind, true);
      view.setBigUint64(at + 48, BigInt(size), true);
      write();
    };
    view.setBigUint64(at, BigInt(valueBytes), true);
    view.setBigUint64(at + 16, held(encoded), true);
    view.setBigUint64(at + 24, BigInt(encoded.byteLength), true);
    if (typeof value === "string") {
      const bytes = text.encode(value);
      put(kinds.string, bytes.byteLength, () => view.setBigUint64(at + 40, held(bytes), true));
    } else if (typeof value === "boolean") put(kinds.bool, 1, () => view.setUint8(at + 40, value ? 1 : 0));
    else if (typeof value === "number" && Number.isSafeInteger(value))
      put(kinds.int64, 1, () => view.setBigInt64(at + 40, BigInt(value), true));
    else if (typeof value === "number" && Number.isFinite(value)) put(kinds.float, 1, () => view.setFloat32(at + 40, value, true));
    else if (Array.isArray(value) && value.every(Number.isSafeInteger)) {
      const list = BigInt64Array.from(value as readonly number[], BigInt);
      put(kinds.int64List, list.length, () => view.setBigUint64(at + 40, held(new Uint8Array(list.buffer)), true));
    } else
      throw pjrtErrors.fail("option", {
        place: `PJRT option ${name}`,
        expected: "a string, a finite number, true, false, or a list of whole numbers",
        received: String(value),
      });
  }
  return { list: { memory, address: api.addressOf(memory) }, count: entries.length, keep };
}

/** Named values that a plugin returned. */
export function readNamedValues(api: PjrtApi, at: bigint, count: number): Record<string, string | number | boolean | number[]> {
  const bytes = api.bytes(at, valueBytes * count);
  const view = new DataView(bytes.buffer);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => {
      const base = valueBytes * i;
      const name = api.text(view.getBigUint64(base + 16, true), Number(view.getBigUint64(base + 24, true)));
      const size = Number(view.getBigUint64(base + 48, true));
      const kind = view.getInt32(base + 32, true);
      if (kind === kinds.string) return [name, api.text(view.getBigUint64(base + 40, true), size)];
      if (kind === kinds.int64) return [name, Number(view.getBigInt64(base + 40, true))];
      if (kind === kinds.float) return [name, view.getFloat32(base + 40, true)];
      if (kind === kinds.bool) return [name, view.getUint8(base + 40) !== 0];
      const list = new BigInt64Array(api.bytes(view.getBigUint64(base + 40, true), 8 * size).buffer);
      return [name, Array.from(list, Number)];
    }),
  );
}
