/** `loam train plan`: flags, the fastest layouts as a table, and what a step's time goes to. */
import { resolve } from "node:path";
import { formatCount, writeFileAtomic } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { planModel, type TrainingPlanOptions, type TrainingPlanReport } from "../../project/training/index.ts";
import { stepTimeline, timelineSvg, timelineTrace } from "../../train/index.ts";
import { columns } from "../columns.ts";
import { choiceOption, numberOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const verb = "train plan";
const axes = ["data", "tensor", "pipeline"] as const;

/** "tensor=8,pipeline=2". Errors: cli/usage. */
function meshOf(options: Options): TrainingPlanOptions["mesh"] {
  if (options.mesh === undefined) return undefined;
  const wrong = () =>
    wrongArgument(
      `loam ${verb}: --mesh`,
      "axes with their sizes, such as tensor=8,pipeline=2 (axes: data, tensor, pipeline)",
      String(options.mesh),
    );
  if (typeof options.mesh !== "string") throw wrong();
  const found = options.mesh.split(",").map((part): [string, number] => {
    const [axis = "", size = ""] = part.split("=");
    if (!axes.some(a => a === axis) || !/^[1-9]\d{0,5}$/.test(size)) throw wrong();
    return [axis, Number(size)];
  });
  return Object.fromEntries(found);
}

const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
const time = (seconds: number): string => (seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(1000 * seconds).toFixed(1)} ms`);

function show({ out }: Context, r: TrainingPlanReport): void {
  out.line(
    `  ${r.model}: ${formatCount(r.parameters)} parameters, ${r.rows} rows of ${r.length} tokens per step, on ${r.count} x ${r.accelerator.name} (${gb(r.memoryBytes)} each)`,
  );
  out.line(`  ${r.tried} layouts timed, ${r.fitting} fit`);
  const row = (p: TrainingPlanReport["best"]): string[] => [
    `${p.layout.data}`,
    `${p.layout.tensor}`,
    `${p.layout.pipeline}`,
    `${p.layout.microRows}`,
    `${p.layout.chunks}`,
    p.method.recompute,
    `${p.method.zero}`,
    gb(p.bytes.total),
    time(p.seconds.total),
    formatCount(Math.round(p.tokensPerSecond)),
    `${(100 * p.utilisation).toFixed(1)} %`,
  ];
  const head = ["data", "tensor", "pipeline", "micro rows", "chunks", "recompute", "ZeRO", "per rank", "step", "tokens/s", "MFU"];
  out.line(columns([head, ...[r.best, ...r.others].map(row)], 2));
  const { parts, total } = r.best.seconds;
  const shares = Object.entries(parts).filter(([, s]) => s / total >= 0.005);
  out.line(`  best: ${shares.map(([name, s]) => `${name} ${((100 * s) / total).toFixed(0)} %`).join(", ")}`);
  const { weights, gradients, optimizer, activations } = r.best.bytes;
  out.line(
    `  memory: weights ${gb(weights)}, gradients ${gb(gradients)}, optimizer state ${gb(optimizer)}, activations ${gb(activations)}`,
  );
}

export const trainPlan: VerbRun = async (context, [given], options) => {
  if (typeof options.cluster !== "string")
    throw wrongArgument(`loam ${verb}`, "--cluster KIND:COUNT, such as --cluster a100-80gb:8", "none");
  if (options.timeline !== undefined && !/\.(svg|json)$/.test(String(options.timeline)))
    throw wrongArgument(
      `loam ${verb}: --timeline`,
      "a file that ends in .svg (a drawing) or .json (a Chrome trace)",
      String(options.timeline),
    );
  const wanted: TrainingPlanOptions = {
    cluster: options.cluster,
    rows: numberOption(options, "rows", verb, { least: 1, most: 1e7, whole: true }),
    microRows: numberOption(options, "microRows", verb, { least: 1, most: 1e5, whole: true }),
    mesh: meshOf(options),
    recompute: choiceOption(options, "recompute", verb, ["none", "attention", "all"] as const),
    ...(typeof options.shape === "string" ? { shape: options.shape } : {}),
  };
  const report =
    wanted.shape === undefined
      ? await inProject(context, options, at => planModel(at, given, wanted))
      : await planModel(undefined, given, wanted);
  show(context, report);
  if (typeof options.timeline === "string") {
    const file = resolve(context.cwd, options.timeline);
    const timeline = stepTimeline(report.best);
    writeFileAtomic(file, file.endsWith(".json") ? timelineTrace(timeline) : timelineSvg(timeline));
    context.out.line(`  wrote ${options.timeline}`);
  }
  context.out.result(report);
};
