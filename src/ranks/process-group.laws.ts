/** The contract of every transport between ranks. A transport's test calls it with how its ranks are made and how one is made to end. */
import { describe, expect, test } from "vitest";
import { random } from "../base/index.ts";
import type { ProcessGroup } from "./process-group.ts";

interface Hands<G extends ProcessGroup> {
  /** Ends a rank as `kill -9` would. */
  readonly crash: (rank: G) => unknown;
}

const bytesOf = (x: Float32Array): Buffer => Buffer.from(x.buffer, x.byteOffset, x.byteLength);
/** `toEqual` looks at elements one by one, which takes seconds for large arrays. */
const expectSame = (x: Float32Array, want: Float32Array) => expect(bytesOf(x).equals(bytesOf(want))).toBe(true);
const each = <T>(size: number, make: (rank: number) => T): T[] => Array.from({ length: size }, (_, i) => make(i));

export function groupContract<G extends ProcessGroup>(
  name: string,
  open: (size: number, timeoutMs?: number) => Promise<readonly G[]>,
  { crash }: Hands<G>,
): void {
  const withGroup = async (size: number, use: (ranks: readonly G[]) => Promise<void>) => {
    const ranks = await open(size);
    try {
      await use(ranks);
    } finally {
      await Promise.all(ranks.map(r => r.close()));
    }
  };

  describe(`ranks over ${name}`, () => {
    test.each([1, 2, 3, 4])("%i ranks add up in rank order, to the same bytes on each", size =>
      withGroup(size, async ranks => {
        const drawn = random(size);
        for (const length of [0, 1, 7, 1000, 2049, 4096, 8191, 100_003]) {
          const parts = each(size, () => Float32Array.from({ length }, () => drawn.normal() * 10 ** (8 * drawn.uniform() - 4)));
          const want = new Float32Array(length);
          for (const [i] of want.entries()) {
            let sum = parts[0]![i]!;
            for (const part of parts.slice(1)) sum = Math.fround(sum + part[i]!);
            want[i] = sum;
          }
          const got = parts.map(p => p.slice());
          await Promise.all(ranks.map((r, i) => r.allReduce(got[i]!)));
          for (const x of got) expectSame(x, want);
          const most = parts.map(p => p.slice());
          await Promise.all(ranks.map((r, i) => r.allReduce(most[i]!, "max")));
          const greatest = Float32Array.from(want, (_, i) => Math.max(...parts.map(p => p[i]!)));
          for (const x of most) expectSame(x, greatest);
          const root = size - 1;
          const reduced = parts.map(p => p.slice());
          await Promise.all(ranks.map((r, i) => r.reduce(reduced[i]!, root)));
          for (const [i, x] of reduced.entries()) expectSame(x, i === root ? want : parts[i]!);
        }
      }),
    );

    test("parts are scattered and gathered by rank", () =>
      withGroup(3, async ranks => {
        const x = each(3, r => Float64Array.from({ length: 12 }, (_, i) => 100 * r + i));
        const into = each(3, () => new Float64Array(4));
        await Promise.all(ranks.map((r, i) => r.reduceScatter(x[i]!, into[i]!)));
        for (const [r, part] of into.entries()) expect([...part]).toEqual(each(4, i => 300 + 3 * (4 * r + i)));
        const all = each(3, () => new Float64Array(12));
        await Promise.all(ranks.map((r, i) => r.allGather(into[i]!, all[i]!)));
        for (const got of all) expect([...got]).toEqual(into.flatMap(p => [...p]));
      }));

    test("an array of one rank comes to all, and to one", () =>
      withGroup(3, async ranks => {
        for (const root of [0, 1, 2]) {
          const x = each(3, r => Uint16Array.from({ length: 70_001 }, (_, i) => i * (r + 1)));
          await Promise.all(ranks.map((r, i) => r.broadcast(x[i]!, root)));
          for (const got of x) expect(got[60_000]).toBe((60_000 * (root + 1)) % 65536);
        }
        const [from, to] = [BigInt64Array.of(1n, -2n, 3n), new BigInt64Array(3)];
        await Promise.all([ranks[2]!.send(from, 0), ranks[0]!.receive(to, 2)]);
        expect(to).toEqual(from);
      }));

    test("a chain of messages has no deadlock, and messages of a pair keep their order", () =>
      withGroup(3, async ranks => {
        const heard: number[] = [];
        await Promise.all(
          ranks.map(async (r, i) => {
            for (let k = 0; k < 20; k++) {
              const x = Int32Array.of(k);
              if (i > 0) await r.receive(x, i - 1);
              if (i === 2) heard.push(x[0]!);
              if (i < 2) await r.send(x, i + 1);
            }
          }),
        );
        expect(heard).toEqual(each(20, i => i));
      }));

    test("small values are exchanged in rank order, and a barrier waits for all", () =>
      withGroup(4, async ranks => {
        const values = await Promise.all(ranks.map(r => r.exchange({ rank: r.rank, text: "é".repeat(r.rank) })));
        for (const v of values) expect(v).toEqual(each(4, rank => ({ rank, text: "é".repeat(rank) })));
        let came = 0;
        await Promise.all(
          ranks.map(async (r, i) => {
            await new Promise(resolve => setTimeout(resolve, 5 * i));
            came++;
            await r.barrier();
            expect(came).toBe(4);
          }),
        );
      }));

    test("groups of some ranks run beside each other", () =>
      withGroup(4, async ranks => {
        const rows = await Promise.all(ranks.map((r, i) => r.subgroup(i < 2 ? [0, 1] : [2, 3])));
        const columns = await Promise.all(ranks.map((r, i) => r.subgroup(i % 2 ? [1, 3] : [0, 2])));
        expect(rows.map(r => [r.rank, r.size])).toEqual([
          [0, 2],
          [1, 2],
          [0, 2],
          [1, 2],
        ]);
        const x = each(4, r => Int32Array.of(10 ** r));
        await Promise.all(rows.map((r, i) => r.allReduce(x[i]!)));
        expect(x.map(a => a[0])).toEqual([11, 11, 1100, 1100]);
        await Promise.all(columns.map((r, i) => r.allReduce(x[i]!)));
        expect(x.map(a => a[0])).toEqual([1111, 1111, 1111, 1111]);
      }));

    test("a rank that ends is named on all others, and so is every further call", async () => {
      const ranks = await open(3);
      const waiting = ranks.slice(0, 2).map(r => r.allReduce(new Float32Array(1000)));
      for (const w of waiting) w.catch(() => {});
      await crash(ranks[2]!);
      for (const w of waiting) await expect(w).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 2") });
      for (const r of ranks.slice(0, 2)) await expect(r.barrier()).rejects.toMatchObject({ code: "ranks/lost" });
      await Promise.all(ranks.slice(0, 2).map(r => r.close()));
    });

    test("a rank that does not join is named after the timeout", async () => {
      const ranks = await open(3, 300);
      const waiting = [ranks[0]!, ranks[2]!].map(r => r.allReduce(new Float32Array(10)));
      for (const w of waiting) w.catch(() => {});
      for (const w of waiting) await expect(w).rejects.toMatchObject({ code: "ranks/stuck", message: expect.stringContaining("rank 1") });
      await Promise.all(ranks.map(r => r.close().catch(() => {})));
    });

    test("another collective, or another length, is refused by name on each", async () => {
      for (const wrong of [
        (r: G) => r.barrier(),
        (r: G) => r.allReduce(new Float32Array(11)),
        (r: G) => r.allReduce(new Float32Array(10), "max"),
      ]) {
        const ranks = await open(2);
        const calls = [ranks[0]!.allReduce(new Float32Array(10)), wrong(ranks[1]!)];
        for (const c of calls) c.catch(() => {});
        for (const c of calls)
          await expect(c).rejects.toMatchObject({ code: "ranks/protocol", message: expect.stringMatching(/rank [01]/) });
        await Promise.all(ranks.map(r => r.close().catch(() => {})));
      }
    });

    test("arguments out of range are errors before anything is sent", () =>
      withGroup(2, async ranks => {
        const [r] = ranks as [G, G];
        const attempts = [
          () => r.broadcast(new Float32Array(1), 2),
          () => r.reduce(new Float32Array(1), -1),
          () => r.send(new Float32Array(1), 2),
          () => r.allGather(new Float32Array(2), new Float32Array(3)),
          () => r.reduceScatter(new Float32Array(3), new Float32Array(2)),
          () => r.subgroup([1]),
        ];
        for (const attempt of attempts) await expect(async () => attempt()).rejects.toMatchObject({ code: "ranks/argument" });
        // and the group still works
        await Promise.all(ranks.map(x => x.barrier()));
      }));
  });
}
