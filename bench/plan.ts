/**
 * `loam train plan`'s model of a step against published speeds of Megatron-LM on V100, A100 and H100, and against Loam's own trainer on two ranks of this
 * machine: the error of every run, and their medians.
 */
import { accelerators, type ModelShape, type PlanRequest, planTraining } from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { countedFlops, type MeasuredRun, measuredRuns } from "./plan/measured-runs.ts";
import { ownRuns } from "./plan/own-runs.ts";

const mostError = 0.15;

const shapeOf = ({ layers, width, heads, vocab, length, isTied }: MeasuredRun): ModelShape => ({
  layers,
  width,
  heads,
  hidden: 4 * width,
  isGated: false,
  vocab,
  length,
  isTied,
});

/** Published seconds of a step; where a source prints TFLOP/s, the FLOPs that it counts over them. */
const measuredSeconds = (r: MeasuredRun): number =>
  r.milliseconds === undefined ? countedFlops(r) / (r.data * r.tensor * r.pipeline) / (r.teraflops! * 1e12) : r.milliseconds / 1000;

function planOf(r: MeasuredRun) {
  const request: PlanRequest = {
    accelerator: accelerators[r.accelerator]!,
    count: r.data * r.tensor * r.pipeline,
    shape: shapeOf(r),
    rows: r.rows,
    isFused: r.isOverlapped,
    overlaps: r.isOverlapped,
    isSequenceSplit: r.isSequenceSplit,
    recompute: r.recompute,
    zero: r.isOverlapped ? 1 : 0,
    mesh: { data: r.data, tensor: r.tensor, pipeline: r.pipeline },
    microRows: r.microRows,
  };
  return planTraining(request).best;
}

const partNames = ["published", "ranks"] as const;

export async function run({ only, scale, say }: BenchContext): Promise<BenchResult> {
  const has = (part: (typeof partNames)[number]) => only.length === 0 || only.includes(part);
  const published = has("published") ? publishedRuns(say) : undefined;
  const ranks = has("ranks") ? await ownRuns(scale, say) : undefined;
  return {
    method: [published?.method, ranks?.method].filter(Boolean).join(" "),
    ours: { ...published?.ours, ...(ranks ? { ranks: ranks.ours } : {}) },
    peers: {},
    ratios: {},
    bars: published?.bars ?? [],
    ...(ranks
      ? {
          notes: [
            "Predictions of two ranks of this machine have no bar: rates of single operations are measured alone, ranks share memory and caches.",
          ],
        }
      : {}),
  };
}

function publishedRuns(say: BenchContext["say"]): Pick<BenchResult, "method" | "ours" | "bars"> {
  const rows = measuredRuns.map(r => {
    const best = planOf(r);
    const measured = measuredSeconds(r);
    const error = best.seconds.total / measured - 1;
    say(
      `${r.source}, ${r.name}: ${measured.toFixed(2)} s measured, ${best.seconds.total.toFixed(2)} s predicted (${(100 * error).toFixed(1)} %)`,
    );
    return {
      run: `${r.source}, ${r.name}${r.data > 1 ? `, data ${r.data}` : ""}`,
      source: r.source,
      measuredSeconds: digits(measured, 4),
      predictedSeconds: digits(best.seconds.total, 4),
      error: digits(error),
      microRows: best.layout.microRows,
      chunks: best.layout.chunks,
    };
  });
  const medianOf = (of: typeof rows) => digits(median(of.map(r => Math.abs(r.error))));
  const error = medianOf(rows);
  const bySource = Object.fromEntries(
    [...new Set(rows.map(r => r.source))].map(source => [source, medianOf(rows.filter(r => r.source === source))]),
  );
  return {
    method: `${rows.length} published runs, each predicted from data sheets and benchmarks of single operations (src/train/plan/accelerators.ts); no constant was fitted to a run. Where a source names neither micro-batch nor chunks of the pipeline, the fastest that fits is taken.`,
    ours: { medianError: error, medianErrorBySource: bySource, rows },
    bars: [{ name: "median error of a step's seconds", want: `<= ${mostError}`, got: error, holds: error <= mostError }],
  };
}
