/** Parses configuration at the border: YAML or JSON text through a zod schema; errors name the file, the key path and the nearest right key. */
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { baseErrors } from "./errors.ts";
import { expectation, takenValues } from "./expectation.ts";
import { descriptionAt, knownKeys } from "./known-keys.ts";
import { mergeProblem } from "./merge-keys.ts";
import { nearest } from "./nearest.ts";
import { showValue } from "./show.ts";

/** `models.mail-small.layers`, `steps[2]`: how a place inside a file is written everywhere. */
export const keyPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((s, k) => (typeof k === "number" ? `${s}[${k}]` : s ? `${s}.${String(k)}` : String(k)), "");

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((v, k) => (v === null || v === undefined ? undefined : (v as Record<PropertyKey, unknown>)[k]), value);

/** A branch of alternatives that was taken on the way to an issue: how deep they stand, and which one. */
interface Taken {
  readonly depth: number;
  readonly branch: number;
}
interface Placed {
  readonly issue: z.core.$ZodIssue;
  readonly path: readonly PropertyKey[];
  /** From the outside in. */
  readonly taken: readonly Taken[];
}
const isUnknown = ({ issue }: Placed): boolean => issue.code === "unrecognized_keys";
const depthOf = (branch: readonly Placed[]): number => Math.max(...branch.map(x => x.path.length));

/** The branch of a union that the writer meant, of what each complains about at `depth` and below: of the right kind, knowing most keys, and then the deepest. */
function meant(branches: readonly (readonly Placed[])[], depth: number): readonly Placed[] {
  const ranked = branches.map(branch => {
    const here = branch.filter(x => x.path.length === depth);
    const isOther = here.some(({ issue: { code } }) => code === "invalid_type" || code === "invalid_value" || code === "invalid_union");
    const unknown = here.reduce((sum, { issue }) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 0), 0);
    return { branch, by: [Number(isOther), unknown, -depthOf(branch)] };
  });
  const compare = (a: readonly number[], b: readonly number[]): number => a.map((x, i) => x - b[i]!).find(d => d !== 0) ?? 0;
  return ranked.sort((a, b) => compare(a.by, b.by))[0]!.branch;
}

/** Checks plain data against a schema. `place` names the file or option for the error. Unknown keys are errors where the schema is strict. */
export function check<S extends z.ZodType>(schema: S, value: unknown, place: string): z.output<S> {
  const result = schema.safeParse(value, { error: expectation });
  if (result.success) return result.data;
  // A union reports each branch.
  const flatten = (issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[], taken: readonly Taken[]): readonly Placed[] =>
    issues.flatMap(issue => {
      const path = [...base, ...issue.path];
      if (issue.code === "invalid_union" && issue.errors.length > 0) {
        const branch = meant(
          issue.errors.map((e, i) => flatten(e, path, [...taken, { depth: path.length, branch: i }])),
          path.length,
        );
        if (depthOf(branch) > path.length) return branch;
        const unknown = branch.find(isUnknown);
        if (unknown) return [unknown];
      }
      return [{ issue, path, taken }];
    });
  const all = flatten(result.error.issues, [], []);
  const { issue, path, taken } = all.find(isUnknown) ?? all[0]!;
  const where = (p: readonly PropertyKey[]) => (p.length ? `${place}: ${keyPath(p)}` : place);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const { keys, elsewhere, replacement } = knownKeys(schema, value, { path, taken, key });
    const near = elsewhere.length > 0 || replacement ? undefined : nearest(key, keys);
    const advice =
      elsewhere.length > 0 ? `"${key}" is a key of ${elsewhere.join(" and ")}. Remove it.` : "Remove it or check its spelling.";
    throw baseErrors.fail("unknownKey", {
      place: where([...path, key]),
      expected: near ? `a known key` : keys.length ? `one of ${keys.join(", ")}` : "a known key",
      received: `"${key}"`,
      hint: replacement ?? (near ? `Did you mean "${near}"?` : advice),
    });
  }
  // What is wrong with a key stands in the map that has it.
  const isKey = issue.code === "invalid_key";
  const got = isKey ? path.at(-1) : valueAt(value, path);
  const near = typeof got === "string" ? nearest(got, takenValues(issue)) : undefined;
  throw baseErrors.fail("config", {
    place: where(isKey ? path.slice(0, -1) : path),
    expected: issue.message.replace(/^Invalid input: expected /, ""),
    received: showValue(got),
    ...hintOf(near, got === undefined && !isKey ? descriptionAt(schema, { path, taken }) : undefined, path.at(-1)),
  });
}

/** The nearest value that would have been taken, or what a key is for that is not there. */
function hintOf(near: string | undefined, meaning: string | undefined, key: PropertyKey | undefined): { readonly hint?: string } {
  if (near !== undefined) return { hint: `Did you mean "${near}"?` };
  return meaning === undefined || typeof key !== "string" ? {} : { hint: `\`${key}\`: ${meaning}` };
}

/** Parses YAML (JSON is YAML) text, merge keys (`<<: *name`) included. Syntax errors carry line and column; duplicate keys are errors. */
export function parseYaml(text: string, place: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true, stringKeys: true, merge: true, lineCounter });
  const error = document.errors[0];
  if (error) {
    const at = error.linePos?.[0];
    throw baseErrors.fail("syntax", {
      place: at ? `${place}:${at.line}:${at.col}` : place,
      message: error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, ""),
      hint: "Fix the YAML at that place.",
    });
  }
  const merge = text.includes("<<") ? mergeProblem(document) : undefined;
  if (merge) {
    const { line, col } = lineCounter.linePos(merge.at);
    const { expected, received } = merge;
    throw baseErrors.fail("syntax", {
      place: `${place}:${line}:${col}`,
      expected,
      received,
      hint: "Write `<<: *name`, with `&name` at a map above.",
    });
  }
  // Aliases can blow up memory ("billion laughs"); a hundred uses is beyond any real configuration.
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw baseErrors.fail(
      "syntax",
      { place, message: error.message, hint: "An alias means what stands above it, and at most 100 copies." },
      error,
    );
  }
}
