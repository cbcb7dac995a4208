/**
 * Which files of a data set are which split where its card does not say: by the names that `datasets` gives when it writes
 * (`data/train-00000-of-00002.parquet`), else by words in their paths, else all are `train`
 * (https://huggingface.co/docs/hub/datasets-file-names-and-splits).
 */
import { openedName } from "../compressed/expand.ts";
import { glob } from "../glob.ts";
import type { SplitFiles } from "./card.ts";

/** Endings that are read, and how. */
export const tableFormats = {
  ".parquet": "parquet",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "jsonl",
  ".csv": "csv",
  ".tsv": "csv",
  ".txt": "text",
} as const;

export const tableFormatOf = (path: string): (typeof tableFormats)[keyof typeof tableFormats] | undefined =>
  Object.entries(tableFormats).find(([ending]) => openedName(path).toLowerCase().endsWith(ending))?.[1];

interface SplitFile {
  readonly path: string;
  readonly split: string;
}

const words: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};

const written = /^(?:data\/)?([\w.]+?)-\d{5}-of-\d{5,}(?:-[0-9a-f]+)?\.[^/]+$/;

/** The last word of a path that names a split: a file's own word counts before its folder's. */
function splitByWord(path: string): string | undefined {
  const parts = path.toLowerCase().split(/[^a-z0-9]+/);
  for (const part of parts.reverse()) {
    const found = Object.entries(words).find(([, names]) => names.includes(part))?.[0];
    if (found) return found;
  }
  return undefined;
}

/** Files of the most common format among them: a folder holds its data once. */
export function splitsByName(paths: readonly string[]): SplitFile[] {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const format = tableFormatOf(path);
    if (format) counts.set(format, (counts.get(format) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([format]) => format);
  const files = paths.filter(p => tableFormatOf(p) !== undefined && tableFormatOf(p) === most);
  const shards = files.flatMap(path => {
    const split = written.exec(path)?.[1];
    return split === undefined ? [] : [{ path, split }];
  });
  if (shards.length > 0) return shards;
  const named = files.flatMap(path => {
    const split = splitByWord(path);
    return split === undefined ? [] : [{ path, split }];
  });
  return named.length > 0 ? named : files.map(path => ({ path, split: "train" }));
}

/** Files by the patterns of a card. A pattern may name a folder. */
export function splitsByPattern(paths: readonly string[], splits: readonly SplitFiles[]): SplitFile[] {
  return splits.flatMap(({ split, patterns }) => {
    const fits = patterns.flatMap(pattern => {
      const clean = pattern.replace(/^\.\//, "").replace(/\/$/, "");
      return [glob(clean), glob(`${clean}/**`)];
    });
    return paths.filter(p => tableFormatOf(p) !== undefined && fits.some(f => f(p))).map(path => ({ path, split }));
  });
}
