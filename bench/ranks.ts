/** Training on the ranks of one host: two ranks of one thread each beside one process of two threads, at equal global batch, on examples/mail's quick model. */
import { type Bar, type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";
import type { RanksRun, RanksTimes } from "./ranks-run.ts";
import { runRanks } from "./start-ranks.ts";

const bound = 1e-3;
const least = 0.9;
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const rounds = Math.max(1, Math.round(5 * scale));
  const counts = { warmUp: 2, steps: Math.max(2, Math.round(10 * scale)) };
  const last: Record<string, RanksTimes[]> = {};
  const side = (name: string, size: number, settings: Omit<RanksRun, "isRank" | "warmUp" | "steps">) => async (round: number) => {
    const times = await runRanks(size, { ...settings, ...counts });
    last[name] = times;
    say(`round ${round + 1}: ${name}: ${digits(median(times[0]!.stepMs))} ms a step`);
    return median(times[0]!.stepMs);
  };
  const sides = {
    "1 x 2 threads": side("1 x 2 threads", 1, { threads: 2, zero: 0 }),
    "data 2 x 1 thread": side("data 2 x 1 thread", 2, { threads: 1, zero: 0 }),
    "data 2 x 1 thread, ZeRO-1": side("data 2 x 1 thread, ZeRO-1", 2, { threads: 1, zero: 1 }),
    "data 2 x 1 thread, ZeRO-2": side("data 2 x 1 thread, ZeRO-2", 2, { threads: 1, zero: 2 }),
    "data 2 x 1 thread, ZeRO-3": side("data 2 x 1 thread, ZeRO-3", 2, { threads: 1, zero: 3 }),
    "tensor 2 x 1 thread": side("tensor 2 x 1 thread", 2, { threads: 1, zero: 0, mesh: { tensor: 2 } }),
    "sequence 2 x 1 thread": side("sequence 2 x 1 thread", 2, { threads: 1, zero: 0, mesh: { sequence: 2 } }),
    "pipeline 2 x 1 thread": side("pipeline 2 x 1 thread", 2, { threads: 1, zero: 0, mesh: { pipeline: 2 }, accumulate: 4 }),
  };
  const ms = await interleaved(rounds, sides);
  const one = "1 x 2 threads";
  const ratioOf = (name: keyof typeof sides) => digits(medianRatio(ms[one], ms[name]));
  const off = Math.max(...last["data 2 x 1 thread"]![0]!.losses.map((loss, i) => Math.abs(loss - last[one]![0]!.losses[i]!)));
  const speedBar = (name: keyof typeof sides): Bar => {
    const got = ratioOf(name);
    return { name: `speed of ${name} beside 1 x 2 threads`, want: `>= ${least}`, got, holds: got >= least };
  };
  const bars: Bar[] = [
    speedBar("data 2 x 1 thread"),
    speedBar("data 2 x 1 thread, ZeRO-1"),
    { name: "losses equal one process's", want: `<= ${bound}`, got: digits(off), holds: off <= bound },
  ];
  return {
    method: `Median milliseconds of ${counts.steps} steps of examples/mail's quick model (3 layers, width 192, vocabulary 4,096, 8 rows of 256 tokens, Muon) over ${rounds} interleaved rounds; every round starts its processes anew.`,
    ours: Object.fromEntries(
      Object.keys(sides).map(name => [
        name,
        {
          stepMs: digits(median(ms[name as keyof typeof sides])),
          outsideNativeMs: digits(median(last[name]![0]!.outsideMs)),
          // the mean of all ranks: one that waits little makes the others wait
          waitingMs: digits(mean(last[name]!.map(r => r.waitingMs))),
          linkMs: digits(mean(last[name]!.map(r => r.linkMs))),
          collectives: last[name]![0]!.collectives,
          heldMB: last[name]!.map(r => digits(r.heldBytes / 1e6)),
        },
      ]),
    ),
    peers: {},
    ratios: {
      "data 2 over one process": ratioOf("data 2 x 1 thread"),
      "ZeRO-1 over one process": ratioOf("data 2 x 1 thread, ZeRO-1"),
      "ZeRO-2 over one process": ratioOf("data 2 x 1 thread, ZeRO-2"),
      "ZeRO-3 over one process": ratioOf("data 2 x 1 thread, ZeRO-3"),
      "tensor 2 over one process": ratioOf("tensor 2 x 1 thread"),
      "sequence 2 over one process": ratioOf("sequence 2 x 1 thread"),
      "pipeline 2 over one process": ratioOf("pipeline 2 x 1 thread"),
    },
    bars,
    notes: [
      "Without ZeRO every rank updates all parameters with its one thread, which is much of a step with Muon; the bytes are the same at every level.",
      "Pipeline: four micro-batches of two rows. Tensor: four heads in place of three.",
      "Waiting and link are of further steps, with a barrier before each collective.",
    ],
  };
}
