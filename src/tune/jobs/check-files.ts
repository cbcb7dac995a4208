/** The files of a job, read and encoded before anything is trained: every complaint with its line, and the numbers that a recipe needs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isLoamError, type LoamError } from "../../base/index.ts";
import { encodeExamples, type TuneText } from "../instruct/encode.ts";
import { type PlacedExample, readExampleFile } from "../instruct/read.ts";
import { checkExampleCrossing } from "../instruct/split.ts";
import { encodePairs } from "../preference/pairs.ts";
import { fileNames } from "./file-names.ts";
import type { JobMethod } from "./job.ts";

type FileParameter = keyof typeof fileNames;

export interface FileProblem {
  readonly param: FileParameter;
  /** 1 is the first; null for what is wrong with the whole file. */
  readonly line: number | null;
  readonly message: string;
}

export interface CheckedFiles {
  /** Of all problems the first ones. */
  readonly problems: readonly FileProblem[];
  readonly problemCount: number;
  /** What is odd and does not hinder. */
  readonly warnings: readonly string[];
  /** Examples, or pairs. */
  readonly train: number;
  readonly validation: number;
  /** Tokens of the longest sequence, and of all. */
  readonly longest: number;
  readonly tokens: number;
  /** Tokens that the model reads. */
  readonly context: number;
}

/** Problems that are told line by line. */
const told = 100;

/** Tokens of every sequence of the examples, and what is wrong with some. */
const encoders: {
  readonly [T in JobMethod["type"]]: (
    text: TuneText,
    examples: readonly PlacedExample[],
    length: number,
  ) => { readonly lengths: readonly number[]; readonly problems: readonly LoamError[] };
} = {
  supervised(text, examples, length) {
    const { encoded, problems } = encodeExamples(text, examples, { length });
    return { lengths: encoded.map(e => e.ids.length), problems };
  },
  dpo(text, examples, length) {
    const { encoded, problems } = encodePairs(text, examples, { length });
    return { lengths: encoded.flatMap(e => [e.chosen.ids.length, e.rejected.ids.length]), problems };
  },
};

const problemOf = (param: FileParameter, { message }: LoamError): FileProblem => {
  const line = new RegExp(`^${param}:(\\d+)`).exec(message)?.[1];
  return { param, line: line === undefined ? null : Number(line), message };
};

/** Reads the files in a job's folder as its base would learn them. What is wrong with them is in `problems`, never thrown. */
export async function checkJobFiles(
  folder: string,
  o: { readonly type: JobMethod["type"]; readonly text: TuneText; readonly context: number },
): Promise<CheckedFiles> {
  const problems: FileProblem[] = [];
  const lengths: number[] = [];
  const read = async (param: FileParameter): Promise<readonly PlacedExample[]> => {
    const path = join(folder, fileNames[param]);
    if (param === "validation_file" && !existsSync(path)) return [];
    try {
      const found = await readExampleFile(path, { shown: param });
      const encoded = encoders[o.type](o.text, found.examples, o.context);
      for (const p of [...found.problems, ...encoded.problems]) problems.push(problemOf(param, p));
      for (const n of encoded.lengths) lengths.push(n);
      return found.examples;
    } catch (error) {
      if (!isLoamError(error)) throw error;
      problems.push(problemOf(param, error));
      return [];
    }
  };
  const [train, validation] = [await read("training_file"), await read("validation_file")];
  return {
    problems: problems.toSorted((a, b) => (a.param === b.param ? (a.line ?? 0) - (b.line ?? 0) : 0)).slice(0, told),
    problemCount: problems.length,
    warnings: problems.length === 0 ? crossings(train, validation) : [],
    train: train.length,
    validation: validation.length,
    longest: lengths.reduce((most, n) => Math.max(most, n), 0),
    tokens: lengths.reduce((sum, n) => sum + n, 0),
    context: o.context,
  };
}

/** A validation file that holds what is trained says less than it seems to. */
function crossings(train: readonly PlacedExample[], validation: readonly PlacedExample[]): string[] {
  if (validation.length === 0) return [];
  try {
    checkExampleCrossing(train, validation);
    return [];
  } catch (error) {
    if (!isLoamError(error, "tune/example")) throw error;
    const { place, received } = error.problem;
    return [`${place} is ${received}: the validation loss tells less of new texts than it seems to.`];
  }
}
