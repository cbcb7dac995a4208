/**
 * ECMAScript's regular expressions in Unicode mode, without flags, as expressions: the part that automata can do. What looks back
 * (look-behind, `\b`, back references) is refused by name. Lazy quantifiers say the same set of texts as greedy ones. Nothing here
 * backtracks: a pattern that makes a matcher explode costs what its length costs.
 */
import { classEscapes, notLineEnds, propertyClass } from "./character-classes.ts";
import { type CodePoints, complement, union } from "./code-points.ts";
import { characters, choice, empty, type RegularExpression, repeatText, sequence } from "./expression.ts";
import { constrainLimits } from "./limits.ts";
import { beyondAutomata, constraintRefusal } from "./refuse.ts";

const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12, "0": 0 };
/** What may follow a backslash and stand for itself. */
const syntax = /[\^$\\.*+?()[\]{}|/-]/;

class Reader {
  readonly #chars: readonly string[];
  readonly #place: string;
  #at = 0;
  #depth = 0;

  constructor(source: string, place: string) {
    this.#chars = Array.from(source);
    this.#place = place;
  }

  fail(what: string, hint?: string) {
    return constraintRefusal(
      this.#place,
      "a regular expression that an automaton can follow",
      `${what} at character ${this.#at + 1}`,
      hint,
    );
  }

