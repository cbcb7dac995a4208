/** Training GPT-2 124M at 1,024 tokens with accumulation and recomputed blocks: tokens a second and peak memory of the process, beside PyTorch. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runOwn, run as runProcess } from "./child.ts";
import type { Gpt2Step, Gpt2StepTimes } from "./gpt2-run.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

/** GPT-2's sizes; its vocabulary padded to a multiple of 64 on both sides. */
const settings = {
  vocab: 50_304,
  layers: 12,
  width: 768,
  heads: 12,
  length: 1024,
  rows: 1,
  accumulate: 4,
  steps: 3,
  threads: 2,
} as const;
const precisions = ["f32", "bf16"] as const;
const rounds = 2;

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const python = join(peers ?? "", ".venv", "bin", "python");
  const hasPeer = peers !== undefined && existsSync(python);
  const sized = { ...settings, accumulate: Math.max(1, Math.round(settings.accumulate * scale)) };
  const sides: Record<string, () => Promise<Gpt2StepTimes>> = {};
  for (const precision of precisions) {
    const given: Gpt2Step = { ...sized, precision };
    sides[`loam ${precision}`] = () => runOwn<Gpt2StepTimes>("gpt2-run", given);
    if (hasPeer)
      sides[`PyTorch ${precision}`] = async () =>
        JSON.parse(
          (await runProcess(python, [join(peers, "gpt2_step.py"), JSON.stringify(given)])).trim().split("\n").at(-1)!,
        ) as Gpt2StepTimes;
  }
  const found: Record<string, Gpt2StepTimes[]> = {};
  const names = Object.keys(sides);
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      say(`round ${round + 1} of ${rounds}: ${name}`);
      found[name] = [...(found[name] ?? []), await sides[name]!()];
    }
  const tokens = sized.rows * sized.length * sized.accumulate;
  const of = (name: string, figure: (t: Gpt2StepTimes) => number) => median(found[name]!.map(figure));
  const figures = (name: string) => ({
    "tokens a second": Math.round((tokens * 1000) / of(name, t => t.medianMs)),
    "core-milliseconds a token": digits(of(name, t => t.coreMs) / tokens),
    "peak MB of the process": Math.round(of(name, t => t.peakBytes) / 1e6),
    losses: found[name]![0]!.losses.map(l => digits(l, 4)),
  });
  const ratios: Record<string, number> = {};
  const bars: BenchResult["bars"][number][] = [];
  for (const precision of hasPeer ? precisions : []) {
    const [ours, theirs] = [`loam ${precision}`, `PyTorch ${precision}`];
    const speed = digits(of(theirs, t => t.coreMs) / of(ours, t => t.coreMs));
    const peak = digits(of(theirs, t => t.peakBytes) / of(ours, t => t.peakBytes));
    ratios[`${precision}: PyTorch core-milliseconds / loam's`] = speed;
    ratios[`${precision}: PyTorch peak / loam's`] = peak;
    bars.push(
      { name: `${precision}: speed beside PyTorch`, want: ">= 1", got: speed, holds: speed >= 1 },
      { name: `${precision}: peak memory beside PyTorch`, want: ">= 1", got: peak, holds: peak >= 1 },
    );
  }
  const part = (side: string) =>
    Object.fromEntries(names.filter(n => n.startsWith(side)).map(n => [n.slice(side.length + 1), figures(n)] as const));
  return {
    method: `GPT-2 124M (${found[names[0]!]![0]!.parameters.toLocaleString("en-US")} parameters), T ${sized.length}, ${sized.rows} x ${sized.accumulate} micro-batches, every block recomputed, AdamW, clipping, ${sized.threads} threads; median of ${sized.steps - 1} steps after the first, median of ${rounds} interleaved rounds; ratios are of processor time`,
    ours: part("loam"),
    peers: hasPeer ? { torch: found["PyTorch f32"]![0]!.torch, ...part("PyTorch") } : {},
    ratios,
    bars,
    ...(hasPeer ? {} : { notes: ["Without PyTorch: `npm run bench -- peers` installs it."] }),
  };
}
