/** `loam train scale`: flags, the ladder as a table, the fitted law and the predicted loss. */
import { formatCount, formatDuration } from "../../base/index.ts";
import { type ScalePlan, type ScaleReport, type ScaleRun, scaleModel } from "../../project/training/index.ts";
import { numberOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const secondsOf = (x: number): string => formatDuration(x * 1000);

function showPlan({ out }: Context, { model, seconds, target, runs, estimatedSeconds }: ScalePlan): void {
  const known = runs.filter(r => r.isKnown).length;
  out.clear();
  out.line(
    `  ${model}: ${formatCount(target.parameters)} parameters, ${formatCount(target.tokens)} tokens, about ${secondsOf(target.estimatedSeconds)} of processor time`,
  );
  out.line(
    `  ladder: ${runs.length} runs, about ${secondsOf(estimatedSeconds)} of processor time (budget ${secondsOf(seconds)})${known > 0 ? `; ${known} known from an earlier call` : ""}`,
  );
}

const row = (r: ScaleRun): string =>
  `  ${String(r.layers).padStart(6)} ${String(r.width).padStart(6)} ${formatCount(r.parameters).padStart(12)} ${formatCount(r.tokens).padStart(12)}`;

function showReport({ out }: Context, { runs, law, check, prediction, processorSeconds, target }: ScaleReport): void {
  out.clear();
  out.line(
    `\n  ${"layers".padStart(6)} ${"width".padStart(6)} ${"parameters".padStart(12)} ${"tokens".padStart(12)} ${"loss".padStart(8)} ${"processor".padStart(10)}`,
  );
  for (const r of runs) out.line(`${row(r)} ${r.loss.toFixed(3).padStart(8)} ${secondsOf(r.processorSeconds).padStart(10)}`);
  out.line(
    `\n  L = ${law.irreducible.toFixed(3)} + ${law.parameterFactor.toPrecision(3)} / N^${law.parameterExponent.toFixed(3)} + ${law.tokenFactor.toPrecision(3)} / D^${law.tokenExponent.toFixed(3)}   (N parameters, D tokens)`,
  );
  out.line(
    `  check: the largest run, predicted from the others: ${check.loss.toFixed(3)} [${check.low.toFixed(3)}, ${check.high.toFixed(3)}], measured ${check.actual.toFixed(3)}${check.isWithin ? "" : "   outside the interval"}`,
  );
  out.line(
    `  predicted: ${formatCount(target.parameters)} parameters on ${formatCount(target.tokens)} tokens: held-out loss ${prediction.loss.toFixed(3)} nats/token, 95 % in [${prediction.low.toFixed(3)}, ${prediction.high.toFixed(3)}]`,
  );
  out.line(`  ladder ${secondsOf(processorSeconds)} of processor time; the run itself about ${secondsOf(target.estimatedSeconds)}\n`);
}

export const trainScale: VerbRun = async (context, [given], options) => {
  await inProject(context, options, async at => {
    const seconds = numberOption(options, "seconds", "train scale", { least: 1, most: 1e7 });
    const isDry = options.dryRun === true;
    const report = await scaleModel(at, given, { seconds, dryRun: isDry }, quietWatchOf(context), plan => showPlan(context, plan));
    if ("law" in report) showReport(context, report);
    else {
      context.out.line(
        `\n  ${"layers".padStart(6)} ${"width".padStart(6)} ${"parameters".padStart(12)} ${"tokens".padStart(12)} ${"estimate".padStart(10)}`,
      );
      for (const r of report.runs) context.out.line(`${row(r)} ${(r.isKnown ? "known" : secondsOf(r.estimatedSeconds)).padStart(10)}`);
    }
    context.out.result(report);
  });
};
