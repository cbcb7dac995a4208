/**
 * One training step of a GPT (forward, backward, AdamW) in fp32 and bf16, beside PyTorch as written (eager) and through torch.compile, on one
 * thread and on two: wall time and processor time of each side, interleaved.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Precision } from "../src/train/index.ts";
import { runOwn, run as runProcess } from "./child.ts";
import { type GptStep, type GptStepTimes, gptStep } from "./gpt-step.ts";
import { type Bar, type BenchContext, type BenchResult, benchMachine, digits, interleaved, median, medianRatio } from "./harness.ts";

const rounds = 3;
const threadCounts = [1, 2] as const;
type Measured = Exclude<Precision, "auto" | "f16">;
const precisions: readonly Measured[] = ["f32", "bf16"];
/** As PyTorch's users name them. */
const namesOf: Readonly<Record<Measured, string>> = { f32: "fp32", bf16: "bf16" };

type Times = Pick<GptStepTimes, "medianMs" | "medianProcessorMs">;
type TorchMode = "eager" | "compiled";
interface TorchTimes extends Times {
  readonly torch: string;
}

/** What PyTorch's eager time over ours must be on a kind of processor. */
interface Want {
  readonly processor: string;
  readonly isHere: boolean;
  readonly least: Readonly<Record<Measured, number>>;
}
function wants(): readonly Want[] {
  const { processor, vector } = benchMachine(0);
  return [
    {
      processor: "AMD with AVX-512 BF16",
      isHere: /AMD/.test(processor) && vector.includes("avx512_bf16"),
      least: { bf16: 1.4, f32: 1.25 },
    },
    { processor: "Intel with AMX", isHere: /Intel/.test(processor) && vector.includes("amx_bf16"), least: { bf16: 1, f32: 1 } },
  ];
}

const torchTimes = async (peers: string, step: GptStep, mode: TorchMode): Promise<TorchTimes> => {
  const said = await runProcess(join(peers, ".venv", "bin", "python"), [
    join(peers, "train_step.py"),
    JSON.stringify({ ...step, compiled: mode === "compiled" }),
  ]);
  return JSON.parse(said.trim().split("\n").at(-1)!) as TorchTimes;
};

const sideOf = (who: string, precision: Measured, threads: number): string =>
  `${who} ${namesOf[precision]}, ${threads === 1 ? "1 thread" : `${threads} threads`}`;

export async function run({ peers, scale, say }: BenchContext): Promise<BenchResult> {
  const torch = peers && existsSync(join(peers, ".venv", "bin", "python")) ? peers : undefined;
  const modes: readonly TorchMode[] = torch ? ["eager", "compiled"] : [];
  const cases = threadCounts.flatMap(threads => precisions.map(precision => ({ threads, precision })));
  const processorMs = new Map<string, number[]>();
  let torchVersion = "";

  /** A side's wall time in a round; its processor time is put down beside it. The unmeasured round is short. */
  const side =
    (name: string, step: GptStep, measure: (step: GptStep) => Promise<Times>) =>
    async (round: number): Promise<number> => {
      const times = await measure(round < 0 ? { ...step, steps: 1, warmUp: 1 } : step);
      if (round >= 0) processorMs.set(name, [...(processorMs.get(name) ?? []), times.medianProcessorMs]);
      return times.medianMs;
    };
  const sides: Record<string, (round: number) => Promise<number>> = {};
  for (const given of cases) {
    const step = { ...gptStep, ...given };
    const own = sideOf("Loam", given.precision, given.threads);
    sides[own] = side(own, step, s => runOwn<GptStepTimes>("gpt-step", s));
    for (const mode of modes) {
      const name = sideOf(`PyTorch ${mode}`, given.precision, given.threads);
      sides[name] = side(name, step, async s => {
        const times = await torchTimes(torch!, s, mode);
        torchVersion = times.torch;
        return times;
      });
    }
  }
  const numRounds = Math.max(1, Math.round(rounds * scale));
  say(`${numRounds} rounds of ${Object.keys(sides).join("; ")}`);
  const wallMs = await interleaved(numRounds, sides);

  const figures = (name: string) => ({
    "wall ms": digits(median(wallMs[name]!), 4),
    "processor ms": digits(median(processorMs.get(name)!), 4),
  });
  const named = (isOwn: boolean) =>
    Object.fromEntries(
      Object.keys(wallMs)
        .filter(name => name.startsWith("Loam") === isOwn)
        .map(name => [name, figures(name)]),
    );
  const ratios: Record<string, number> = {};
  const bars: Bar[] = [];
  const here = wants().find(w => w.isHere);
  for (const { threads, precision } of cases) {
    const own = sideOf("Loam", precision, threads);
    for (const mode of modes) {
      const name = sideOf(`PyTorch ${mode}`, precision, threads);
      const wall = digits(medianRatio(wallMs[name]!, wallMs[own]!));
      const processor = digits(medianRatio(processorMs.get(name)!, processorMs.get(own)!));
      ratios[`${name}: wall time / Loam's`] = wall;
      ratios[`${name}: processor time / Loam's`] = processor;
      if (mode === "compiled" || !here) continue;
      const least = here.least[precision];
      // on one thread other work on the machine changes the clock's time and hardly the processor's
      const [what, got] = threads === 1 ? ["processor time", processor] : ["wall time", wall];
      bars.push({ name: `${here.processor}: ${name}, ${what} / Loam's`, want: `>= ${least}`, got, holds: got >= least });
    }
  }
  const tokens = gptStep.rows * gptStep.length;
  return {
    method: `GPT ${gptStep.layers} layers, d ${gptStep.width}, ${gptStep.heads} heads, T ${gptStep.length}, B ${gptStep.rows} (${tokens} tokens), vocab ${gptStep.vocab}, AdamW; a process a side, median of ${gptStep.steps} steps after ${gptStep.warmUp}, median of ${numRounds} interleaved rounds after an unmeasured one; processor time is of all threads`,
    ours: named(true),
    peers: { ...(torchVersion ? { PyTorch: torchVersion } : {}), ...named(false) },
    ratios,
    bars,
    notes: [
      ...(torch ? [] : ["Without PyTorch: install it with `npm run bench -- peers`."]),
      ...wants()
        .filter(w => !w.isHere)
        .map(w => `${w.processor}: not measured here (want bf16 >= ${w.least.bf16}, fp32 >= ${w.least.f32} beside eager).`),
    ],
  };
}
