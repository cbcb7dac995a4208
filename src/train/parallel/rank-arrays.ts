/** Collectives over arrays of a device: in place where the host can reach the device's memory, through a copy elsewhere. */
import type { ProcessGroup, RankNumbers } from "../../ranks/index.ts";
import type { DeviceArray, TypedArray } from "../../tensor/index.ts";

/** Lets `use` read and write an array's elements. */
async function withElements(array: DeviceArray, use: (elements: TypedArray) => Promise<void>): Promise<void> {
  const inPlace = array.memory.host();
  if (inPlace) return use(inPlace);
  const copy = await array.read();
  await use(copy);
  await array.write(copy);
}

const bytesOf = (x: TypedArray): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

/** The root's elements, bit for bit and of any dtype, on every rank. */
export const broadcastArray = (group: ProcessGroup, array: DeviceArray, root: number): Promise<void> =>
  withElements(array, x => group.broadcast(bytesOf(x), root));

/** Gradients [any shape], float32, added up over the ranks: on every rank, or with `root` on that one. */
export const sumArray = (group: ProcessGroup, array: DeviceArray, root?: number): Promise<void> =>
  withElements(array, x => (root === undefined ? group.allReduce(x as RankNumbers) : group.reduce(x as RankNumbers, root)));

/** Every rank's numbers, in rank order. NaN and infinities pass, which JSON has not. */
export async function gatherNumbers(group: ProcessGroup, own: readonly number[]): Promise<number[][]> {
  const all = new Float64Array(own.length * group.size);
  await group.allGather(Float64Array.from(own), all);
  return Array.from({ length: group.size }, (_, rank) => [...all.subarray(rank * own.length, (rank + 1) * own.length)]);
}
