/** What does not count when an answer is held beside a reference: the same is taken out of both, in the order of lm-evaluation-harness's `exact_match`. */
import { evaluateErrors } from "../errors.ts";
import type { MatchRule } from "../tasks/schema.ts";

/** ASCII's, as Python's `string.punctuation`. */
const punctuation = /[!-/:-@[-`{-~]/g;

/** Flags of Python that may stand before an expression: `(?s).*`. */
const leading = /^\(\?([ims]+)\)/;

/** An expression as Python means it, for what tasks write. Errors: evaluate/task for one that is none here. */
function expression(source: string, place: string): RegExp {
  const flags = leading.exec(source)?.[1] ?? "";
  // at an end, `$` also stands before a last line end
  const body = source.replace(leading, "").replace(/(?<!\\)\$$/, "(?=\\n?$)");
  try {
    return new RegExp(body, `g${flags}`);
  } catch (error) {
    throw evaluateErrors.fail("task", { place, expected: "a regular expression", received: JSON.stringify(source) }, error);
  }
}

/** Errors: evaluate/task for an expression that is none. */
export function matched({ ignore, ignoreCase, ignorePunctuation }: MatchRule, place: string): (text: string) => string {
  const patterns = ignore.map((source, i) => expression(source, `${place}: match.ignore[${i}]`));
  return text => {
    const cut = patterns.reduce((t, p) => t.replaceAll(p, ""), text);
    const cased = ignoreCase ? cut.toLowerCase() : cut;
    return ignorePunctuation ? cased.replaceAll(punctuation, "") : cased;
  };
}
