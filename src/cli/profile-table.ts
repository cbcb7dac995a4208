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

/** What is said where the model was trained on several ranks. */
const ofOneRank = (ranks: number): string[] =>
  ranks > 1 ? [`  It trains on ${ranks} ranks; these are times of one rank that has the whole model and all rows.\n`] : [];

/** Times of programs, of a device that times no kernels. */
function programTable({ steps, stepMs, programs, ranks }: TrainingProfile & { readonly ranks: number }): string {
  const rows = programs.map(({ program, ms }) => [program, ms.toFixed(2), percentOf(stepMs > 0 ? ms / stepMs : 0)]);
  return [
    `\n  A step: ${stepMs.toFixed(1)} ms; median of ${steps} ${steps === 1 ? "step" : "steps"}\n`,
    columns([["program", "ms", "share"], ...rows], 2),
    "",
    "  This device reports no times of kernels. The times are those of its calls, from JavaScript.\n",
    ...ofOneRank(ranks),
  ].join("\n");
}

export function profileTable(profile: TrainingProfile & { readonly ranks: number }): string {
  const { steps, threads, peak, stepMs, kernelMs, kernels, ranks } = profile;
  if (kernels.length === 0) return programTable(profile);
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
    ...ofOneRank(ranks),
  ].join("\n");
}
