/** `loam data private`: trains a recogniser of names and places from marked texts (`train`), or shows what a trained one is worth (`show`). */
import { resolve } from "node:path";
import { formatBytes, formatCount } from "../../base/index.ts";
import { type NamesReport, parseSetting, shippedNamesFile } from "../../data/index.ts";
import { readNamesModel, trainNamesModel } from "../../project/data/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { listOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf, inProject } from "../verb-folder.ts";

function printReport({ out }: Context, r: NamesReport): void {
  const aside = `${formatCount(r.duplicates)} equal ones counted once, ${formatCount(r.contradictions)} marked in two ways and left out`;
  out.line(`  examples       ${formatCount(r.examples)} texts, ${formatCount(r.names)} names, ${formatCount(r.places)} places (${aside})`);
  out.line(`  held out       ${formatCount(r.heldOut)} texts, seen by this measurement only; whole spans of the right type`);
  out.line("                 precision recall    F1   true ones");
  const f = (x: number) => x.toFixed(3).padStart(6);
  for (const type of ["name", "place"] as const) {
    const m = r.measures[type];
    out.line(`  ${type.padEnd(13)}     ${f(m.precision)} ${f(m.recall)} ${f(m.f1)}   ${formatCount(m.there).padStart(9)}`);
  }
}

async function train(context: Context, options: Options): Promise<void> {
  const { out } = context;
  const trainedFile = textOption(options, "out") ?? "models/names.bin";
  const settings = Object.fromEntries(listOption(options, "set").map(parseSetting));
  const wanted = { examples: listOption(options, "examples"), out: trainedFile, settings };
  const trained = await inProject(context, options, at => trainNamesModel(at, wanted, watchOf(context)));
  const { examples, passes, ...result } = trained;
  out.done("names", `${formatCount(examples)} texts, ${passes} passes`, result.ms);
  printReport(context, result.report);
  out.line(
    `\n  ${trainedFile} (${formatBytes(result.bytes)}); in loam.yaml: steps: [..., { private: { names: { model: ${trainedFile} } } }]`,
  );
  out.result(result);
}

function show(context: Context, file: string | undefined, options: Options): void {
  const folder = folderOf(context, options);
  const model = readNamesModel({ folder }, file);
  printReport(context, model.report);
  context.out.result({
    file: file === undefined ? shippedNamesFile : resolve(folder, file),
    options: model.options,
    temperature: model.temperature,
    report: model.report,
  });
}

export const dataPrivate: VerbRun = async (context, [action, file], options) => {
  if (action === "train") return train(context, options);
  if (action === "show") return show(context, file, options);
  throw wrongArgument("loam data private", "train or show", JSON.stringify(action ?? ""));
};
