/** `loam data quality`: trains a classifier from good and bad examples (`train`), or shows what a trained one is worth (`show`). */
import { resolve } from "node:path";
import { check, formatBytes, formatCount, readBytes, writeFileAtomic } from "../../base/index.ts";
import {
  decodeQuality,
  encodeQuality,
  parseSetting,
  type QualityReport,
  qualityTraining,
  type TellingFeature,
  tellingFeatures,
  trainQuality,
} from "../../data/index.ts";
import { readExamples } from "../../project/data/index.ts";
import { findProject, withProjectStore } from "../../project/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const usage = (place: string, expected: string, received: string, hint?: string) =>
  cliErrors.fail("usage", { place, expected, received, ...(hint ? { hint } : {}) });

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

const setsOf = (options: Options, key: string): string[] => (Array.isArray(options[key]) ? options[key] : []);

async function train(context: Context, name: string | undefined, options: Options): Promise<void> {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const sets = { good: setsOf(options, "good"), bad: setsOf(options, "bad") };
  for (const kind of ["good", "bad"] as const)
    if (sets[kind].length === 0)
      throw usage(
        `loam data quality train: --${kind}`,
        "a set of examples",
        "none",
        "label=VALUE, data:NAME, rest, or a file or folder of texts.",
      );
  const outFile = textOption(options, "out") ?? "models/quality.bin";
  const settings = check(qualityTraining, Object.fromEntries(setsOf(options, "set").map(parseSetting)), "loam data quality train: --set");
  const count = numberOption(options, "telling", "data quality", { least: 0, most: 1000, whole: true })!;
  await withProjectStore(project, async store => {
    const texts = await readExamples(sets, { project, store, name, cwd: context.cwd });
    const examples = (["good", "bad"] as const).flatMap(kind => texts[kind].map(text => ({ text, isGood: kind === "good" })));
    const bytes = examples.reduce((sum, e) => sum + Buffer.byteLength(e.text), 0);
    const started = performance.now();
    const progress = out.progress("quality");
    const model = await trainQuality(examples, settings, {
      signal: context.signal,
      onProgress: (done, message) => progress({ stage: "quality", done, message }),
    });
    const ms = performance.now() - started;
    const path = resolve(project.folder, outFile);
    const encoded = encodeQuality(model);
    writeFileAtomic(path, encoded);
    out.done("quality", `${formatCount(examples.length)} texts, ${formatBytes(bytes)}, ${model.report.passes} passes`, ms);
    printReport(context, model.report);
    const telling = tellingFeatures(model, examples, count);
    printTelling(context, "speaks for good", telling.good);
    printTelling(context, "speaks for bad", telling.bad);
    out.line(
      `\n  ${outFile} (${formatBytes(encoded.length)}); in loam.yaml: steps: [..., { quality: { model: ${outFile}, minScore: 0.5 } }]`,
    );
    out.result({ file: path, bytes: encoded.length, ms, report: model.report, telling });
  });
}

function show(context: Context, file: string | undefined, options: Options): void {
  if (file === undefined) throw usage("loam data quality show", "the file of a model", "none");
  const path = resolve(folderOf(context, options), file);
  const model = decodeQuality(readBytes(path), file);
  printReport(context, model.report);
  context.out.result({ file: path, features: model.features, report: model.report });
}

export const dataQuality: VerbRun = async (context, [action, given], options) => {
  if (action === "train") return train(context, given, options);
  if (action === "show") return show(context, given, options);
  throw usage("loam data quality", "train or show", JSON.stringify(action ?? ""));
};
