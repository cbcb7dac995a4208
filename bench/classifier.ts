/**
 * A spam classifier tuned from all-MiniLM-L6-v2 on mails, beside `transformers`' Trainer on PyTorch in fp32: the same first weights (head
 * included), texts, batches in their order, rates, decay and clipping; one thread each. What it takes to come to the same F1.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOwn, run as runProcess } from "./child.ts";
import type { ClassifierRun, ClassifierTimes } from "./classifier-run.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const settings = { trainTexts: 1600, testTexts: 800, length: 128, rows: 16, epochs: 1, rate: 1e-4, weightDecay: 0.01, threads: 1 } as const;
const precisions = ["f32", "bf16"] as const;
const wantedSpeed = 1.5;
/** How far apart two F1 may be that count as the same: texts on the edge fall to either side by rounding. */
const f1Room = 0.01;

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const model = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
  if (!process.env.LOAM_MODELS || !existsSync(join(model, "model.safetensors")))
    throw new Error("LOAM_MODELS names no folder with all-minilm-l6-v2");
  const folder = mkdtempSync(join(tmpdir(), "loam-classifier-"));
  const python = join(peers ?? "", ".venv", "bin", "python");
  const hasPeer = peers !== undefined && existsSync(python);
  const share = Math.min(1, scale);
  const given: ClassifierRun = {
    ...settings,
    trainTexts: Math.max(160, Math.round(settings.trainTexts * share)),
    testTexts: Math.max(100, Math.round(settings.testTexts * share)),
    folder,
    model,
    root: process.cwd(),
  };
  try {
    say(`writing ${given.trainTexts} mails to train on, ${given.testTexts} to test on, and the first weights`);
    await runOwn("classifier-run", { ...given, prepare: true });
    const seen: Record<string, ClassifierTimes> = {};
    const kept = (name: string, found: ClassifierTimes): number => {
      seen[name] = found;
      return found.processorSeconds;
    };
    const wall: Record<string, number[]> = { f32: [], bf16: [], fp32: [] };
    const sides: Record<string, () => Promise<number>> = {};
    for (const precision of precisions)
      sides[precision] = async () => {
        const found = await runOwn<ClassifierTimes>("classifier-run", { ...given, precision });
        wall[precision]!.push(found.seconds);
        return kept(precision, found);
      };
    if (hasPeer)
      sides.fp32 = async () => {
        const out = await runProcess(python, [join(peers, "classifier.py"), JSON.stringify(given)]);
        const found = JSON.parse(out.trim().split("\n").at(-1)!) as ClassifierTimes;
        wall.fp32!.push(found.seconds);
        return kept("fp32", found);
      };
    const rounds = Math.max(1, Math.round(3 * share));
    say(`${rounds} rounds of ${Object.keys(sides).join(" and ")}, one before them that is not measured`);
    const seconds = await interleaved(rounds, sides);
    const figures = (side: string) => ({
      "processor seconds": digits(median(seconds[side]!)),
      // the first is of the round that is not measured
      seconds: digits(median(wall[side]!.slice(1))),
      F1: digits(seen[side]!.macroF1, 4),
      "log loss": digits(seen[side]!.loss, 4),
      "peak memory, bytes": seen[side]!.peakBytes,
    });
    const ratioOf = (side: string) => digits(medianRatio(seconds.fp32!, seconds[side]!));
    const apartOf = (side: string) => Math.abs(seen.fp32!.macroF1 - seen[side]!.macroF1);
    return {
      method: `all-MiniLM-L6-v2, all weights, ${given.trainTexts} mails of ${settings.length} tokens at most, ${settings.epochs} epoch in batches of ${settings.rows}, AdamW, then ${given.testTexts} mails judged; ${settings.threads} thread; programs are built inside the time; processor time, median of ${rounds} interleaved rounds after one; bf16: products of the training alone, judged in float32`,
      ours: Object.fromEntries(precisions.map(p => [p, figures(p)])),
      peers: hasPeer ? { "transformers' Trainer, fp32": figures("fp32") } : {},
      ratios: hasPeer ? Object.fromEntries(precisions.map(p => [`fp32 seconds / loam ${p} seconds`, ratioOf(p)])) : {},
      bars: hasPeer
        ? [
            {
              name: "bf16: times as fast as Trainer",
              want: `>= ${wantedSpeed}`,
              got: ratioOf("bf16"),
              holds: ratioOf("bf16") >= wantedSpeed,
            },
            ...precisions.map(p => ({
              name: `${p}: F1 apart`,
              want: `<= ${f1Room}`,
              got: digits(apartOf(p), 2),
              holds: apartOf(p) <= f1Room,
            })),
          ]
        : [],
      notes: hasPeer ? [] : ["Without peers: `npm run bench -- peers` brings PyTorch and transformers."],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
