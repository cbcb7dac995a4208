/** A task's YAML with the files that it includes, as lm-evaluation-harness merges them: the file's own keys win. */
import { basename, dirname, relative, resolve } from "node:path";
import { parseYaml, readText } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";

export type HarnessKeys = Readonly<Record<string, unknown>>;
export const isKeys = (value: unknown): value is HarnessKeys => typeof value === "object" && value !== null && !Array.isArray(value);

/** Errors: base/syntax, base/missingFile, evaluate/task for an `include` that is no file's name or comes back to its own file. */
export function readIncluded(path: string, before: readonly string[] = []): unknown {
  const full = resolve(path);
  const place = basename(full);
  const value = parseYaml(readText(full), place);
  if (!isKeys(value) || value.include === undefined) return value;
  const { include, ...own } = value;
  const chain = [...before, full];
  let merged: HarnessKeys = {};
  for (const file of [include].flat()) {
    const other = typeof file === "string" ? resolve(dirname(full), file) : undefined;
    if (other === undefined || chain.includes(other))
      throw evaluateErrors.fail("task", {
        place: `${place}: include`,
        expected: "a file that does not include this one",
        received: other === undefined ? JSON.stringify(file) : `"${relative(dirname(full), other)}"`,
      });
    const base = readIncluded(other, chain);
    if (isKeys(base)) merged = { ...merged, ...base };
  }
  return { ...merged, ...own };
}
