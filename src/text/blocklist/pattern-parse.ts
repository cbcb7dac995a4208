/**
 * Regular expressions as a tree: what all dialects have in common, without what takes more than linear time (back-references, looking ahead or
 * behind). Classes keep their text and are asked of one character at a time.
 */
import { foldOf } from "../normalise/index.ts";

export type Assertion = "start" | "end" | "boundary" | "inside";

export type PatternTree =
  | { readonly kind: "unit"; readonly unit: number }
  | { readonly kind: "class"; readonly source: string; readonly isNegated: boolean }
  | { readonly kind: "assertion"; readonly what: Assertion }
  | { readonly kind: "all"; readonly parts: readonly PatternTree[] }
  | { readonly kind: "either"; readonly parts: readonly PatternTree[] }
  | { readonly kind: "repeat"; readonly part: PatternTree; readonly least: number; readonly most: number };

/** Why a pattern is not taken, for the person who wrote it. */
export class PatternError extends Error {}

/** A count of repetitions that is written out in states. */
const mostRepeats = 1000;

const wordClass = "\\p{L}\\p{N}\\p{M}_";
const shorthand: Readonly<Record<string, string>> = { w: `[${wordClass}]`, W: `[^${wordClass}]`, d: "\\d", D: "\\D", s: "\\s", S: "\\S" };
const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", 0: "\0" };

const literal = (text: string): PatternTree => {
  const units = [...text].flatMap(c => foldOf(c.codePointAt(0)!));
  return units.length === 1 ? { kind: "unit", unit: units[0]! } : { kind: "all", parts: units.map(unit => ({ kind: "unit", unit })) };
};

const classOf = (source: string): PatternTree => {
  const widened = source.startsWith("[") ? source.replace(/\\(\\|w)/g, (all, c: string) => (c === "w" ? wordClass : all)) : source;
  try {
    new RegExp(widened, "u");
  } catch {
    throw new PatternError(`${source} is no class of characters`);
  }
  return { kind: "class", source: widened, isNegated: /^(\[\^|\\[DSWP])/.test(widened) };
};

export const parsePattern = (pattern: string): PatternTree => new PatternParser(pattern).whole();

class PatternParser {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  #rest(): string {
    return this.#pattern.slice(this.#at);
  }

  #took(form: RegExp): RegExpExecArray | undefined {
    const found = form.exec(this.#rest());
    if (!found) return undefined;
    this.#at += found[0].length;
    return found;
  }

  #escaped(): PatternTree {
    const property = this.#took(/^\\[pP]\{[^}]*\}/);
    if (property) return classOf(property[0]);
    const code = this.#took(/^\\(?:x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/);
    if (code) {
      const value = Number.parseInt(code[1] ?? code[2] ?? code[3] ?? code[4]!, 16);
      if (value > 0x10ffff) throw new PatternError(`${code[0]} is no character`);
      return literal(String.fromCodePoint(value));
    }
    const [, c] = this.#took(/^\\([\s\S])/u) ?? [];
    if (c === undefined) throw new PatternError("a backslash at its end");
    if (c === "b") return { kind: "assertion", what: "boundary" };
    if (c === "B") return { kind: "assertion", what: "inside" };
    if (shorthand[c] !== undefined) return classOf(shorthand[c]);
    if (controls[c] !== undefined) return literal(controls[c]);
    if (/[1-9k]/.test(c)) throw new PatternError("a back-reference takes more than linear time");
    if (/[A-Za-z]/.test(c)) throw new PatternError(`\\${c} means nothing`);
    return literal(c);
  }

  #atom(): PatternTree {
    const c = this.#pattern[this.#at]!;
    if (c === "\\") return this.#escaped();
    if (c === "[") {
      const found = this.#took(/^\[\^?\]?(?:[^\]\\]|\\[\s\S])*\]/);
      if (!found) throw new PatternError("a [ without its ]");
      return classOf(found[0]);
    }
    if (c === "(") {
      if (!this.#took(/^\((?:\?:|\?P?<[A-Za-z]\w*>)?(?!\?)/))
        throw new PatternError(
          /^\(\?<?[=!]/.test(this.#rest())
            ? "looking ahead or behind takes more than linear time"
            : "flags and other (? forms are not taken; case never counts",
        );
      const inner = this.#either();
      if (!this.#took(/^\)/)) throw new PatternError("a ( without its )");
      return inner;
    }
    if (c === ".") {
      this.#at++;
      return { kind: "class", source: ".", isNegated: true };
    }
    if (c === "^" || c === "$") {
      this.#at++;
      return { kind: "assertion", what: c === "^" ? "start" : "end" };
    }
    if (/[*+?]/.test(c)) throw new PatternError(`nothing before ${c} to repeat`);
    if (c === ")") throw new PatternError("a ) without its (");
    const one = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!);
    this.#at += one.length;
    return literal(one);
  }

  #repeated(part: PatternTree): PatternTree {
    const found = this.#took(/^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/);
    if (!found) return part;
    const [, sign, low, comma, high] = found;
    const least = sign ? (sign === "+" ? 1 : 0) : Number(low);
    const most = sign ? (sign === "?" ? 1 : Number.POSITIVE_INFINITY) : comma ? (high ? Number(high) : Number.POSITIVE_INFINITY) : least;
    if (least > most) throw new PatternError(`${found[0]} counts backwards`);
    if (Math.max(least, Number.isFinite(most) ? most : 0) > mostRepeats) throw new PatternError(`more than ${mostRepeats} repetitions`);
    if (part.kind === "assertion") throw new PatternError(`nothing before ${found[0]} to repeat`);
    if (/^[*+?{]/.test(this.#rest()) && /^(?:[*+?]|\{\d+,?\d*\})/.test(this.#rest()))
      throw new PatternError("a repetition of a repetition; put it into ( )");
    return { kind: "repeat", part, least, most };
  }

  #all(): PatternTree {
    const parts: PatternTree[] = [];
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== "|" && this.#pattern[this.#at] !== ")")
      parts.push(this.#repeated(this.#atom()));
    return parts.length === 1 ? parts[0]! : { kind: "all", parts };
  }

  #either(): PatternTree {
    const parts = [this.#all()];
    while (this.#took(/^\|/)) parts.push(this.#all());
    return parts.length === 1 ? parts[0]! : { kind: "either", parts };
  }

  whole(): PatternTree {
    const tree = this.#either();
    if (this.#at < this.#pattern.length) throw new PatternError("a ) without its (");
    return tree;
  }
}
