/** `loam tune preview`: which tokens of a file's examples a model would be trained on, before anything is trained. */
import { basename, resolve } from "node:path";
import { check, formatCount } from "../../base/index.ts";
import {
  type ExampleOptions,
  encodeExamples,
  exampleOptions,
  previewRuns,
  previewText,
  readExampleFile,
  throwProblems,
} from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import { findModel } from "../serving/find-model.ts";
import { foundFiles } from "../serving/found-files.ts";
import { baseText } from "../tuning/base-text.ts";
import type { Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const verb = "loam tune preview";

/** `user=question assistant=answer` as columns. */
function columnsOf(given: Options[string]): Record<string, string> | undefined {
  if (!Array.isArray(given)) return undefined;
  return Object.fromEntries(
    given.map(text => {
      const [, role, field] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (role !== undefined && field !== undefined) return [role, field];
      throw cliErrors.fail("usage", {
        place: `${verb}: --columns`,
        expected: "ROLE=FIELD, such as user=question",
        received: JSON.stringify(text),
      });
    }),
  );
}

function optionsOf(options: Options): ExampleOptions {
  const length = numberOption(options, "length", "tune preview", { least: 8, most: 2 ** 20, whole: true });
  const given = {
    format: textOption(options, "format"),
    columns: columnsOf(options.columns),
    long: textOption(options, "long"),
    answers: textOption(options, "answers"),
    length,
  };
  return check(exampleOptions, Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)), verb);
}

export const tunePreview: VerbRun = async (context, [file = ""], options) => {
  const { out, cwd } = context;
  const o = optionsOf(options);
  const number = numberOption(options, "number", "tune preview", { least: 1, most: 10_000, whole: true }) ?? 3;
  const only = numberOption(options, "line", "tune preview", { least: 1, most: 2 ** 31, whole: true });
  await using found = await findModel(folderOf(context, options), cwd, textOption(options, "model"));
  const { files, label } = await foundFiles(found);
  const text = await baseText(files);
  const read = await readExampleFile(resolve(cwd, file), { format: o.format, columns: o.columns, shown: basename(file) });
  const { encoded, problems: refused, tooLong, cut } = encodeExamples(text, read.examples, o);
  const problems = [...read.problems, ...refused];
  const shown = only === undefined ? encoded.slice(0, number) : encoded.filter(e => e.place.endsWith(`:${only}`));
  if (only !== undefined && shown.length === 0 && !problems.some(p => p.problem.place?.includes(`:${only}`)))
    throw cliErrors.fail("usage", {
      place: `${verb}: --line`,
      expected: `a line of ${basename(file)} with an example`,
      received: String(only),
    });
  const colour = process.stdout.isTTY === true && !out.json && !process.env.NO_COLOR;
  for (const e of shown) {
    const trained = e.trained.reduce((n, t) => n + t, 0);
    out.line(
      `  ${e.place}   ${formatCount(e.ids.length)} tokens, ${formatCount(trained)} trained${e.cut > 0 ? `, ${formatCount(e.cut)} cut` : ""}`,
    );
    out.line();
    for (const line of previewText(previewRuns(text, e), colour).split("\n")) out.line(`    ${line}`);
    out.line();
  }
  const tokens = encoded.reduce((n, e) => n + e.ids.length, 0);
  const trainedTokens = encoded.reduce((n, e) => n + e.trained.reduce((s, t) => s + t, 0), 0);
  const longest = encoded.reduce((n, e) => Math.max(n, e.ids.length), 0);
  const share = tokens === 0 ? 0 : (100 * trainedTokens) / tokens;
  out.line(
    `  ${formatCount(encoded.length)} ${encoded.length === 1 ? "example" : "examples"} (${read.format}) for ${label.id}: ${formatCount(tokens)} tokens, ${formatCount(trainedTokens)} trained (${share.toFixed(0)} %), the longest ${formatCount(longest)}`,
  );
  if (tooLong > 0) out.warn(`  ${formatCount(tooLong)} left out: more than ${formatCount(o.length)} tokens`);
  if (cut > 0) out.warn(`  ${formatCount(cut)} cut at ${formatCount(o.length)} tokens: their end is not learnt`);
  const result = {
    file: basename(file),
    model: label.id,
    format: read.format,
    examples: encoded.length,
    tokens,
    trainedTokens,
    longest,
    tooLong,
    cut,
    problems: problems.map(p => p.problem),
    shown: shown.map(e => ({ place: e.place, tokens: e.ids.length, cut: e.cut, runs: previewRuns(text, e) })),
  };
  if (problems.length === 0) out.result(result);
  else out.event("preview", result);
  // what cannot be trained on is an error, as it is when it is to be trained on
  throwProblems(problems, basename(file));
};
