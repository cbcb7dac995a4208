import { expect, test } from "vitest";
import { linkedGroup } from "../linked-group.ts";
import type { MpiLibrary } from "./library.ts";
import { MpiLinks } from "./mpi-links.ts";

interface Sent {
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** Two ranks of one process: messages are queues, and a rank that is held back finds nothing. */
function twoRanks() {
  const queues: readonly Sent[][] = [[], []];
  const finalized: number[] = [];
  const held = new Set<number>();
  const library = (rank: number): MpiLibrary => ({
    rank,
    size: 2,
    // no rank sees the other's process
    allGather: own => {
      const all = new Uint8Array(2 * own.length);
      all.set(own, rank * own.length);
      return all;
    },
    send: (to, bytes) => {
      queues[to]!.push({ from: rank, bytes: bytes.slice() });
      return { isDone: () => true };
    },
    probe: () => {
      const [first] = held.has(rank) ? [] : queues[rank]!;
      return first && { from: first.from, bytes: first.bytes.length };
    },
    receive: (_, into) => into.set(queues[rank]!.shift()!.bytes),
    finalize: () => void finalized.push(rank),
  });
  const groups = [0, 1].map(rank => linkedGroup(new MpiLinks(library(rank))));
  return { groups, queues, finalized, held };
}

test("ranks that close seconds apart end MPI in order", async () => {
  const { groups, finalized } = twoRanks();
  const first = groups[0]!.close();
  await new Promise(resolve => setTimeout(resolve, 2500));
  expect(finalized).toEqual([]);
  await groups[1]!.close();
  await first;
  expect(finalized.sort()).toEqual([0, 1]);
});

test("a rank that closes after another one's farewell has come answers it, and both end MPI in order", async () => {
  const {
    groups: [first, second],
    queues,
    finalized,
    held,
  } = twoRanks();
  held.add(0);
  const x = new Float32Array(3);
  const received = first!.allReduce(x);
  await second!.allReduce(new Float32Array(3).fill(7));
  const closed = second!.close();
  await expect.poll(() => queues[0]!.length).toBe(2);
  held.delete(0);
  await received;
  expect(x).toEqual(new Float32Array(3).fill(7));
  await first!.close();
  await closed;
  expect(finalized.sort()).toEqual([0, 1]);
});
