/** Small models that steps of curation use: a classifier of quality from good and bad examples, a recogniser of names and places from marked texts. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { check, fileError, readBytes, writeFileAtomic } from "../../base/index.ts";
import {
  decodeNames,
  decodeQuality,
  encodeNames,
  encodeQuality,
  type NameExample,
  type NamesModel,
  type NamesReport,
  namesTraining,
  parseNameExample,
  type QualityModel,
  type QualityReport,
  qualityTraining,
  shippedNames,
  type TellingFeature,
  tellingFeatures,
  textLines,
  trainNames,
  trainQuality,
} from "../../data/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import type { Workplace, Workspace } from "../workspace.ts";
import { readGoodAndBad } from "./examples.ts";

export interface TrainQualityOptions {
  /** Sets of good examples: `label=VALUE`, `data:NAME`, `rest`, a file or a folder. */
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** The data set that `label=` and `rest` speak of. */
  readonly name?: string | undefined;
  /** File of the model, below the project; default models/quality.bin. */
  readonly out?: string | undefined;
  /** Options of the training. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Most telling words of each kind that are given; default 12. */
  readonly telling?: number | undefined;
}

/** The file of a model that was trained. */
export interface TrainedFile<R> {
  readonly file: string;
  /** Of the file. */
  readonly bytes: number;
  readonly ms: number;
  readonly report: R;
  readonly examples: number;
}

export interface TrainedQuality extends TrainedFile<QualityReport> {
  /** Bytes of the examples. */
  readonly exampleBytes: number;
  readonly telling: { readonly good: readonly TellingFeature[]; readonly bad: readonly TellingFeature[] };
}

/** Errors: project/argument, project/nothing, base/config for settings, base/missingFile. */
export async function trainQualityModel(at: Workspace, options: TrainQualityOptions, watch: Watch): Promise<TrainedQuality> {
  const { good, bad, name, out = "models/quality.bin", settings = {}, telling = 12 } = options;
  for (const [kind, sets] of Object.entries({ good, bad }))
    if (sets.length === 0)
      throw wrongArgument(
        `loam data quality train: --${kind}`,
        "a set of examples",
        "none",
        "label=VALUE, data:NAME, rest, or a file or folder of texts.",
      );
  const training = check(qualityTraining, settings, "loam data quality train: --set");
  const texts = await readGoodAndBad({ good, bad }, { project: at.file, store: await at.store(), name, cwd: at.cwd });
  const examples = (["good", "bad"] as const).flatMap(kind => texts[kind].map(text => ({ text, isGood: kind === "good" })));
  const started = performance.now();
  const progress = progressFor(watch, "quality");
  const model = await trainQuality(examples, training, {
    signal: watch.signal,
    onProgress: (done, message) => progress({ stage: "quality", done, message }),
  });
  const ms = performance.now() - started;
  const file = resolve(at.folder, out);
  const encoded = encodeQuality(model);
  writeFileAtomic(file, encoded);
  return {
    file,
    bytes: encoded.length,
    ms,
    report: model.report,
    telling: tellingFeatures(model, examples, telling),
    examples: examples.length,
    exampleBytes: examples.reduce((sum, e) => sum + Buffer.byteLength(e.text), 0),
  };
}

/** Errors: base/missingFile, and those of a file that is no such model. */
export const readQualityModel = (at: Pick<Workplace, "folder">, file: string): QualityModel =>
  decodeQuality(readBytes(resolve(at.folder, file)), file);

export interface TrainNamesOptions {
  /** JSONL files: `{ "text": "...", "spans": [{ "start": 0, "end": 4, "type": "name" }] }` a line. */
  readonly examples: readonly string[];
  /** File of the model, below the project; default models/names.bin. */
  readonly out?: string | undefined;
  /** Options of the training. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

export interface TrainedNames extends TrainedFile<NamesReport> {
  readonly passes: number;
}

async function markedTexts(files: readonly string[], cwd: string): Promise<NameExample[]> {
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

/** Errors: project/argument, data/examples for a line, base/config for settings, base/missingFile. */
export async function trainNamesModel(at: Workplace, options: TrainNamesOptions, watch: Watch): Promise<TrainedNames> {
  const { examples: files, out = "models/names.bin", settings = {} } = options;
  if (files.length === 0)
    throw wrongArgument(
      "loam data private train: --examples",
      "a file of marked texts",
      "none",
      "A text and its spans a line, as docs/data-private.md shows.",
    );
  const training = check(namesTraining, settings, "loam data private train: --set");
  const examples = await markedTexts(files, at.cwd);
  const started = performance.now();
  const progress = progressFor(watch, "names");
  const model = await trainNames(examples, training, {
    signal: watch.signal,
    onProgress: (done, message) => progress({ stage: "names", done, message }),
  });
  const ms = performance.now() - started;
  const file = resolve(at.folder, out);
  const encoded = encodeNames(model);
  writeFileAtomic(file, encoded);
  return { file, bytes: encoded.length, ms, report: model.report, examples: examples.length, passes: training.passes };
}

/** Default: the model that ships with Loam. Errors: base/missingFile, and those of a file that is no such model. */
export const readNamesModel = (at: Pick<Workplace, "folder">, file?: string): NamesModel =>
  file === undefined ? shippedNames() : decodeNames(readBytes(resolve(at.folder, file)), file);
