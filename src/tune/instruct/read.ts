/** A file of examples: every record checked before anything is trained, every complaint with file and line. */
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { fileError, formatCount, isLoamError, type LoamError, showValue } from "../../base/index.ts";
import { readTaskItems, type TaskFileItem } from "../../evaluate/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Example } from "./example.ts";
import type { Columns, FormatName } from "./format-options.ts";
import { type Fields, formats, guessFormat } from "./formats.ts";

export interface PlacedExample {
  /** File and line. */
  readonly place: string;
  readonly example: Example;
}
interface ReadExamples {
  readonly format: FormatName;
  readonly examples: readonly PlacedExample[];
  /** Of each example's record. */
  readonly fields: readonly Fields[];
  /** What is wrong, record by record. */
  readonly problems: readonly LoamError[];
}
interface ReadOptions {
  /** Told by the first record when absent. */
  readonly format?: FormatName | undefined;
  readonly columns?: Columns | undefined;
  /** What the file is called in complaints; its name when absent. */
  readonly shown?: string | undefined;
}

/** Problems that a message lists. */
const listed = 5;
/** Beyond so many nobody reads on. */
const mostProblems = 1000;

/** Lines of a JSONL file; one that is no JSON is a problem of its own and not the end. */
function linesOf(path: string, shown: string, hear: (problem: LoamError) => void): TaskFileItem[] {
  let content: string;
  try {
    content = readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw fileError(error, shown);
  }
  const items: TaskFileItem[] = [];
  for (const [i, line] of content.split("\n").entries()) {
    if (line.trim() === "") continue;
    const place = `${shown}:${i + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      const why = (error as Error).message.slice(0, 100);
      hear(tuneErrors.fail("example", { place, expected: "a JSON object", received: `what is no JSON (${why})` }, error));
      continue;
    }
    if (typeof value === "object" && value !== null && !Array.isArray(value)) items.push({ fields: value as Fields, place });
    else hear(tuneErrors.fail("example", { place, expected: "a JSON object", received: showValue(value) }));
  }
  return items;
}

/** One record as an example, of the shape that is given, else of its own. Errors: tune/example. */
export function readRecord(
  { fields, place }: TaskFileItem,
  format: FormatName | undefined,
  columns: Columns,
): { readonly format: FormatName; readonly placed: PlacedExample } {
  const found = format ?? guessFormat(fields, columns, place);
  if (!formats[found].has(fields, columns)) {
    const other = guessFormat(fields, columns, place);
    throw tuneErrors.fail("example", { place, expected: `a record of the form ${found}, as the first is`, received: `the form ${other}` });
  }
  return { format: found, placed: { place, example: formats[found].read(fields, columns, place) } };
}

/**
 * Reads and checks a file of examples: JSON lines, a JSON list, or a table (CSV, TSV) with a row of names. Errors: tune/example where it has no
 * record that can be read, base/file; what is wrong with single records is told in `problems`.
 */
export async function readExampleFile(
  path: string,
  { format, columns = {}, shown = basename(path) }: ReadOptions = {},
): Promise<ReadExamples> {
  const problems: LoamError[] = [];
  const isLines = [".jsonl", ".ndjson"].includes(extname(path).toLowerCase());
  const items = isLines ? linesOf(path, shown, p => problems.push(p)) : await readTaskItems(path, shown);
  const [first] = items;
  if (!first) throw problems[0] ?? tuneErrors.fail("example", { place: shown, expected: "an example or more", received: "none" });
  const found = format ?? guessFormat(first.fields, columns, first.place);
  const examples: PlacedExample[] = [];
  const read: Fields[] = [];
  for (const { fields, place } of items)
    try {
      examples.push(readRecord({ fields, place }, found, columns).placed);
      read.push(fields);
    } catch (error) {
      if (!isLoamError(error)) throw error;
      problems.push(error);
      if (problems.length > mostProblems) break;
    }
  return { format: found, examples, fields: read, problems: byLine(problems) };
}

/** In the order of their file, whoever found them; what has no line first. */
export function byLine(problems: readonly LoamError[]): LoamError[] {
  const lineOf = ({ problem }: LoamError): number => Number(/:(\d+)(?=:|$)/.exec(problem.place ?? "")?.[1] ?? 0);
  return problems.toSorted((a, b) => lineOf(a) - lineOf(b));
}

/** One error for all that is wrong with a file's records; nothing where nothing is. */
export function throwProblems(problems: readonly LoamError[], shown: string): void {
  const [first, ...others] = problems;
  if (!first) return;
  if (others.length === 0) throw first;
  const all = problems.slice(0, listed).map(p => p.message);
  const rest = problems.length - all.length;
  throw tuneErrors.fail("example", {
    place: shown,
    expected: "records that can be trained on",
    received: `${formatCount(problems.length)}${problems.length > mostProblems ? " or more" : ""} that cannot:\n  ${all.join("\n  ")}${rest > 0 ? `\n  and ${formatCount(rest)} more` : ""}`,
    hint: "Mend them, or leave them out with `bad: skip`.",
  });
}
