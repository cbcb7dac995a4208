import fc from "fast-check";
import { expect, test } from "vitest";
import { type PipelineAction, type PipelineKind, type PipelinePlan, pipelineKinds, pipelineSchedule } from "./pipeline-schedule.ts";

const plans = fc
  .record({
    kind: fc.constantFrom(...pipelineKinds),
    ranks: fc.integer({ min: 1, max: 6 }),
    groups: fc.integer({ min: 1, max: 4 }),
    rest: fc.nat(5),
    chunks: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ kind, ranks, groups, rest, chunks }) => {
    const microBatches = kind === "interleaved" ? ranks * groups : groups + rest;
    const own = { ranks, microBatches, chunks: kind === "1f1b" ? 1 : chunks };
    return { kind, ...own, plan: pipelineSchedule(kind, own) };
  });

const key = (a: PipelineAction): string => `${a.kind} ${"what" in a ? `${a.what} ` : ""}${a.stage} ${a.microBatch}`;

test("every micro-batch goes through every stage once forward and once backward", () => {
  fc.assert(
    fc.property(plans, ({ plan, microBatches, ranks }) => {
      const seen = new Set<string>();
      for (const [rank, actions] of plan.ranks.entries())
        for (const a of actions) {
          if ("peer" in a) continue;
          expect(a.stage % ranks).toBe(rank);
          expect(seen.has(key(a))).toBe(false);
          seen.add(key(a));
        }
      expect(seen.size).toBe(2 * plan.stages * microBatches);
    }),
  );
});

/** Carries a plan out with sends that wait for their receivers; throws where a rank computes without what it needs. Gives the largest number alive. */
function carriedOut({ ranks, stages }: PipelinePlan): number[] {
  const at = ranks.map(() => 0);
  const there = ranks.map(() => new Set<string>());
  const alive = ranks.map(() => 0);
  const peak = ranks.map(() => 0);
  const need = (rank: number, what: string): void => {
    if (!there[rank]!.has(what)) throw new Error(`rank ${rank} lacks ${what}`);
  };
  const step = (rank: number): boolean => {
    const a = ranks[rank]![at[rank]!];
    if (!a) return false;
    if ("peer" in a) {
      const other = ranks[a.peer]![at[a.peer]!];
      if (!other || !("peer" in other) || other.kind === a.kind || other.what !== a.what || other.peer !== rank) return false;
      if (other.stage !== a.stage || other.microBatch !== a.microBatch) return false;
      const [from, to] = a.kind === "send" ? [rank, a.peer] : [a.peer, rank];
      const what = `${a.what === "activation" ? "forward" : "backward"} ${a.stage} ${a.microBatch}`;
      need(from, what);
      there[to]!.add(what);
      at[a.peer]!++;
    } else if (a.kind === "forward") {
      if (a.stage > 0) need(rank, `forward ${a.stage - 1} ${a.microBatch}`);
      alive[rank]!++;
      peak[rank] = Math.max(peak[rank]!, alive[rank]!);
    } else {
      need(rank, `forward ${a.stage} ${a.microBatch}`);
      if (a.stage < stages - 1) need(rank, `backward ${a.stage + 1} ${a.microBatch}`);
      alive[rank]!--;
    }
    if (!("peer" in a)) there[rank]!.add(key(a));
    at[rank]!++;
    return true;
  };
  while (at.some((n, rank) => n < ranks[rank]!.length))
    if (!ranks.map((_, rank) => step(rank)).some(Boolean)) throw new Error("ranks wait for each other");
  return peak;
}

test("with sends that wait for their receivers no plan ends in a circle, and all that is needed is there", () => {
  fc.assert(
    fc.property(plans, ({ plan }) => {
      carriedOut(plan);
    }),
  );
});

/** Micro-batches whose activations are kept at once on a rank, as published. */
const published: { readonly [K in PipelineKind]: (rank: number, ranks: number, microBatches: number, chunks: number) => number } = {
  gpipe: (_, __, microBatches, chunks) => microBatches * chunks,
  "1f1b": (rank, ranks, microBatches) => Math.min(microBatches, ranks - rank),
  interleaved: (rank, ranks, microBatches, chunks) => {
    const first = microBatches === ranks ? microBatches * chunks : 2 * (ranks - rank - 1) + (chunks - 1) * ranks;
    return Math.min(microBatches * chunks, first + 1);
  },
};

test("as many micro-batches are alive as published, and no more", () => {
  fc.assert(
    fc.property(plans, ({ plan, kind, ranks, microBatches, chunks }) => {
      expect(carriedOut(plan)).toEqual(plan.ranks.map((_, rank) => published[kind](rank, ranks, microBatches, chunks)));
    }),
  );
});

test("idle time is as published: (p - 1) (forward + backward), divided by the chunks of a rank where they interleave", () => {
  for (const [ranks, microBatches] of [
    [2, 4],
    [4, 8],
    [4, 16],
  ] as const) {
    for (const kind of ["gpipe", "1f1b"] as const)
      expect(pipelineSchedule(kind, { ranks, microBatches }).span).toBe(3 * (microBatches + ranks - 1));
    for (const chunks of [2, 3]) {
      const { span, idle } = pipelineSchedule("interleaved", { ranks, microBatches, chunks });
      expect(span).toBe(3 * (microBatches * chunks + ranks - 1));
      expect(idle).toBeCloseTo((ranks - 1) / (microBatches * chunks + ranks - 1), 10);
    }
  }
});

test("numbers that no schedule can be made of are refused", () => {
  expect(() => pipelineSchedule("interleaved", { ranks: 4, microBatches: 6 })).toThrow(
    /microBatches: expected a multiple of the 4 ranks, got 6/,
  );
  expect(() => pipelineSchedule("1f1b", { ranks: 2, microBatches: 4, chunks: 2 })).toThrow(/chunks: expected 1: .*, got 2/);
  expect(() => pipelineSchedule("1f1b", { ranks: 0, microBatches: 6 })).toThrow(/ranks: expected a whole number from 1, got 0/);
});
