/** `loam data private`: trains a recogniser of names and places from marked texts (`train`), or shows what a trained one is worth (`show`). */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { check, fileError, formatBytes, formatCount, readBytes, writeFileAtomic } from "../../base/index.ts";
import {
  decodeNames,
  encodeNames,
  type NameExample,
  type NamesReport,
  namesTraining,
  parseNameExample,
  parseSetting,
  textLines,
  trainNames,
} from "../../data/index.ts";
import { findProject } from "../../project/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const usage = (place: string, expected: string, received: string, hint?: string) =>
  cliErrors.fail("usage", { place, expected, received, ...(hint ? { hint } : {}) });

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

const listOf = (options: Options, key: string): string[] => (Array.isArray(options[key]) ? options[key] : []);

async function examplesOf(files: readonly string[], cwd: string): Promise<NameExample[]> {
  const examples: NameExample[] = [];
  for (const file of files) {
    let number = 0;
    try {
      for await (const line of textLines(createReadStream(resolve(cwd, file)))) {
        number++;
        if (line.trim() !== "") examples.push(parseNameExample(line, `${file}:${number}`));
      }
    } catch (error) {
      throw fileError(error, file);
    }
  }
  return examples;
}

async function train(context: Context, options: Options): Promise<void> {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const files = listOf(options, "examples");
  if (files.length === 0)
    throw usage(
      "loam data private train: --examples",
      "a file of marked texts",
      "none",
      "A text and its spans a line, as docs/data-private.md shows.",
    );
  const outFile = textOption(options, "out") ?? "models/names.bin";
  const settings = check(namesTraining, Object.fromEntries(listOf(options, "set").map(parseSetting)), "loam data private train: --set");
  const examples = await examplesOf(files, context.cwd);
  const started = performance.now();
  const progress = out.progress("names");
  const model = await trainNames(examples, settings, {
    signal: context.signal,
    onProgress: (done, message) => progress({ stage: "names", done, message }),
  });
  const ms = performance.now() - started;
  const path = resolve(project.folder, outFile);
  const encoded = encodeNames(model);
  writeFileAtomic(path, encoded);
  out.done("names", `${formatCount(examples.length)} texts, ${settings.passes} passes`, ms);
  printReport(context, model.report);
  out.line(`\n  ${outFile} (${formatBytes(encoded.length)}); in loam.yaml: steps: [..., { private: { names: { model: ${outFile} } } }]`);
  out.result({ file: path, bytes: encoded.length, ms, report: model.report });
}

function show(context: Context, file: string | undefined, options: Options): void {
  if (file === undefined) throw usage("loam data private show", "the file of a model", "none");
  const path = resolve(folderOf(context, options), file);
  const model = decodeNames(readBytes(path), file);
  printReport(context, model.report);
  context.out.result({ file: path, options: model.options, temperature: model.temperature, report: model.report });
}

export const dataPrivate: VerbRun = async (context, [action, file], options) => {
  if (action === "train") return train(context, options);
  if (action === "show") return show(context, file, options);
  throw usage("loam data private", "train or show", JSON.stringify(action ?? ""));
};
