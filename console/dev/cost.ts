/** Made-up costs and a made-up profile of a training, for developing the page and for its pictures: shaped like real ones, and not measured. */
import type { RunCost, RunProfile } from "../src/generated/server.ts";
import type { MadeUpRun } from "./data.ts";

const amounts = (coreSeconds: number, flops: number) => ({
  coreSeconds,
  flops,
  kilowattHours: (coreSeconds * 12 * 1.67) / 3.6e6,
  usd: (coreSeconds / 3600) * 0.0408,
});

export function madeUpCost(run: MadeUpRun): RunCost {
  const seconds = (2 * run.tokens) / run.tokensPerSecond;
  const training = amounts(seconds, 6 * run.parameters * run.tokens);
  const line = (what: string, stage: string, category: string, used: ReturnType<typeof amounts>) => ({
    what,
    stage,
    category,
    runs: 1,
    unfinished: 0,
    withoutLedger: 0,
    ...used,
    mfu: null,
    hfu: null,
  });
  const data = amounts(21.4, 0);
  const tokenizer = amounts(6.2, 0);
  const sweep =
    run.version > 1
      ? [{ ...line("mail-rate-1c0ffee0", "search", "sweeps", amounts(3.1 * seconds, 18 * run.parameters * run.tokens)), runs: 12 }]
      : [];
  const evaluation = amounts(9.9, 2 * run.parameters * 120_000);
  const lines = [
    line("mail", "data", "data", data),
    line("tokenizer-4f1e0c2ab911", "tokenizer", "tokenizer", tokenizer),
    ...sweep,
    { ...line(`mail-small@${run.version}`, "train", "training", training), runs: 2, unfinished: 1, mfu: 0.41, hfu: 0.43 },
    line("mail-small", "evaluate", "evaluation", evaluation),
  ];
  const sum = (of: readonly (typeof lines)[number][]) =>
    amounts(
      of.reduce((n, l) => n + l.coreSeconds, 0),
      of.reduce((n, l) => n + l.flops, 0),
    );
  const total = sum(lines);
  const names = [...new Set(lines.map(l => l.category))];
  return {
    subject: `mail-small@${run.version}`,
    lines,
    categories: names.map(category => {
      const used = sum(lines.filter(l => l.category === category));
      return { category, share: used.coreSeconds / total.coreSeconds, ...used };
    }),
    total,
    totalWithoutSweeps: sum(lines.filter(l => l.category !== "sweeps")),
    notes: [
      `Utilisation of mail-small@${run.version}: MFU 41.0 %, HFU 43.0 % of the measured peak of one core, over the core-seconds of its steps.`,
      "Machine: A made-up processor, avx512+vnni+bf16.",
      "Energy is estimated: 12 W a busy core, PUE 1.67. Not counted: /sys/class/powercap: no such folder.",
    ],
  };
}

/** Layers of the made-up step, and kernels of one of them: what, kind, milliseconds. */
const layers = 4;
const layer = [
  ["chain of mul, add, sum [4096, 256]", "chain", 0.6],
  ["product [4096, 256] x [256, 768]", "product", 8.2],
  ["attention [16, 8, 256, 32]", "attention", 7.1],
  ["product [4096, 256] x [256, 256]", "product", 2.9],
  ["product [4096, 256] x [256, 1024]", "product", 10.7],
  ["chain of sigmoid, mul [4096, 1024]", "chain", 1.4],
  ["product [4096, 1024] x [1024, 256]", "product", 10.9],
] as const;
const programs = [
  ["gradient", 3],
  ["update", 0.2],
] as const;

export function madeUpProfile({ version }: MadeUpRun): RunProfile {
  // the first run has none
  if (version === 1) return { profile: null };
  const timeline = programs.map(([program, factor]) => {
    let at = 0.4;
    const spans = Array.from({ length: layers }, () => layer)
      .flat()
      .map(([what, kind, ms]) => {
        const startMs = at;
        at += ms * factor + 0.05;
        return { what, kind, startMs, ms: ms * factor };
      });
    return { program, ms: at + 0.3, spans };
  });
  const kernelMs = timeline.flatMap(p => p.spans).reduce((n, s) => n + s.ms, 0);
  const kernels = programs.flatMap(([program, factor]) =>
    layer.map(([what, kind, ms]) => ({
      program,
      what,
      kind,
      count: layers,
      ms: layers * ms * factor,
      share: (layers * ms * factor) / kernelMs,
      gflops: kind === "product" || kind === "attention" ? 210 : 14,
      gigabytesPerSecond: 21,
      shareOfPeak: kind === "product" || kind === "attention" ? 0.78 : null,
    })),
  );
  return {
    profile: {
      steps: 3,
      threads: 2,
      peak: { f32: 134, bf16: 268, method: "loop over registers in machine code" },
      stepMs: timeline.reduce((n, p) => n + p.ms, 0) + 3,
      kernelMs,
      kernels: kernels.toSorted((a, b) => b.ms - a.ms),
      timeline,
    },
  };
}
