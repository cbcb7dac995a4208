/** Peak memory of a training step's activations with and without recomputation, and what it costs in time. */
import { runOwn } from "./child.ts";
import { type GptStepTimes, gptStep } from "./gpt-step.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const measure = async (rematerialise: boolean) => {
    say(rematerialise ? "with recomputation" : "without");
    return runOwn<GptStepTimes>("gpt-step", { ...gptStep, steps: 5, rematerialise, measureMemory: true });
  };
  const plain = await measure(false);
  const remat = await measure(true);
  const ratio = digits(remat.peakActivationBytes / plain.peakActivationBytes);
  const drift = Math.max(...plain.losses.map((x, i) => Math.abs(x - remat.losses[i]!)));
  return {
    method: `the step of train-step, each block recomputed in the backward pass; the most memory that values between operations took, counted by the runtime's allocator`,
    ours: {
      "peak MB without": Math.round(plain.peakActivationBytes / 1e6),
      "peak MB with": Math.round(remat.peakActivationBytes / 1e6),
      "process MB without": Math.round(plain.rssBytes / 1e6),
      "process MB with": Math.round(remat.rssBytes / 1e6),
      "ms a step without": digits(plain.medianMs, 4),
      "ms a step with": digits(remat.medianMs, 4),
      "largest difference of the losses": drift,
    },
    peers: {},
    ratios: { "peak with / without": ratio },
    bars: [
      { name: "peak memory", want: "<= 0.7", got: ratio, holds: ratio <= 0.7 },
      { name: "same losses", want: "< 1e-3", got: digits(drift), holds: drift < 1e-3 },
    ],
  };
}
