/** A training profile as a table for the terminal. */
import type { KernelTime, TrainingProfile } from "../train/index.ts";
import { columns, percentOf, threeDigits } from "./columns.ts";

/** Kernels that are shown one by one; the rest is one row. */
const shown = 30;

const row = ({ program, what, count, ms, share, gflops, gigabytesPerSecond, shareOfPeak }: KernelTime): string[] => [
  program,
  what.length > 72 ? `${what.slice(0, 71)}…` : what,
  threeDigits(count),
  ms.toFixed(2),
  percentOf(share),
  gflops === null ? "" : threeDigits(gflops),
  threeDigits(gigabytesPerSecond),
  shareOfPeak === null ? "" : percentOf(shareOfPeak),
];

export function profileTable({ steps, threads, peak, stepMs, kernelMs, kernels }: TrainingProfile): string {
  const rest = kernels.slice(shown);
  const restMs = rest.reduce((n, k) => n + k.ms, 0);
  const others =
    rest.length > 0
      ? [["", `${rest.length} others`, "", restMs.toFixed(2), percentOf(kernelMs > 0 ? restMs / kernelMs : 0), "", "", ""]]
      : [];
  const head = ["program", "what it computes", "a step", "ms", "share", "GFLOP/s", "GB/s", "of peak"];
  const greatest = peak
    ? `The peak is ${threeDigits(peak.f32)} GFLOP/s a core in f32${peak.bf16 === undefined ? "" : ` and ${threeDigits(peak.bf16)} in bf16`} (${peak.method}), times ${threads} ${threads === 1 ? "thread" : "threads"}.`
    : "The peak of this machine is not known.";
  return [
    `\n  A step: ${stepMs.toFixed(1)} ms, ${kernelMs.toFixed(1)} ms in kernels; median of ${steps} ${steps === 1 ? "step" : "steps"}\n`,
    columns([head, ...kernels.slice(0, shown).map(row), ...others], 2),
    "",
    `  ${greatest}`,
    "  GB/s counts each operand once, as if it came from memory.\n",
  ].join("\n");
}