  /** What an automaton cannot do, in an expression that is right. */
  beyond(what: string, hint: string) {
    return beyondAutomata(this.#place, "a regular expression that an automaton can follow", `${what} at character ${this.#at + 1}`, hint);
  }

  get #next(): string | undefined {
    return this.#chars[this.#at];
  }
  #take(c: string): boolean {
    if (this.#next !== c) return false;
    this.#at++;
    return true;
  }
  /** What `pattern` matches from here, taken. */
  #match(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#chars.slice(this.#at, this.#at + 64).join(""));
    if (!found) return undefined;
    this.#at += Array.from(found[0]).length;
    return found;
  }

  whole(): RegularExpression {
    const e = this.#choice();
    if (this.#next !== undefined) throw this.fail(`"${this.#next}"`);
    return e;
  }

  #choice(): RegularExpression {
    if (++this.#depth > constrainLimits.depth) throw this.fail(`more than ${constrainLimits.depth} groups inside each other`);
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    this.#depth--;
    return choice(...options);
  }

  #sequence(): RegularExpression {
    const parts: RegularExpression[] = [];
    for (let c = this.#next; c !== undefined && c !== "|" && c !== ")"; c = this.#next) parts.push(this.#quantified());
    return parts.length === 0 ? empty : sequence(...parts);
  }

  #quantified(): RegularExpression {
    const of = this.#atom();
    const found = this.#match(/^(?:[*+?]|\{\d{1,10}(?:,(?:\d{1,10})?)?\})\??/);
    if (!found) return of;
    const q = found[0].replace(/(.)\?$/, "$1");
    if (of.kind === "start" || of.kind === "end" || of.kind === "ahead") throw this.fail("a repeated anchor");
    if (/^[*+?]/.test(this.#next ?? "")) throw this.fail("a repetition of a repetition");
    if (q === "*") return repeatText(of, 0);
    if (q === "+") return repeatText(of, 1);
    if (q === "?") return repeatText(of, 0, 1);
    const [min, max = min] = q.slice(1, -1).split(",") as [string, string?];
    const bounds = [Number(min), max === "" ? Number.POSITIVE_INFINITY : Number(max)] as const;
    if (bounds[1] < bounds[0]) throw this.fail(`"${q}"`);
    return repeatText(of, ...bounds);
  }

  #atom(): RegularExpression {
    const c = this.#chars[this.#at++]!;
    switch (c) {
      case "(": {
        if (this.#match(/^\?<[=!]/)) throw this.beyond("a look-behind", "Write the condition without looking behind.");
        const ahead = this.#match(/^\?[=!]/);
        // Python and Rust write (?P<name>...)
        if (!ahead && this.#next === "?" && !this.#match(/^\?(?::|P?<[A-Za-z_$][\w$]{0,60}>)/)) throw this.fail("a group with flags");
        const e = this.#choice();
        if (!this.#take(")")) throw this.fail("a group without an end");
        return ahead ? { kind: "ahead", of: e, isNegated: ahead[0] === "?!" } : e;
      }
      case "[":
        return characters(this.#class());
      case ".":
        return characters(notLineEnds);
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case "\\":
        return characters(this.#escape(false));
      case "*":
      case "+":
      case "?":
      case "{":
      case "}":
      case "]":
        this.#at--;
        throw this.fail(`"${c}"`, "Put a backslash before it where it stands for itself.");
      default:
        return this.#literal(c);
    }
  }

  #literal(c: string): RegularExpression {
    const code = c.codePointAt(0)!;
    if (code >= 0xd800 && code <= 0xdfff) throw this.fail("half a character");
    return characters([[code, code]]);
  }

  /** What stands after a backslash. */
  #escape(inClass: boolean): CodePoints {
    const c = this.#chars[this.#at++];
    if (c === undefined) throw this.fail("a backslash at the end");
    const named = classEscapes[c];
    if (named) return named;
    const one = (code: number): CodePoints => {
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw this.fail("half a character");
      return [[code, code]];
    };
    if (c === "p" || c === "P") {
      const name = this.#match(/^\{([^}]{1,60})\}/)?.[1];
      const set = name === undefined ? undefined : propertyClass(name);
      if (!set) throw this.fail(`an unknown property ${name ?? ""}`);
      return c === "p" ? set : complement(set);
    }
    if (c === "u") {
      const pair = this.#match(/^([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})/);
      if (pair) return one(0x10000 + ((Number.parseInt(pair[1]!, 16) & 0x3ff) << 10) + (Number.parseInt(pair[2]!, 16) & 0x3ff));
      const hex = this.#match(/^(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,8})\})/);
      if (!hex) throw this.fail('"\\u" without four digits');
      return one(Number.parseInt(hex[1] ?? hex[2]!, 16));
    }
    if (c === "x") {
      const hex = this.#match(/^[0-9A-Fa-f]{2}/);
      if (!hex) throw this.fail('"\\x" without two digits');
      return one(Number.parseInt(hex[0], 16));
    }
    if (c === "c") {
      const letter = this.#match(/^[A-Za-z]/);
      if (!letter) throw this.fail('"\\c" without a letter');
      return one(letter[0].charCodeAt(0) & 31);
    }
    if (c === "0" && /\d/.test(this.#next ?? "")) throw this.fail("an octal escape");
    const control = controls[c];
    if (control !== undefined) return one(control);
    if (c === "b" && inClass) return one(8);
    if (c === "b" || c === "B") throw this.beyond(`a word boundary \\${c}`, "Name the characters that may stand there.");
    if (/[1-9k]/.test(c)) throw this.beyond(`a back reference \\${c}`, "Write out what it repeats.");
    if (syntax.test(c) || !/[A-Za-z0-9]/.test(c)) return one(c.codePointAt(0)!);
    throw this.fail(`an unknown escape \\${c}`);
  }

  #class(): CodePoints {
    const isNegated = this.#take("^");
    const sets: (readonly [number, number])[] = [];
    const item = (): CodePoints => {
      const c = this.#chars[this.#at++];
      if (c === undefined) throw this.fail("a class without an end");
      if (c === "\\") return this.#escape(true);
      return (this.#literal(c) as { readonly set: CodePoints }).set;
    };
    while (!this.#take("]")) {
      const from = item();
      if (this.#next !== "-" || this.#chars[this.#at + 1] === "]") {
        for (const r of from) sets.push(r);
        continue;
      }
      this.#at++;
      const to = item();
      const [first] = from;
      const [last] = to;
      const isSingle = from.length === 1 && to.length === 1 && first![0] === first![1] && last![0] === last![1];
      if (!isSingle || last![0] < first![0]) throw this.fail("a range that has no order");
      sets.push([first![0], last![0]]);
    }
    const set = union(sets);
    return isNegated ? complement(set) : set;
  }
}

/** The expression of a pattern. Errors: text/constraint with the character and what stands there. */
export function parseRegularExpression(source: string, place: string): RegularExpression {
  if (source.length > constrainLimits.sourceCharacters)
    throw constraintRefusal(place, `at most ${constrainLimits.sourceCharacters} characters`, `${source.length}`);
  return new Reader(source, place).whole();
}

/** Whether an anchor stands anywhere in it. */
export function hasAnchor(e: RegularExpression): boolean {
  switch (e.kind) {
    case "start":
    case "end":
      return true;
    case "sequence":
      return e.parts.some(hasAnchor);
    case "choice":
      return e.options.some(hasAnchor);
    case "repeat":
      return hasAnchor(e.of);
    default:
      return false;
  }
}

/**
 * The expression without an anchor at each end where every text of it has one there: whether it had, and the rest. A choice in parentheses
 * is not looked into.
 */
export function withoutOuterAnchors(e: RegularExpression): {
  readonly rest: RegularExpression;
  readonly start: boolean;
  readonly end: boolean;
} {
  let parts: readonly RegularExpression[] = e.kind === "sequence" ? e.parts : [e];
  const start = parts[0]?.kind === "start";
  if (start) parts = parts.slice(1);
  const end = parts.at(-1)?.kind === "end";
  if (end) parts = parts.slice(0, -1);
  return { rest: parts.length === 0 ? empty : sequence(...parts), start, end };
}
