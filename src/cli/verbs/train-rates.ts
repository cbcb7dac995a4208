/** `loam train rates`: flags, the curve of a learning-rate range test, and the suggested rate. */
import { formatDuration } from "../../base/index.ts";
import { testRates } from "../../project/training/index.ts";
import { chart } from "../chart.ts";
import { numberOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const rateOf = (x: number): string => Number(x.toPrecision(2)).toString();

export const trainRates: VerbRun = async (context, [given], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const rate = (key: string) => numberOption(options, key, "train rates", { least: 1e-9, most: 1e3 });
    const steps = numberOption(options, "steps", "train rates", { least: 10, most: 10_000, whole: true });
    const report = await testRates(at, given, { from: rate("from"), to: rate("to"), steps }, quietWatchOf(context));
    out.clear();
    const { points, suggested, steepest, least, ended } = report;
    out.line("  loss (smoothed), nats per token, by log10 of the rate");
    for (const line of chart([{ name: "loss", points: points.map(p => [Number(Math.log10(p.rate).toFixed(2)), p.smoothed] as const) }]))
      out.line(`      ${line}`);
    out.line(
      `  ${report.model}, ${report.optimizer}: ${points.length} steps, rates ${rateOf(points[0]!.rate)} to ${rateOf(points.at(-1)!.rate)}${ended ? ", ended early: the loss rose" : ""}; ${formatDuration(report.processorSeconds * 1000)} of processor time`,
    );
    out.line(`  the loss falls fastest at ${rateOf(steepest)} and is least at ${rateOf(least)}`);
    out.line(
      suggested === undefined
        ? "  no suggestion: the loss did not fall. Try a higher --to or more --steps."
        : `  suggested peak rate: ${rateOf(suggested)} (the recipe says ${rateOf(report.rate)})`,
    );
    out.result(report);
  });
};
