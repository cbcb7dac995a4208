/** `loam tune preview`: which tokens of a file's examples, or of a recipe's, a model would be trained on, before anything is trained. */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { check, environment, formatCount, type LoamError, writeFileAtomic } from "../../base/index.ts";
import { findProject, Workspace } from "../../project/index.ts";
import { previewFile, previewRecipe } from "../../project/tuning/index.ts";
import { type ExampleOptions, type ExamplesPreview, exampleOptions, previewText, throwProblems } from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { showWork } from "../show-call.ts";
import { type PreviewDocument, previewPage } from "../tuning/preview-page.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const verb = "loam tune preview";
/** Examples on a page, where nothing else is said. */
const shownOnPage = 20;

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

/** A recipe has what a file is told in options. */
function checkPlain(options: Options): void {
  const given = ["model", "format", "columns", "length", "long", "answers", "line"].filter(key => options[key] !== undefined);
  if (given.length === 0) return;
  throw cliErrors.fail("usage", {
    place: `${verb}: --${given[0]}`,
    expected: "none beside a model of loam.yaml, whose recipe says it",
    received: String(options[given[0]!]),
  });
}

const tokensOf = (n: number): string => `${formatCount(n)} tokens`;

/** Where there is a page the examples are on it. Of pairs each answer counts. */
function show(context: Context, format: string, what: string, p: ExamplesPreview, hasPage: boolean): void {
  const { out } = context;
  const colour = streamsOf(context).stdout.isTTY === true && !out.json && !environment().NO_COLOR;
  for (const e of hasPage ? [] : p.shown) {
    out.line(`  ${e.place}   ${tokensOf(e.tokens)}, ${formatCount(e.trained)} trained${e.cut > 0 ? `, ${formatCount(e.cut)} cut` : ""}`);
    out.line();
    for (const line of previewText(e.runs, colour).split("\n")) out.line(`    ${line}`);
    out.line();
  }
  const share = p.tokens === 0 ? 0 : (100 * p.trainedTokens) / p.tokens;
  const unit = format === "preference" ? "answer" : "example";
  out.line(
    `  ${formatCount(p.examples)} ${unit}${p.examples === 1 ? "" : "s"} (${format}) ${what}: ${tokensOf(p.tokens)}, ${formatCount(p.trainedTokens)} trained (${share.toFixed(0)} %), the longest ${formatCount(p.longest)}`,
  );
}

function warnLength(out: Output, { tooLong, cut }: ExamplesPreview, length: number): void {
  if (tooLong > 0) out.warn(`  ${formatCount(tooLong)} left out: more than ${tokensOf(length)}`);
  if (cut > 0) out.warn(`  ${formatCount(cut)} cut at ${tokensOf(length)}: their end is not learnt`);
}

function writePage({ out, cwd }: Context, page: string | undefined, document: PreviewDocument): void {
  if (page === undefined) return;
  const file = resolve(cwd, page);
  writeFileAtomic(file, previewPage(document));
  out.line(`  page: ${file}`);
}

interface Wanted {
  readonly number: number;
  readonly page: string | undefined;
}

/** What is wrong with examples is told after what is right, as an error where it would be one if they were to be trained on. */
function finish(out: Output, result: object, problems: readonly LoamError[], shown: string, isTolerant = false): void {
  const data = { ...result, problems: problems.map(p => p.problem) };
  if (problems.length === 0 || isTolerant) out.result(data);
  else out.event("preview", data);
  if (!isTolerant) throwProblems(problems, shown);
}

async function ofRecipe(context: Context, workspace: Workspace, name: string, { number, page }: Wanted): Promise<void> {
  const { out } = context;
  const { problems, pieces, ...preview } = await showWork(context, watch => previewRecipe(workspace, name, { number }, watch));
  const { tune } = workspace.file.config.tuned[name]!;
  show(context, preview.format, `that ${name} is trained on, ${preview.model} read`, preview, page !== undefined);
  if (preview.validation > 0) out.line(`  ${formatCount(preview.validation)} more select`);
  if ("length" in tune && tune.length !== undefined) warnLength(out, preview, tune.length);
  const isTolerant = "bad" in tune && tune.bad === "skip";
  if (isTolerant && problems.length > 0) out.warn(`  ${formatCount(problems.length)} left out: they cannot be trained on`);
  writePage(context, page, { what: name, model: preview.model, format: preview.format, preview, pieces, problems });
  finish(out, { recipe: name, on: tune.on, ...preview }, problems, name, isTolerant);
}

async function ofFile(context: Context, file: string, options: Options, { number, page }: Wanted): Promise<void> {
  const { out, cwd } = context;
  const examples = optionsOf(options);
  const line = numberOption(options, "line", "tune preview", { least: 1, most: 2 ** 31, whole: true });
  const place = { folder: folderOf(context, options), cwd };
  const given = { examples, line, number, model: textOption(options, "model") };
  const { problems, pieces, model, format, ...preview } = await showWork(context, () => previewFile(place, file, given));
  const what = basename(file);
  show(context, format, `for ${model}`, preview, page !== undefined);
  warnLength(out, preview, examples.length);
  writePage(context, page, { what, model, format, preview, pieces, problems });
  finish(out, { file: what, model, format, ...preview }, problems, what);
}

/** A path is a file, and so is a name that one bears here; else it is a model of the project. */
export const tunePreview: VerbRun = async (context, [what = ""], options) => {
  const page = textOption(options, "page");
  const number =
    numberOption(options, "number", "tune preview", { least: 1, most: 10_000, whole: true }) ?? (page === undefined ? 3 : shownOnPage);
  const wanted = { number, page };
  if (/[./\\]/.test(what) || existsSync(resolve(context.cwd, what))) return ofFile(context, what, options, wanted);
  await using workspace = new Workspace(findProject(folderOf(context, options)));
  checkPlain(options);
  await ofRecipe(context, workspace, what, wanted);
};
