/**
 * When each rank of a pipeline does what: plain plans, carried out elsewhere. GPipe (Huang et al. 2019): all forward, then all backward. 1F1B (PipeDream-Flush,
 * Narayanan et al. 2021): a backward as soon as there is one, so no more micro-batches are alive than stages follow. Interleaved (the same paper, section
 * 2.2): ranks have several stages, each further apart, which divides the idle time. Transfers are put in one order of the whole pipeline, of
 * which each rank has its part, so ranks whose sends wait for their receivers cannot wait for each other in a circle.
 */
import { tensorErrors } from "../errors.ts";

export const pipelineKinds = ["gpipe", "1f1b", "interleaved"] as const;
export type PipelineKind = (typeof pipelineKinds)[number];

export type PipelineAction =
  | { readonly kind: "forward" | "backward"; readonly stage: number; readonly microBatch: number }
  /** `stage`: the one that computed what is sent. An activation goes to the next, a gradient to the one before. */
  | {
      readonly kind: "send" | "receive";
      readonly what: "activation" | "gradient";
      readonly stage: number;
      readonly microBatch: number;
      /** The other rank. */
      readonly peer: number;
    };

export interface PipelineOptions {
  readonly ranks: number;
  readonly microBatches: number;
  /** Stages a rank (default 2 for "interleaved", else 1). More than 1 go with "gpipe" and "interleaved". */
  readonly chunks?: number;
}

export interface PipelinePlan {
  /** Stages in all; stage s is on rank s mod ranks. */
  readonly stages: number;
  /** What each rank does, in order. */
  readonly ranks: readonly (readonly PipelineAction[])[];
  /** Time until the last rank is done, where a stage takes 1 forward and 2 backward and transfers take none. */
  readonly span: number;
  /** Share of that time in which a rank waits, the mean over ranks. */
  readonly idle: number;
}

type Compute = Extract<PipelineAction, { readonly kind: "forward" | "backward" }>;
const compute = (kind: Compute["kind"], stage: number, microBatch: number): Compute => ({ kind, stage, microBatch });

/** Forward and backward of a rank in turn, after so many forwards. */
function inTurn(forwards: readonly Compute[], backwards: readonly Compute[], first: number): Compute[] {
  const warm = Math.min(first, forwards.length);
  const steady = forwards.slice(warm).flatMap((forward, i) => [forward, backwards[i]!]);
  return [...forwards.slice(0, warm), ...steady, ...backwards.slice(forwards.length - warm)];
}

type Order = (rank: number, o: Required<PipelineOptions>) => Compute[];
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const orders: { readonly [K in PipelineKind]: Order } = {
  gpipe: (rank, { ranks, microBatches, chunks }) => {
    const all = numbers(chunks).flatMap(chunk => numbers(microBatches).map(microBatch => ({ chunk, microBatch })));
    return [
      ...all.map(({ chunk, microBatch }) => compute("forward", chunk * ranks + rank, microBatch)),
      ...all.map(({ chunk, microBatch }) => compute("backward", (chunks - 1 - chunk) * ranks + rank, microBatch)),
    ];
  },
  "1f1b": (rank, { ranks, microBatches }) =>
    inTurn(
      numbers(microBatches).map(m => compute("forward", rank, m)),
      numbers(microBatches).map(m => compute("backward", rank, m)),
      ranks - rank - 1,
    ),
  interleaved: (rank, { ranks, microBatches, chunks }) => {
    // groups of as many micro-batches as ranks go through a chunk together
    const at = (i: number) => ({
      chunk: Math.floor((i % (ranks * chunks)) / ranks),
      microBatch: Math.floor(i / (ranks * chunks)) * ranks + (i % ranks),
    });
    const all = numbers(microBatches * chunks).map(at);
    return inTurn(
      all.map(({ chunk, microBatch }) => compute("forward", chunk * ranks + rank, microBatch)),
      all.map(({ chunk, microBatch }) => compute("backward", (chunks - 1 - chunk) * ranks + rank, microBatch)),
      microBatches === ranks ? microBatches * chunks : 2 * (ranks - rank - 1) + (chunks - 1) * ranks,
    );
  },
};

