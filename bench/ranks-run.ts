/** Steps of examples/mail's quick model, or of another one, as one rank, or alone: prints one JSON line. Settings come as JSON in the first argument. */
import { random } from "../src/base/index.ts";
import { llamaConfig } from "../src/nn/index.ts";
import { joinRanks, type ProcessGroup } from "../src/ranks/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { createTrainer, type MeshPart, recipeSchema, type ZeroLevel } from "../src/train/index.ts";
import { trainerOptions, trainSource } from "../src/train/pretrain.ts";

export interface RanksRun {
  readonly threads: number;
  readonly zero: ZeroLevel;
  /** Axes beside data; the rows of a step stay 8. */
  readonly mesh?: Pick<MeshPart, "tensor" | "sequence" | "pipeline">;
  /** Micro-batches that the rows of a step are cut into (default 1). */
  readonly accumulate?: number;
  /** In place of the quick model and its Muon: a GPT with AdamW. */
  readonly gpt?: {
    readonly layers: number;
    readonly width: number;
    readonly heads: number;
    readonly vocab: number;
    readonly length: number;
  };
  readonly warmUp: number;
  readonly steps: number;
  readonly isRank: boolean;
}

export interface RanksTimes {
  readonly rank: number;
  readonly stepMs: readonly number[];
  /** Milliseconds of each step outside of native programs: collectives, waiting, the loop. */
  readonly outsideMs: readonly number[];
  readonly losses: readonly number[];
  readonly heldBytes: number;
  /** Of some further steps with a barrier before each collective: waiting for other ranks in it, the collectives themselves, their number. Means of a step. */
  readonly waitingMs: number;
  readonly linkMs: number;
  readonly collectives: number;
}

/** Tells waiting for other ranks, whose steps take longer, from what the link takes. */
class Timing {
  isOn = false;
  waitingMs = 0;
  linkMs = 0;
  calls = 0;

  async timed(barrier: () => Promise<void>, call: () => unknown): Promise<unknown> {
    if (!this.isOn) return call();
    const began = performance.now();
    await barrier();
    const met = performance.now();
    const result = await call();
    this.waitingMs += met - began;
    this.linkMs += performance.now() - met;
    this.calls++;
    return result;
  }
}

// a message has two ranks, which a barrier of all would stop
const collectives = ["allReduce", "reduce", "reduceScatter", "allGather", "broadcast", "exchange"];

/** The group, with its collectives timed while `timing` is on. */
const timedGroup = (group: ProcessGroup, timing: Timing): ProcessGroup =>
  new Proxy(group, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const call = member.bind(target) as (...args: unknown[]) => unknown;
      if (!collectives.includes(String(name))) return call;
      return (...args: unknown[]) =>
        timing.timed(
          () => target.barrier(),
          () => call(...args),
        );
    },
  });

const settings = JSON.parse(process.argv[2]!) as RanksRun;
const { accumulate = 1, mesh, gpt } = settings;
// three heads cannot be halved
const quick = { layers: 3, width: 192, heads: mesh?.tensor === 2 ? 4 : 3, vocab: 4096, length: 256 };
const { vocab, length, width, ...sizes } = gpt ?? quick;
const model = {
  ...llamaConfig({ ...sizes, vocab, width, hidden: 4 * width, context: length }),
  tied: true,
  activation: "relu2",
  qkNorm: true,
} as const;
const recipe = recipeSchema.parse({
  tokens: "1.6M",
  rows: 8 / accumulate,
  accumulate,
  length,
  mesh,
  rate: 0.02,
  zero: settings.zero,
  optimizer: gpt ? { kind: "adamw" } : { kind: "muon", adamFactor: 0.6 },
});
const drawn = random("ranks");
const lengths = Array.from({ length: 400 }, () => 50 + drawn.below(400));
const offsets = Float64Array.from({ length: lengths.length + 1 }, (_, i) => lengths.slice(0, i).reduce((s, n) => s + n, 0));
const train = { tokens: Uint16Array.from({ length: offsets.at(-1)! }, () => 1 + Math.floor((vocab - 1) * drawn.uniform() ** 3)), offsets };

const joined = settings.isRank ? await joinRanks() : undefined;
const timing = new Timing();
const group = joined && timedGroup(joined, timing);
const device = openDevice("cpu", { threads: settings.threads });
const o = { device, model, recipe, train, end: 0, ranks: group };
const trainer = await createTrainer(trainerOptions(o));
const source = trainSource(o);
const microBatches = () => Array.from({ length: accumulate }, () => source.next());
const reports = [];
for (let i = 0; i < settings.warmUp + settings.steps; i++) reports.push(await trainer.step(microBatches()));
const timedSteps = group ? settings.steps : 0;
timing.isOn = true;
for (let i = 0; i < timedSteps; i++) await trainer.step(microBatches());
const ofStep = (total: number) => total / Math.max(1, timedSteps);
const measured = reports.slice(settings.warmUp);
const times: RanksTimes = {
  rank: group?.rank ?? 0,
  stepMs: measured.map(r => r.totalMs),
  outsideMs: measured.map(r => r.totalMs - r.nativeMs),
  losses: reports.map(r => r.loss),
  heldBytes: trainer.heldBytes,
  waitingMs: ofStep(timing.waitingMs),
  linkMs: ofStep(timing.linkMs),
  collectives: ofStep(timing.calls),
};
process.stdout.write(`${JSON.stringify(times)}\n`);
trainer.dispose();
await group?.close();
