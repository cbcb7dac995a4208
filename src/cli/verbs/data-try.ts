/** `loam data try`: other thresholds on the stored values; says what it can not know. */
import { formatCount } from "../../base/index.ts";
import { parseSetting, type StepTrial, showMeasure, type TryExample } from "../../data/index.ts";
import { tryDataThresholds } from "../../project/data/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { percent } from "../data/show-report.ts";
import { warnStale } from "../data/stale.ts";
import { listOption, numberOption, textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const limit = (n: number | null): string => (n === null ? "off" : showMeasure(n));
const example = (e: TryExample): string => `      ${e.rule} ${showMeasure(e.value)}  ${e.id}\n        ${e.text}`;

function print({ out }: Context, t: StepTrial): void {
  for (const r of t.rules)
    out.line(
      `  ${t.step}/${r.rule}: ${r.option} ${limit(r.from)} -> ${limit(r.to)}; beyond it ${formatCount(r.beyondBefore)} -> ${formatCount(r.beyondNow)} of ${formatCount(r.measured)} (${percent(r.beyondNow, r.measured)})`,
    );
  out.line(`\n  kept in addition     ${t.isBound ? "at most " : ""}${formatCount(t.keptInAddition)}`);
  for (const e of t.kept) out.line(example(e));
  out.line(`  dropped in addition  ${formatCount(t.droppedInAddition)}`);
  for (const e of t.dropped) out.line(example(e));
  if (t.droppedEarlier > 0) out.line(`  dropped here instead of by a later step: ${formatCount(t.droppedEarlier)}`);
  if (t.overruled > 0) out.line(`  kept because keep: names them: ${formatCount(t.overruled)}`);
  for (const n of t.notes) out.line(`  ${n}`);
}

export const dataTry: VerbRun = async (context, [name], options) => {
  const step = textOption(options, "step");
  const settings = listOption(options, "set").map(parseSetting);
  if (step === undefined || settings.length === 0)
    throw wrongArgument(
      "loam data try",
      "--step STEP and --set OPTION=VALUE",
      step === undefined ? "no --step" : "no --set",
      "`loam data report` lists steps with their options.",
    );
  const examples = numberOption(options, "examples", "data try", { least: 0, most: 1000, whole: true });
  const wanted = { step, settings: Object.fromEntries(settings), examples };
  const trial = await inProject(context, options, at => tryDataThresholds(at, name, wanted));
  warnStale(context.out, trial);
  print(context, trial);
  context.out.result(trial);
};
