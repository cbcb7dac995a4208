/**
 * Conditions of a gate, such as `f1 < prod.f1 - 0.01`: two sums of measures and numbers and what holds between them. A measure without a prefix is
 * the evaluated model's; `against.f1`, or the other model's name or alias before the dot, is the other's. A task's name may stand before the measure.
 */
import { defined, nearest } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";

interface Term {
  readonly factor: number;
  readonly side: "model" | "against";
  /** Absent: whichever task the condition is asked of. */
  readonly task?: string;
  readonly metric: string;
}
export interface Condition {
  readonly source: string;
  /** left - right, as a sum: it is held beside 0. */
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly operator: "<" | "<=" | ">" | ">=";
}

interface ConditionNames {
  /** What the other model may be called. */
  readonly against: readonly string[];
  readonly tasks: readonly string[];
}

interface Token {
  readonly text: string;
  readonly at: number;
}
const pattern = /\s*(?:(<=|>=|<|>)|([+*-])|(\d+(?:\.\d+)?(?:e-?\d+)?|\.\d+)|([A-Za-z_][\w@:.]*(?:-[A-Za-z_][\w@:.]*)*))/y;

const bad = (source: string, at: number, expected: string, received: string, hint?: string) =>
  evaluateErrors.fail("condition", { place: `--fail-if "${source}", at ${at + 1}`, expected, received, ...(hint ? { hint } : {}) });

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  for (let at = 0; source.slice(at).trim() !== ""; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (!found)
      throw bad(
        source,
        at + source.slice(at).search(/\S/),
        "a measure, a number, +, -, * or a comparison",
        JSON.stringify(source.slice(at).trim()[0]),
      );
    tokens.push({ text: found[0].trim(), at: pattern.lastIndex - found[0].trim().length });
  }
  return tokens;
}

const isNumber = (t: string): boolean => /^[\d.]/.test(t);
const isName = (t: string): boolean => /^[A-Za-z_]/.test(t);
/** What other tools write for numbers that are none; a measure of such a name there is not. */
const isNoNumber = (t: string): boolean => /^(nan|inf|infinity)$/i.test(t);
const comparisons = ["<", "<=", ">", ">="] as const;

/** `prod.f1` and `mail.f1` to whose and what. */
function termOf(name: string, factor: number, { against, tasks }: ConditionNames): Term {
  const strip = (text: string, prefixes: readonly string[]) => prefixes.find(p => text.startsWith(`${p}.`));
  // the longest first: a name may begin with another
  const byLength = (list: readonly string[]) => [...list].sort((a, b) => b.length - a.length);
  const other = strip(name, byLength(against));
  let rest = other === undefined ? name : name.slice(other.length + 1);
  const task = strip(rest, byLength(tasks));
  if (task !== undefined) rest = rest.slice(task.length + 1);
  return { factor, side: other === undefined ? "model" : "against", ...defined({ task }), metric: rest };
}

/** Errors: evaluate/condition with the place in it; evaluate/metric for a prefix that names nothing. */
export function parseCondition(source: string, names: ConditionNames): Condition {
  const tokens = tokensOf(source);
  const terms: Term[] = [];
  let constant = 0;
  let at = 0;
  const side = (sign: number) => {
    for (let first = true; ; first = false) {
      let own = sign;
      while (tokens[at]?.text === "-" || tokens[at]?.text === "+") {
        if (tokens[at]!.text === "-") own = -own;
        at++;
      }
      let factor = own;
      let name: string | undefined;
      for (;;) {
        const t = tokens[at];
        if (t && isNumber(t.text)) factor *= Number(t.text);
        else if (t && isNoNumber(t.text))
          throw bad(
            source,
            t.at,
            "a measure or a finite number",
            `"${t.text}"`,
            "Nothing can be compared with it: write the number that decides.",
          );
        else if (t && isName(t.text) && name === undefined) name = t.text;
        else throw bad(source, t?.at ?? source.length, "a measure or a number", t ? `"${t.text}"` : first ? "nothing" : "the end");
        at++;
        if (tokens[at]?.text !== "*") break;
        at++;
      }
      if (name === undefined) constant += factor;
      else terms.push(termOf(name, factor, names));
      const next = tokens[at]?.text;
      if (next !== "+" && next !== "-") return;
    }
  };
  side(1);
  const middle = tokens[at];
  const operator = comparisons.find(c => c === middle?.text);
  if (!operator) throw bad(source, middle?.at ?? source.length, "<, <=, > or >=", middle ? `"${middle.text}"` : "the end");
  at++;
  side(-1);
  const rest = tokens[at];
  if (rest) throw bad(source, rest.at, "the end", `"${rest.text}"`, "A second condition is a second --fail-if.");
  if (terms.length === 0) throw bad(source, 0, "a measure", "numbers only");
  const prefixed = terms.find(t => t.side === "model" && t.task === undefined && /^[A-Za-z_][\w@-]*\./.test(t.metric));
  if (prefixed) {
    const prefix = prefixed.metric.slice(0, prefixed.metric.indexOf("."));
    const known = [...names.against, ...names.tasks];
    const near = nearest(prefix, known);
    throw evaluateErrors.fail("metric", {
      place: `--fail-if "${source}"`,
      expected: names.against.length
        ? `a name before the dot: ${known.join(", ")}`
        : "a measure of the model alone, or --against for another model",
      received: `"${prefixed.metric}"`,
      ...(near ? { hint: `Did you mean "${near}.${prefixed.metric.slice(prefix.length + 1)}"?` } : {}),
    });
  }
  return { source, terms, constant, operator };
}
