/**
 * Regular expressions as a tree: what all dialects have in common, without what takes more than linear time (back-references, looking ahead or
 * behind). Classes keep their text and are asked of one character at a time.
 */
import { foldOf } from "../../../text/index.ts";

export type Assertion = "start" | "end" | "boundary" | "inside";

export type Tree =
  | { readonly kind: "unit"; readonly unit: number }
  | { readonly kind: "class"; readonly source: string; readonly isNegated: boolean }
  | { readonly kind: "assertion"; readonly what: Assertion }
  | { readonly kind: "all"; readonly parts: readonly Tree[] }
  | { readonly kind: "either"; readonly parts: readonly Tree[] }
  | { readonly kind: "repeat"; readonly part: Tree; readonly least: number; readonly most: number };

/** Why a pattern is not taken, for the person who wrote it. */
export class PatternError extends Error {}

/** A count of repetitions that is written out in states. */
const mostRepeats = 1000;

const wordClass = "\\p{L}\\p{N}\\p{M}_";
const shorthand: Readonly<Record<string, string>> = { w: `[${wordClass}]`, W: `[^${wordClass}]`, d: "\\d", D: "\\D", s: "\\s", S: "\\S" };
const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", 0: "\0" };

const literal = (text: string): Tree => {
  const units = [...text].flatMap(c => foldOf(c.codePointAt(0)!));
  return units.length === 1 ? { kind: "unit", unit: units[0]! } : { kind: "all", parts: units.map(unit => ({ kind: "unit", unit })) };
};

export function parsePattern(pattern: string): Tree {
  let at = 0;
  const rest = () => pattern.slice(at);
  const took = (form: RegExp): RegExpExecArray | undefined => {
    const found = form.exec(rest());
    if (!found) return undefined;
    at += found[0].length;
    return found;
  };

  const classOf = (source: string): Tree => {
    const widened = source.startsWith("[") ? source.replace(/\\(\\|w)/g, (all, c: string) => (c === "w" ? wordClass : all)) : source;
    try {
      new RegExp(widened, "u");
    } catch {
      throw new PatternError(`${source} is no class of characters`);
    }
    return { kind: "class", source: widened, isNegated: /^(\[\^|\\[DSWP])/.test(widened) };
  };

  const escaped = (): Tree => {
    const property = took(/^\\[pP]\{[^}]*\}/);
    if (property) return classOf(property[0]);
    const code = took(/^\\(?:x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/);
    if (code) {
      const value = Number.parseInt(code[1] ?? code[2] ?? code[3] ?? code[4]!, 16);
      if (value > 0x10ffff) throw new PatternError(`${code[0]} is no character`);
      return literal(String.fromCodePoint(value));
    }
    const [, c] = took(/^\\([\s\S])/u) ?? [];
    if (c === undefined) throw new PatternError("a backslash at its end");
    if (c === "b") return { kind: "assertion", what: "boundary" };
    if (c === "B") return { kind: "assertion", what: "inside" };
    if (shorthand[c] !== undefined) return classOf(shorthand[c]);
    if (controls[c] !== undefined) return literal(controls[c]);
    if (/[1-9k]/.test(c)) throw new PatternError("a back-reference takes more than linear time");
    if (/[A-Za-z]/.test(c)) throw new PatternError(`\\${c} means nothing`);
    return literal(c);
  };

  const atom = (): Tree => {
    const c = pattern[at]!;
    if (c === "\\") return escaped();
    if (c === "[") {
      const found = took(/^\[\^?\]?(?:[^\]\\]|\\[\s\S])*\]/);
      if (!found) throw new PatternError("a [ without its ]");
      return classOf(found[0]);
    }
    if (c === "(") {
      if (!took(/^\((?:\?:|\?P?<[A-Za-z]\w*>)?(?!\?)/))
        throw new PatternError(
          /^\(\?<?[=!]/.test(rest())
            ? "looking ahead or behind takes more than linear time"
            : "flags and other (? forms are not taken; case never counts",
        );
      const inner = either();
      if (!took(/^\)/)) throw new PatternError("a ( without its )");
      return inner;
    }
    if (c === ".") {
      at++;
      return { kind: "class", source: ".", isNegated: true };
    }
    if (c === "^" || c === "$") {
      at++;
      return { kind: "assertion", what: c === "^" ? "start" : "end" };
    }
    if (/[*+?]/.test(c)) throw new PatternError(`nothing before ${c} to repeat`);
    if (c === ")") throw new PatternError("a ) without its (");
    const one = String.fromCodePoint(pattern.codePointAt(at)!);
    at += one.length;
    return literal(one);
  };

  const repeated = (part: Tree): Tree => {
    const found = took(/^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/);
    if (!found) return part;
    const [, sign, low, comma, high] = found;
    const least = sign ? (sign === "+" ? 1 : 0) : Number(low);
    const most = sign ? (sign === "?" ? 1 : Number.POSITIVE_INFINITY) : comma ? (high ? Number(high) : Number.POSITIVE_INFINITY) : least;
    if (least > most) throw new PatternError(`${found[0]} counts backwards`);
    if (Math.max(least, Number.isFinite(most) ? most : 0) > mostRepeats) throw new PatternError(`more than ${mostRepeats} repetitions`);
    if (part.kind === "assertion") throw new PatternError(`nothing before ${found[0]} to repeat`);
    if (/^[*+?{]/.test(rest()) && /^(?:[*+?]|\{\d+,?\d*\})/.test(rest()))
      throw new PatternError("a repetition of a repetition; put it into ( )");
    return { kind: "repeat", part, least, most };
  };

  const all = (): Tree => {
    const parts: Tree[] = [];
    while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") parts.push(repeated(atom()));
    return parts.length === 1 ? parts[0]! : { kind: "all", parts };
  };

  function either(): Tree {
    const parts = [all()];
    while (took(/^\|/)) parts.push(all());
    return parts.length === 1 ? parts[0]! : { kind: "either", parts };
  }

  const tree = either();
  if (at < pattern.length) throw new PatternError("a ) without its (");
  return tree;
}