const keyOf = ({ kind, stage, microBatch }: Compute): string => `${kind} ${stage} ${microBatch}`;
const cost = { forward: 1, backward: 2 } as const;

interface Timed {
  readonly action: Compute;
  readonly rank: number;
  readonly finish: number;
}

/** When each action ends, every rank in its own order as soon as what it needs is there. */
function timed(sequences: readonly (readonly Compute[])[], stages: number): Timed[] {
  const finished = new Map<string, number>();
  const next = sequences.map(() => 0);
  const free = sequences.map(() => 0);
  const done: Timed[] = [];
  const readyAt = ({ kind, stage, microBatch }: Compute): number | undefined => {
    if (kind === "forward") return stage === 0 ? 0 : finished.get(keyOf(compute("forward", stage - 1, microBatch)));
    const own = finished.get(keyOf(compute("forward", stage, microBatch)));
    const behind = stage === stages - 1 ? 0 : finished.get(keyOf(compute("backward", stage + 1, microBatch)));
    return own === undefined || behind === undefined ? undefined : Math.max(own, behind);
  };
  const total = sequences.reduce((n, s) => n + s.length, 0);
  while (done.length < total) {
    const before = done.length;
    for (const [rank, sequence] of sequences.entries()) {
      const action = sequence[next[rank]!];
      const ready = action && readyAt(action);
      if (!action || ready === undefined) continue;
      const finish = Math.max(ready, free[rank]!) + cost[action.kind];
      free[rank] = finish;
      next[rank]!++;
      finished.set(keyOf(action), finish);
      done.push({ action, rank, finish });
    }
    if (done.length === before) throw new Error("pipeline: a schedule whose ranks wait for each other");
  }
  // by time; a stable sort keeps what a later action needs in front of it
  return done.sort((a, b) => a.finish - b.finish);
}

/** The plan of a schedule. Errors: tensor/mesh for numbers that it cannot be made of. */
export function pipelineSchedule(kind: PipelineKind, o: PipelineOptions): PipelinePlan {
  const { ranks, microBatches, chunks = kind === "interleaved" ? 2 : 1 } = o;
  const wrong = (place: string, expected: string, received: string) =>
    tensorErrors.fail("mesh", { place: `pipeline ${kind}: ${place}`, expected, received });
  for (const [place, n] of Object.entries({ ranks, microBatches, chunks }))
    if (!(Number.isSafeInteger(n) && n >= 1)) throw wrong(place, "a whole number from 1", String(n));
  if (kind === "1f1b" && chunks > 1) throw wrong("chunks", "1: several stages a rank go with gpipe and interleaved", String(chunks));
  if (kind === "interleaved" && microBatches % ranks) throw wrong("microBatches", `a multiple of the ${ranks} ranks`, String(microBatches));
  const stages = ranks * chunks;
  const sequences = numbers(ranks).map(rank => orders[kind](rank, { ranks, microBatches, chunks }));
  const all = timed(sequences, stages);
  const plan: PipelineAction[][] = numbers(ranks).map(() => []);
  for (const { action, rank } of all) {
    plan[rank]!.push(action);
    const { stage, microBatch } = action;
    const isForward = action.kind === "forward";
    const to = isForward ? stage + 1 : stage - 1;
    const peer = ((to % ranks) + ranks) % ranks;
    if (to < 0 || to >= stages || peer === rank) continue;
    const what = isForward ? "activation" : "gradient";
    plan[rank]!.push({ kind: "send", what, stage, microBatch, peer });
    plan[peer]!.push({ kind: "receive", what, stage, microBatch, peer: rank });
  }
  const span = all.at(-1)!.finish;
  const busy = all.reduce((sum, { action }) => sum + cost[action.kind], 0);
  return { stages, ranks: plan, span, idle: 1 - busy / (ranks * span) };
}
