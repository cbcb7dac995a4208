/** `loam train compile`: flags, and a table of what each program of a training step takes and costs on the target. */
import { formatBytes } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { type CompiledProgram, compileStep } from "../../project/training/index.ts";
import { columns } from "../columns.ts";
import { textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const bytes = (n: number | null): string => (n === null ? "-" : formatBytes(n));
const count = (n: number | undefined): string => (n === undefined ? "-" : n >= 1e6 ? n.toExponential(2) : String(Math.round(n)));

const heads = ["program", "arguments", "results", "in place", "temporaries", "at once", "code", "FLOPs", "bytes moved", "estimate"];
const rowOf = (p: CompiledProgram): string[] => [
  p.name,
  ...[p.argumentBytes, p.outputBytes, p.aliasedBytes, p.temporaryBytes, p.totalBytes, p.codeBytes].map(bytes),
  count(p.cost.flops),
  p.cost["bytes accessed"] === undefined ? "-" : formatBytes(p.cost["bytes accessed"]),
  p.cost.optimal_seconds === undefined ? "-" : `${(1000 * p.cost.optimal_seconds).toPrecision(3)} ms`,
];

export const trainCompile: VerbRun = async (context, [given], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const target = textOption(options, "target");
    if (target === undefined)
      throw wrongArgument("loam train compile: --target", "a device to compile for", "none", "For example --target tpu:v5e:2x2.");
    const report = await compileStep(at, given, { target, output: textOption(options, "output") }, quietWatchOf(context));
    out.clear();
    out.line(
      `  ${report.model} for ${report.target}: ${report.parameters.toLocaleString("en-US")} parameters, ${report.tokensPerStep.toLocaleString("en-US")} tokens per step`,
    );
    out.line(`  ${report.device} (${report.devices} in the target; each program is for one), PJRT ${report.api}`);
    out.line(columns([heads, ...report.programs.map(rowOf)], 1));
    const kept = report.programs.filter(p => p.file !== null).length;
    const seconds = report.programs.reduce((sum, p) => sum + p.compileSeconds, 0);
    out.line(
      `  compiled in ${seconds.toFixed(1)} s, not run; ${kept === 0 ? "the plugin writes no executables" : `${kept} executables in ${report.folder}`}`,
    );
    out.result(report);
  });
};
