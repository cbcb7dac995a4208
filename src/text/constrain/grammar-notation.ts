/**
 * Grammars in llama.cpp's notation (GBNF), a form of EBNF: `name ::= ...` with "text", [classes], `.`, ( ), |, * + ? {n,m} and # comments.
 * A rule goes on until the next `name ::=`, so line ends mean nothing. The text is of rule `root`.
 */
import { anyCodePoint, type CodePoints, complement, union } from "./code-points.ts";
import { characters, choice, empty, type Grammar, literalText, type RegularExpression, repeatText, rule, sequence } from "./expression.ts";
import { constrainLimits } from "./limits.ts";
import { constraintRefusal } from "./refuse.ts";

const name = /[A-Za-z_][A-Za-z0-9_-]*/y;
const blank = /(?:\s|#[^\n]*)+/y;
const quantifier = /[*+?]|\{\s*\d{1,10}\s*(?:,\s*(?:\d{1,10})?\s*)?\}/y;
const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  '"': '"',
  "[": "[",
  "]": "]",
  "-": "-",
  "^": "^",
  "'": "'",
  "/": "/",
};

class Reader {
  readonly #source: string;
  readonly #place: string;
  #at = 0;
  #depth = 0;
  readonly used = new Map<string, number>();

  constructor(source: string, place: string) {
    this.#source = source;
    this.#place = place;
  }

  fail(expected: string, at = this.#at) {
    const before = this.#source.slice(0, at).split("\n");
    const where = `line ${before.length}, character ${before.at(-1)!.length + 1}`;
    const rest = this.#source.slice(at, at + 12).split("\n")[0]!;
    return constraintRefusal(this.#place, `${expected} at ${where}`, rest === "" ? "the end of the line" : JSON.stringify(rest));
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
  #skip(): void {
    this.#match(blank);
  }
  #take(t: string): boolean {
    if (!this.#source.startsWith(t, this.#at)) return false;
    this.#at += t.length;
    return true;
  }

  rules(): Map<string, RegularExpression> {
    const rules = new Map<string, RegularExpression>();
    this.#skip();
    while (this.#at < this.#source.length) {
      const at = this.#at;
      const of = this.#match(name);
      this.#skip();
      if (of === undefined || !this.#take("::=")) throw this.fail("a rule as `name ::= ...`", at);
      if (rules.has(of)) throw this.fail("every rule once", at);
      rules.set(of, this.#choice());
      this.#skip();
    }
    return rules;
  }

  #choice(): RegularExpression {
    if (++this.#depth > constrainLimits.depth) throw this.fail(`at most ${constrainLimits.depth} parentheses inside each other`);
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    this.#depth--;
    return choice(...options);
  }

  #sequence(): RegularExpression {
    const parts: RegularExpression[] = [];
    for (;;) {
      this.#skip();
      const atom = this.#atom();
      if (!atom) return parts.length === 0 ? empty : sequence(...parts);
      parts.push(this.#quantified(atom));
    }
  }

  #quantified(of: RegularExpression): RegularExpression {
    this.#skip();
    const at = this.#at;
    const q = this.#match(quantifier);
    if (q === undefined) return of;
    if (q === "*") return repeatText(of, 0);
    if (q === "+") return repeatText(of, 1);
    if (q === "?") return repeatText(of, 0, 1);
    const [min, max = min] = q.slice(1, -1).split(",") as [string, string?];
    const most = max.trim() === "" ? Number.POSITIVE_INFINITY : Number(max);
    if (most < Number(min)) throw this.fail("counts in order", at);
    return repeatText(of, Number(min), most);
  }

  #atom(): RegularExpression | undefined {
    const at = this.#at;
    if (this.#take('"')) {
      let t = "";
      while (!this.#take('"')) t += String.fromCodePoint(this.#character('"'));
      return literalText(t);
    }
    if (this.#take("[")) return characters(this.#class());
    if (this.#take(".")) return characters(anyCodePoint);
    if (this.#take("(")) {
      const e = this.#choice();
      if (!this.#take(")")) throw this.fail('")"');
      return e;
    }
    const of = this.#match(name);
    if (of === undefined) {
      if (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!))
        throw this.fail("a text, a class, a group or a rule's name");
      return undefined;
    }
    const after = this.#at;
    this.#skip();
    if (this.#source.startsWith("::=", this.#at)) {
      this.#at = at; // the next rule begins
      return undefined;
    }
    this.#at = after;
    if (!this.used.has(of)) this.used.set(of, at);
    return rule(of);
  }

  /** A character of a text or a class, escaped or not. */
  #character(end: string): number {
    const at = this.#at;
    const code = this.#source.codePointAt(at);
    if (code === undefined || code === 10) throw this.fail(`the end ${end}`);
    this.#at += code > 0xffff ? 2 : 1;
    if (code >= 0xd800 && code <= 0xdfff) throw this.fail("whole characters", at);
    if (code !== 92) return code;
    const hex = this.#match(/x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}/y);
    const plain = hex === undefined ? escapes[this.#source[this.#at] ?? ""] : undefined;
    if (plain !== undefined) this.#at++;
    const value = hex === undefined ? plain?.codePointAt(0) : Number.parseInt(hex.slice(1), 16);
    if (value === undefined || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) throw this.fail("an escape that is known", at);
    return value;
  }

  #class(): CodePoints {
    const isNegated = this.#take("^");
    const ranges: [number, number][] = [];
    while (!this.#take("]")) {
      const at = this.#at;
      const first = this.#character("]");
      let last = first;
      if (this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]") {
        this.#at++;
        last = this.#character("]");
      }
      if (last < first) throw this.fail("a range in order", at);
      ranges.push([first, last]);
    }
    const set = union(ranges);
    return isNegated ? complement(set) : set;
  }

  checkNames(rules: ReadonlyMap<string, RegularExpression>): void {
    for (const [of, at] of this.used) if (!rules.has(of)) throw this.fail("the name of a rule", at);
  }
}

/** The grammar. Errors: text/constraint with line and character. */
export function parseGrammar(source: string, place: string): Grammar {
  if (source.length > constrainLimits.sourceCharacters)
    throw constraintRefusal(place, `at most ${constrainLimits.sourceCharacters} characters`, `${source.length}`);
  const reader = new Reader(source, place);
  const rules = reader.rules();
  if (!rules.has("root"))
    throw constraintRefusal(place, "a rule named root", rules.size === 0 ? "no rules" : [...rules.keys()].slice(0, 5).join(", "));
  reader.checkNames(rules);
  return { root: "root", rules };
}
