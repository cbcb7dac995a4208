/** A body through a schema. As OpenAI does: a known key of the wrong type or range is a 400 that names it, and null means "not given". */
import type { z } from "zod";
import { expectation, keyPath } from "../../base/index.ts";
import { serveErrors } from "../errors.ts";

const article = (word: string): string => (/^[aeiou]/.test(word) ? `an ${word}` : `a ${word}`);
/** A value as errors show it. */
export const shownValue = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};
const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "number" ? `${value}` : article(typeof value);

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((v, k) => (v === null || v === undefined ? undefined : (v as Record<PropertyKey, unknown>)[k]), value);

function bound(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string {
  const big = issue.code === "too_big";
  const edge = big ? issue.maximum : issue.minimum;
  const relation = issue.inclusive === false ? (big ? "below" : "above") : big ? "at most" : "at least";
  if (issue.origin === "string") return `${relation} ${edge} ${Number(edge) === 1 ? "character" : "characters"}`;
  if (issue.origin === "array") return `${relation} ${edge} ${Number(edge) === 1 ? "item" : "items"}`;
  return `a number ${relation} ${edge}`;
}

/** Of alternatives that say nothing themselves, what is wrong with the one that fits furthest. */
function meantIssue(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union" || issue.message !== unsaid || issue.errors.length === 0) return issue;
  const depth = (branch: readonly z.core.$ZodIssue[]) => Math.max(...branch.map(i => i.path.length));
  const [inner] = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0]!;
  return inner ? meantIssue({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}
/** zod's word for it. */
const unsaid = "Invalid input";

/** Checks a body. Errors: serve/missing, serve/type, serve/parameter; the place is the parameter. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body, { error: expectation });
  if (result.success) return result.data;
  const issue = meantIssue(result.error.issues[0]!);
  const place = keyPath(issue.path);
  const value = valueAt(body, issue.path);
  // what is wrong with a key is said of the key
  if (issue.code === "invalid_key")
    throw serveErrors.fail("parameter", {
      place: keyPath(issue.path.slice(0, -1)),
      expected: `keys of the form ${issue.message}`,
      received: shownValue(issue.path.at(-1)),
    });
  if (issue.code === "unrecognized_keys")
    throw serveErrors.fail("parameter", {
      place: keyPath([...issue.path, issue.keys[0]!]),
      expected: "a known key",
      received: shownValue(issue.keys[0]),
    });
  switch (issue.code) {
    case "invalid_type":
      if (value === undefined) throw serveErrors.fail("missing", { place, message: `the parameter is needed: ${article(issue.expected)}` });
      throw serveErrors.fail("type", {
        place,
        expected: article(issue.expected === "int" ? "integer" : issue.expected),
        received: typeOf(value),
      });
    case "too_big":
    case "too_small":
      throw serveErrors.fail("parameter", {
        place,
        expected: bound(issue),
        received: Array.isArray(value) ? `${value.length}` : shownValue(value),
      });
    case "invalid_value":
      throw serveErrors.fail("parameter", {
        place,
        expected: `one of ${issue.values.map(String).join(", ")}`,
        received: shownValue(value),
      });
    case "invalid_union":
      if (value === undefined) throw serveErrors.fail("missing", { place, message: `the parameter is needed: ${issue.message}` });
      throw serveErrors.fail("type", { place, expected: issue.message, received: shownValue(value) });
    default:
      throw serveErrors.fail("parameter", { place, expected: issue.message, received: shownValue(value) });
  }
}
