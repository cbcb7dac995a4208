/** Laws of joined collectives: the bytes of one collective an array, whatever the sizes, in few calls. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { joinedArrays, type OwnedArray } from "./joined-arrays.ts";
import { onRanks } from "./parallel.laws.ts";
import { broadcastArray } from "./rank-arrays.ts";

const device = openDevice("cpu", { threads: 1 });

/** Below, at and above a vector, a share of a bucket, an array that goes alone; the last is larger than a bucket. */
const lengths = [1, 3, 16, 17, 64, 1000, 4099, 262_144, 300_001, 2_500_003];
const ownersOf = (size: number): number[] => lengths.map((_, i) => (i === lengths.length - 1 ? 0 : i % size));

const drawnValues = Array.from({ length: 4 }, (_, rank) => {
  const drawn = random(`rank ${rank}`);
  // one draw serves several elements: no rank's sums come out even
  const some = Float32Array.from({ length: 9973 }, () => drawn.uniform() / (drawn.uniform() + 1e-4));
  return lengths.map(length => Float32Array.from({ length }, (_, i) => some[i % some.length]!));
});
const arraysOf = (rank: number): Promise<DeviceArray[]> => Promise.all(drawnValues[rank]!.map(v => device.array(v)));

const forwarded = <T extends object>(of: T, changed: (name: string | symbol) => unknown): T =>
  new Proxy(of, {
    get(target, name) {
      const other = changed(name);
      if (other !== undefined) return other;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });

/** As an array of a device whose memory the host cannot reach. */
const outOfReach = (array: DeviceArray): DeviceArray =>
  forwarded(array, name => (name === "memory" ? forwarded(array.memory, n => (n === "host" ? () => undefined : undefined)) : undefined));

/** Counts a group's collectives. */
function counting(group: ProcessGroup) {
  const counts = { calls: 0 };
  const collectives = ["allReduce", "reduce", "reduceScatter", "allGather", "broadcast"];
  const counted = forwarded(group, name => {
    if (!collectives.includes(String(name))) return undefined;
    return (...args: unknown[]) => {
      counts.calls++;
      return Reflect.apply(Reflect.get(group, name) as () => unknown, group, args);
    };
  });
  return { counted, counts };
}

type Use = (group: ProcessGroup, arrays: readonly DeviceArray[], owned: readonly OwnedArray[]) => Promise<void>;

const run = (size: number, use: Use, shown: (a: DeviceArray) => DeviceArray = a => a) =>
  onRanks(size, async group => {
    const { counted, counts } = counting(group);
    const arrays = await arraysOf(group.rank);
    const owners = ownersOf(size);
    const given = arrays.map(shown);
    await use(
      counted,
      given,
      given.map((array, i) => ({ array, owner: owners[i]! })),
    );
    const values = await Promise.all(arrays.map(async a => Buffer.from(((await a.read()) as Float32Array).slice().buffer)));
    for (const a of arrays) a.dispose();
    return { values, calls: counts.calls };
  });

const eachSum: Use = async (group, arrays) => {
  for (const a of arrays) await group.allReduce(a.view() as Float32Array);
};
const eachBroadcast: Use = async (group, _, owned) => {
  for (const { array, owner } of owned) await broadcastArray(group, array, owner);
};

describe.each([1, 2, 4])("%i ranks", size => {
  const owners = ownersOf(size);

  test.each(["in reach", "out of reach"])("joined sums have the bytes of one sum an array, memory %s", async place => {
    const shown = place === "in reach" ? undefined : outOfReach;
    const want = await run(size, eachSum);
    const everywhere = await run(size, (group, arrays) => joinedArrays(group).sum(arrays), shown);
    const atOwners = await run(size, (group, _, owned) => joinedArrays(group).sumAtOwners(owned), shown);
    for (const [rank, { values }] of want.entries())
      for (const [i, value] of values.entries()) {
        expect(everywhere[rank]!.values[i]!.equals(value)).toBe(true);
        if (owners[i] === rank) expect(atOwners[rank]!.values[i]!.equals(value)).toBe(true);
      }
  });

  test.each(["in reach", "out of reach"])("owners' arrays come to all bit for bit, memory %s", async place => {
    const want = await run(size, eachBroadcast);
    const got = await run(size, (group, _, owned) => joinedArrays(group).spread(owned), place === "in reach" ? undefined : outOfReach);
    for (const [rank, { values }] of want.entries())
      for (const [i, value] of values.entries()) expect(got[rank]!.values[i]!.equals(value)).toBe(true);
  });
});

test("a hundred small arrays take one call, and what is kept serves the next step", async () => {
  const found = await onRanks(2, async group => {
    const { counted, counts } = counting(group);
    const joined = joinedArrays(counted);
    const arrays = await Promise.all(Array.from({ length: 100 }, (_, i) => device.array(new Float32Array(50 + i).fill(i + group.rank))));
    const owned = arrays.map((array, i) => ({ array, owner: i % 2 }));
    for (let step = 0; step < 2; step++) {
      await joined.sum(arrays);
      await joined.sumAtOwners(owned);
      await joined.spread(owned);
    }
    const values = await Promise.all(arrays.map(async a => (await a.numbers())[0]));
    for (const a of arrays) a.dispose();
    return { calls: counts.calls, values };
  });
  // (i + (i + 1)), doubled by each further sum
  for (const { calls, values } of found) {
    expect(calls).toBe(6);
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => 8 * (2 * i + 1)));
  }
});
