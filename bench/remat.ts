/** Peak memory of a training step's activations with and without recomputation of every block, and within a budget of the same peak; and what that costs in time. */
import { runOwn } from "./child.ts";
import { type GptStepTimes, gptStep } from "./gpt-step.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const measure = async (rematerialise: boolean, memoryBytes?: number) => {
    say(memoryBytes ? "within a budget" : rematerialise ? "with recomputation" : "without");
    return runOwn<GptStepTimes>("gpt-step", { ...gptStep, steps: 5, rematerialise, measureMemory: true, memoryBytes });
  };
  const plain = await measure(false);
  const remat = await measure(true);
  const budget = await measure(false, remat.heldBytes + remat.peakActivationBytes);
  const ratio = digits(remat.peakActivationBytes / plain.peakActivationBytes);
  const drift = Math.max(...plain.losses.map((x, i) => Math.abs(x - remat.losses[i]!)));
  return {
    method: `the step of train-step, each block recomputed in the backward pass; the most memory that values between operations took, counted by the runtime's allocator`,
    ours: {
      "peak MB without": Math.round(plain.peakActivationBytes / 1e6),
      "peak MB with": Math.round(remat.peakActivationBytes / 1e6),
      "process MB without": Math.round(plain.rssBytes / 1e6),
      "process MB with": Math.round(remat.rssBytes / 1e6),
      "peak MB within that budget": Math.round(budget.peakActivationBytes / 1e6),
      "processor ms a step: without, with, within the budget": [plain, remat, budget].map(x => digits(x.medianProcessorMs, 4)),
      "ms a step without": digits(plain.medianMs, 4),
      "ms a step with": digits(remat.medianMs, 4),
      "largest difference of the losses": drift,
    },
    peers: {},
    ratios: { "peak with / without": ratio },
    bars: [
      { name: "peak memory", want: "<= 0.7", got: ratio, holds: ratio <= 0.7 },
      {
        name: "losses within the budget",
        want: "the bits of those without",
        got: budget.losses.every((x, i) => x === plain.losses[i]),
        holds: budget.losses.every((x, i) => x === plain.losses[i]),
      },
      { name: "same losses", want: "< 1e-3", got: digits(drift), holds: drift < 1e-3 },
    ],
  };
}
