/**
 * Memory of a training step of the benches' GPT: the most that values between operations take, in float32, in bf16 and under a budget, counted by the
 * engine's allocator; and the most that the whole process took (VmHWM), beside PyTorch's.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runOwn, run as runProcess } from "./child.ts";
import { type GptStep, type GptStepTimes, gptStep } from "./gpt-step.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const precisions = ["f32", "bf16"] as const;
/** Shares of what the step takes in float32 without a budget. */
const budgets = [0.6, 0.4] as const;
const settings: GptStep = { ...gptStep, steps: 3, warmUp: 1 };

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

interface TorchStep {
  readonly peakRssBytes: number;
  readonly torch: string;
}
const torchStep = async (peers: string, precision: string): Promise<TorchStep> => {
  const given = { ...settings, precision, compiled: false };
  const said = await runProcess(join(peers, ".venv", "bin", "python"), [join(peers, "train_step.py"), JSON.stringify(given)]);
  return JSON.parse(said.trim().split("\n").at(-1)!) as TorchStep;
};

/** Bytes of parameters, gradients and AdamW's two moments, from the step's own account. */
const ownStep = (more: Partial<GptStep>) => runOwn<GptStepTimes>("gpt-step", { ...settings, ...more });

export async function run({ peers, say }: BenchContext): Promise<BenchResult> {
  const ours: Record<string, unknown> = {};
  const [values, whole, torch] = [{} as Record<string, number>, {} as Record<string, number>, {} as Record<string, TorchStep>];
  const hasTorch = peers !== undefined && existsSync(join(peers, ".venv", "bin", "python"));
  for (const precision of precisions) {
    say(precision);
    values[precision] = (await ownStep({ precision, measureMemory: true })).peakActivationBytes;
    whole[precision] = (await ownStep({ precision })).peakRssBytes;
    ours[`${precision}, MB`] = { values: megabytes(values[precision]), process: megabytes(whole[precision]) };
    if (hasTorch) torch[precision] = await torchStep(peers, precision);
  }
  for (const share of budgets) {
    say(`f32 with ${share} of the memory`);
    const free = await ownStep({ precision: "f32", measureMemory: true });
    const memoryBytes = Math.round(free.heldBytes + share * free.peakActivationBytes);
    const tight = await ownStep({ precision: "f32", measureMemory: true, memoryBytes });
    ours[`f32, budget of ${share} of the values`] = {
      "values MB": megabytes(tight.peakActivationBytes),
      "of the budget": digits(tight.peakActivationBytes / (memoryBytes - free.heldBytes)),
      "processor time, times": digits(tight.medianProcessorMs / free.medianProcessorMs),
      "same losses": tight.losses.every((x, i) => x === free.losses[i]),
    };
  }
  const ratio = digits(values.bf16! / values.f32!);
  return {
    method: `GPT ${settings.layers} layers, width ${settings.width}, ${settings.heads} heads, T ${settings.length}, B ${settings.rows}, vocabulary ${settings.vocab}, AdamW, ${settings.threads} threads; ${settings.warmUp + settings.steps} steps a process`,
    ours,
    peers: Object.fromEntries(
      Object.entries(torch).map(([name, t]) => [`PyTorch ${t.torch} ${name}, MB`, { process: megabytes(t.peakRssBytes) }]),
    ),
    ratios: {
      "values bf16 / f32": ratio,
      ...Object.fromEntries(
        precisions.flatMap(p => (torch[p] ? [[`process ${p}: ours / PyTorch's`, digits(whole[p]! / torch[p].peakRssBytes)]] : [])),
      ),
    },
    bars: [
      { name: "peak of values, bf16 / f32", want: "<= 0.55", got: ratio, holds: ratio <= 0.55 },
      ...precisions.flatMap(p => {
        if (!torch[p]) return [];
        const share = digits(whole[p]! / torch[p].peakRssBytes);
        return [{ name: `whole process, ${p}, beside PyTorch's`, want: "< 1", got: share, holds: share < 1 }];
      }),
    ],
    ...(hasTorch ? {} : { notes: ["Without PyTorch: npm run bench -- peers installs it."] }),
  };
}
