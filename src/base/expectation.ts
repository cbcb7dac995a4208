/** What a schema wanted, as it is written behind "expected": zod's own sentences begin with a verdict and stand badly there. */
import type { z } from "zod";

/** What a range is counted in; other origins of zod are numbers. */
const units: Readonly<Record<string, string>> = { string: "characters", array: "items", set: "items", map: "entries", object: "keys" };

/** `at least 2 items`, `a number above 0`. */
function range(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall>): string {
  const big = issue.code === "too_big";
  const edge = big ? issue.maximum : issue.minimum;
  const unit = units[issue.origin];
  if (issue.origin === "string" && !big && edge === 1) return "a text that is not empty";
  if (issue.origin === "array" && !big && edge === 1) return "an item or more";
  const isOpen = issue.inclusive === false;
  const relation = isOpen ? (big ? "below" : "above") : big ? "at most" : "at least";
  return unit ? `${relation} ${edge} ${unit}` : `a number ${isOpen ? "" : "of "}${relation} ${edge}`;
}

function form(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidStringFormat>): string {
  if (issue.format === "regex") return `a text that matches ${issue.pattern}`;
  if (issue.format === "starts_with") return `a text that begins with ${JSON.stringify(issue.prefix)}`;
  if (issue.format === "ends_with") return `a text that ends with ${JSON.stringify(issue.suffix)}`;
  if (issue.format === "includes") return `a text that contains ${JSON.stringify(issue.includes)}`;
  return issue.format === "url" ? "an address (URL)" : `a text of the form ${issue.format}`;
}

type Told = z.core.$ZodIssue | z.core.$ZodRawIssue;

/** Values that would have been taken at this very place: of a list, of what tells kinds apart, or of any of some alternatives. */
export function takenValues(issue: Told): string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code !== "invalid_union") return [];
  const kinds = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  return [...new Set([...kinds, ...issue.errors.flatMap(branch => branch.filter(isHere).flatMap(takenValues))])];
}

const isHere = (issue: z.core.$ZodIssue): boolean => issue.path.length === 0;
const listed = (values: readonly string[]): string => (values.length === 1 ? values[0]! : `one of ${values.join(", ")}`);

/** Values first, then the other kinds of thing that would have been taken. */
function alternatives(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string | undefined {
  const values = takenValues(issue);
  const others = (branches: readonly (readonly z.core.$ZodIssue[])[]): string[] =>
    branches.flatMap(branch => {
      const here = branch.find(isHere);
      if (here === undefined || here.code === "invalid_value") return [];
      return here.code === "invalid_union" ? others(here.errors) : [here.message];
    });
  const told = [...(values.length > 0 ? [listed(values)] : []), ...new Set(others(issue.errors))];
  return told.length > 0 ? told.join(", or ") : undefined;
}

/** zod's error map for `check`: a sentence of ours where zod's own would not read; what a schema says itself goes first. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int" ? "integer" : issue.expected;
    case "too_big":
    case "too_small":
      return range(issue);
    case "invalid_format":
      return form(issue);
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_union":
      return alternatives(issue);
    case "invalid_value":
      return `one of ${takenValues(issue).join(", ")}`;
    case "invalid_key":
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}
