/** `loam data quality`: trains a classifier from good and bad examples (`train`), or shows what a trained one is worth (`show`). */
import { resolve } from "node:path";
import { formatBytes, formatCount } from "../../base/index.ts";
import { parseSetting, type QualityReport, type TellingFeature } from "../../data/index.ts";
import { readQualityModel, trainQualityModel } from "../../project/data/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { listOption, numberOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf, inProject } from "../verb-folder.ts";

function printReport({ out }: Context, r: QualityReport): void {
  out.line(
    `  examples       ${formatCount(r.good)} good, ${formatCount(r.bad)} bad (${formatCount(r.duplicates)} equal ones counted once, ${formatCount(r.contradictions)} called both and left out)`,
  );
  out.line(`  held out       ${formatCount(r.heldOut.good)} good, ${formatCount(r.heldOut.bad)} bad, seen by this measurement only`);
  out.line(`                 accuracy precision recall    F1   AUC    Brier   ECE`);
  const f = (x: number, digits = 3) => x.toFixed(digits).padStart(6);
  for (const [name, m] of [
    ["  raw          ", r.before],
    ["  calibrated   ", r.after],
  ] as const)
    out.line(
      `${name}  ${f(m.accuracy)}    ${f(m.precision)}  ${f(m.recall)} ${f(m.f1)} ${f(m.auc, 4)} ${f(m.brier, 4)} ${f(m.calibrationError, 4)}`,
    );
}

const printTelling = ({ out }: Context, title: string, list: readonly TellingFeature[]): void => {
  out.line(`\n  ${title}`);
  const share = (x: number) => `${(100 * x).toFixed(0)} %`.padStart(6);
  for (const t of list)
    out.line(`    ${t.weight.toFixed(2).padStart(6)}  in ${share(t.inGood)} of good, ${share(t.inBad)} of bad   ${JSON.stringify(t.text)}`);
};

async function train(context: Context, name: string | undefined, options: Options): Promise<void> {
  const { out } = context;
  const trainedFile = textOption(options, "out") ?? "models/quality.bin";
  const wanted = {
    name,
    good: listOption(options, "good"),
    bad: listOption(options, "bad"),
    out: trainedFile,
    settings: Object.fromEntries(listOption(options, "set").map(parseSetting)),
    telling: numberOption(options, "telling", "data quality", { least: 0, most: 1000, whole: true }),
  };
  const trained = await inProject(context, options, at => trainQualityModel(at, wanted, watchOf(context)));
  const { examples, exampleBytes, ...result } = trained;
  const { report, telling } = result;
  out.done("quality", `${formatCount(examples)} texts, ${formatBytes(exampleBytes)}, ${report.passes} passes`, result.ms);
  printReport(context, report);
  printTelling(context, "speaks for good", telling.good);
  printTelling(context, "speaks for bad", telling.bad);
  out.line(
    `\n  ${trainedFile} (${formatBytes(result.bytes)}); in loam.yaml: steps: [..., { quality: { model: ${trainedFile}, minScore: 0.5 } }]`,
  );
  out.result(result);
}

function show(context: Context, file: string | undefined, options: Options): void {
  if (file === undefined) throw wrongArgument("loam data quality show", "the file of a model", "none");
  const folder = folderOf(context, options);
  const model = readQualityModel({ folder }, file);
  printReport(context, model.report);
  context.out.result({ file: resolve(folder, file), features: model.features, report: model.report });
}

export const dataQuality: VerbRun = async (context, [action, given], options) => {
  if (action === "train") return train(context, given, options);
  if (action === "show") return show(context, given, options);
  throw wrongArgument("loam data quality", "train or show", JSON.stringify(action ?? ""));
};
