/** Which tokens a model would be trained on, and what cannot be: of a file's examples, or of those of a tuned model of loam.yaml. */
import { basename, resolve } from "node:path";
import { byLine, type ExampleOptions, previewOf, previewPieces, readExampleFile } from "../tune/index.ts";
import type { Watch } from "./call.ts";
import { projectErrors } from "./errors.ts";
import { namedOrMade } from "./eval/made-model.ts";
import { findModel } from "./serving/find-model.ts";
import { baseText } from "./tuning/base-text.ts";
import { encoderOfFormat, type RecipePreview, recipePreview } from "./tuning/preview-examples.ts";
import type { Workplace, Workspace } from "./workspace.ts";

/** Examples as a model reads them, token by token; `problems` are those that cannot be trained on. */
export type TrainingPreview = Omit<RecipePreview, "validation">;

export interface PreviewOptions {
  /** Examples shown; default: 3. */
  readonly number?: number | undefined;
}

export interface FilePreviewOptions extends PreviewOptions {
  /** How the file is read and laid out. */
  readonly examples: ExampleOptions;
  /** Whose template and tokenizer are used: a name, a version or a path; default: the served model. */
  readonly model?: string | undefined;
  /** Only the example of this line. */
  readonly line?: number | undefined;
}

const shownExamples = 3;

/** Of the examples that a tuned model of loam.yaml is trained on. Errors: project/argument, project/nothing; those of reading the examples. */
export async function previewRecipe(
  workspace: Workspace,
  model: string,
  { number = shownExamples }: PreviewOptions,
  { signal }: Pick<Watch, "signal">,
): Promise<RecipePreview> {
  return recipePreview(workspace.file, await workspace.store(), model, all => all.slice(0, number), signal);
}

/** Of a file's examples. Errors: project/argument, those of the file and the model. */
export async function previewFile({ folder, cwd }: Workplace, file: string, o: FilePreviewOptions): Promise<TrainingPreview> {
  const { line, examples, number = shownExamples } = o;
  await using found = await findModel(folder, cwd, o.model);
  const { files, label } = await namedOrMade(found);
  const text = await baseText(files);
  const shown = basename(file);
  const read = await readExampleFile(resolve(cwd, file), { format: examples.format, columns: examples.columns, shown });
  const all = encoderOfFormat(read.format)(text, read.examples, examples);
  const problems = byLine([...read.problems, ...all.problems]);
  const isOnly = (place = ""): boolean => new RegExp(`:${line}(?!\\d)`).test(place);
  const chosen = line === undefined ? all.encoded.slice(0, number) : all.encoded.filter(e => isOnly(e.place));
  if (line !== undefined && chosen.length === 0 && !problems.some(p => isOnly(p.problem.place)))
    throw projectErrors.fail("argument", {
      place: "loam tune preview: --line",
      expected: `a line of ${shown} with an example`,
      received: String(line),
    });
  const pieces = chosen.map(e => previewPieces(text, e));
  return { ...previewOf(text, all, chosen), format: read.format, model: label.id, pieces, problems };
}
