/** Scores of a million predictions: the same figures as scikit-learn's to 1e-9, and the time they take. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { random } from "../src/base/index.ts";
import { type Answer, contest, isPinned } from "./contender.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const items = 1_000_000;
const classes = 15;
const rounds = 5;

type Figures = Readonly<Record<string, number | readonly number[]>>;

/** The greatest relative difference of two sets of figures. */
const difference = (a: Figures, b: Figures): number =>
  Math.max(
    ...Object.entries(a).map(([name, v]) => {
      const [mine, theirs] = [[v].flat(), [b[name] ?? Number.NaN].flat()];
      return Math.max(...mine.map((x, i) => Math.abs(x - theirs[i]!) / Math.max(1, Math.abs(x))));
    }),
  );

export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("metrics", async ({ folder, start }) => {
    const draw = random("metrics");
    const name = (i: number) => `class ${i}`;
    const truth = Array.from({ length: items }, () => draw.below(classes));
    const predicted = truth.map(t => (draw.uniform() < 0.8 ? t : draw.below(classes)));
    const positive = truth.map(() => (draw.uniform() < 0.3 ? 1 : 0));
    const score = positive.map(p => 1 / (1 + Math.exp(-(draw.normal() + 1.5 * p - 1))));
    const file = join(folder, "predictions.json");
    writeFileSync(file, JSON.stringify({ truth: truth.map(name), predicted: predicted.map(name), positive, score }));
    const worker = fileURLToPath(new URL(`./metrics/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPeers = python !== undefined && existsSync(python);
    const sides = {
      ours: start("loam", [process.execPath, worker, file]),
      ...(hasPeers ? { "scikit-learn": start("scikit-learn", [python, join(peers!, "metrics.py"), file]) } : {}),
    };
    const [ms, ratios, differences]: [Record<string, Record<string, number>>, Record<string, number>, Record<string, number>] = [
      {},
      {},
      {},
    ];
    for (const command of ["classes", "curves"]) {
      say(command);
      const figures: Record<string, Figures> = {};
      const times = await interleaved(
        rounds,
        Object.fromEntries(
          Object.entries(sides).map(([side, contender]) => [
            side,
            async () => {
              const answer = (await contender!.ask(command)) as Answer & { readonly figures: Figures };
              figures[side] = answer.figures;
              return answer.ms;
            },
          ]),
        ),
      );
      for (const [side, list] of Object.entries(times)) ms[side] = { ...ms[side], [`${command}, ms`]: digits(median(list)) };
      if (!hasPeers) continue;
      ratios[command] = digits(medianRatio(times["scikit-learn"]!, times.ours!));
      differences[command] = digits(difference(figures.ours!, figures["scikit-learn"]!));
    }
    return {
      method: `${items} predictions of ${classes} classes as texts, and as many scores; processor time, ${isPinned ? "both sides on core 0" : "not bound"}, interleaved, medians of ${rounds}`,
      ours: ms.ours!,
      peers: hasPeers ? { "scikit-learn": ms["scikit-learn"] } : {},
      ratios,
      bars: Object.entries(ratios).flatMap(([what, ratio]) => [
        { name: `${what}: speed beside scikit-learn`, want: "> 1x", got: ratio, holds: ratio > 1 },
        { name: `${what}: greatest difference of a figure`, want: "<= 1e-9", got: differences[what]!, holds: differences[what]! <= 1e-9 },
      ]),
      notes: hasPeers ? [] : ["scikit-learn is not installed: npm run bench -- peers"],
    };
  });
