/** Collectives over arrays of a device: in place where the host can reach the device's memory, through a copy elsewhere. */
import type { ProcessGroup } from "../../ranks/index.ts";
import type { DeviceArray, TypedArray } from "../../tensor/index.ts";

/** An array's bytes in the host's memory: where they lie, or a copy, which `store` writes back. */
export interface LentArray {
  readonly bytes: Uint8Array;
  readonly store: () => Promise<void>;
}

const bytesOf = (x: TypedArray): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

export async function lendArray(array: DeviceArray): Promise<LentArray> {
  const inPlace = array.memory.host();
  if (inPlace) return { bytes: bytesOf(inPlace), store: async () => {} };
  const copy = await array.read();
  return { bytes: bytesOf(copy), store: () => array.write(copy) };
}

/** The root's elements, bit for bit and of any dtype, on every rank. */
export async function broadcastArray(group: ProcessGroup, array: DeviceArray, root: number): Promise<void> {
  const { bytes, store } = await lendArray(array);
  await group.broadcast(bytes, root);
  await store();
}

/** Every rank's numbers, in rank order. NaN and infinities pass, which JSON has not. */
export async function gatherNumbers(group: ProcessGroup, own: readonly number[]): Promise<number[][]> {
  const all = new Float64Array(own.length * group.size);
  await group.allGather(Float64Array.from(own), all);
  return Array.from({ length: group.size }, (_, rank) => [...all.subarray(rank * own.length, (rank + 1) * own.length)]);
}
