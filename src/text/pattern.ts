/**
 * Patterns of tokenizer files, written for Oniguruma, as JavaScript expressions of the same meaning: Unicode's white space, digits and
 * words, `(?i:...)`, possessive quantifiers and atomic groups. JavaScript's matcher backtracks, so what could take exponential time, an
 * unbounded repetition of a group that itself repeats or chooses, is refused, as is whatever is not known to mean the same. So is what could
 * take cubic time: two unbounded repetitions one after the other and then something that must match, for each way to share a run out
 * between the two is tried from each place. Published patterns have none.
 */
import { textErrors } from "./errors.ts";
import type { PatternEntry } from "./rows.ts";

/** Known patterns are a few hundred characters long. */
const MAX_PATTERN = 10_000;

const wordInClass = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
const word = `${wordInClass}\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE`;
const boundary = `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`;

/** Escapes that stand for more than themselves, outside a class and inside one (undefined: not there). */
const escapes: Readonly<Record<string, readonly [outside: string, inside: string | undefined]>> = {
  s: ["\\p{White_Space}", "\\p{White_Space}"],
  S: ["\\P{White_Space}", "\\P{White_Space}"],
  d: ["\\p{Nd}", "\\p{Nd}"],
  D: ["\\P{Nd}", "\\P{Nd}"],
  w: [`[${word}]`, wordInClass],
  W: [`[^${word}]`, undefined],
  h: ["[0-9A-Fa-f]", "0-9A-Fa-f"],
  H: ["[^0-9A-Fa-f]", undefined],
  b: [boundary, "\\x08"],
  A: ["(?<![\\s\\S])", undefined],
  z: ["(?![\\s\\S])", undefined],
  Z: ["(?=\\n?(?![\\s\\S]))", undefined],
  a: ["\\x07", "\\x07"],
  e: ["\\x1B", "\\x1B"],
  n: ["\\n", "\\n"],
  r: ["\\r", "\\r"],
  t: ["\\t", "\\t"],
  f: ["\\f", "\\f"],
  v: ["\\v", "\\v"],
};

const syntax = /[\^$\\.*+?()[\]{}|/]/;

/** Both cases of a letter, and the signs that fold to it. */
const bothCases = (c: string): string => {
  const extra = /s/i.test(c) ? "\\u017F" : /k/i.test(c) ? "\\u212A" : "";
  return `${c.toLowerCase()}${c.toUpperCase()}${extra}`;
};

interface Group {
  /** Where the group starts in the output. */
  readonly start: number;
  readonly ignoreCase: boolean;
  readonly atomic: boolean;
  /** It repeats or chooses inside, so it may not itself repeat without bound. */
  manyWays: boolean;
  /** Unbounded repetitions before this place that the matcher may go back into: at the group's start, now, and at most in an alternative. */
  readonly startDegree: number;
  degree: number;
  mostDegree: number;
  /** Something that must match stands behind two of them, unless what it is in may be left out. */
  isSlow: boolean;
}

/** Unbounded repetitions behind which nothing may be required. */
const MAX_DEGREE = 2;

/** The expression, global and in Unicode mode, that finds what the Oniguruma pattern finds. `place` names the pattern in errors. */
export function toRegExp(source: string, place: string): RegExp {
  const refuse = (what: string): never => {
    throw textErrors.fail("unsupported", {
      place,
      expected: "a pattern that runs in linear time and that Loam can translate",
      received: `${what} in ${JSON.stringify(source.length > 80 ? `${source.slice(0, 77)}...` : source)}`,
      hint: "Use a tokenizer without it.",
    });
  };
  if (source.length > MAX_PATTERN) refuse(`${source.length} characters`);
  let out = "";
  let ignoreCase = false;
  let numCaptures = 0;
  let atom = -1; // where the last atom starts in `out`; -1 where nothing can be repeated
  let atomManyWays = false;
  const groups: Group[] = [];
  const groupAt = (start: number, atomic: boolean, degree: number): Group => ({
    ...{ start, ignoreCase, atomic, manyWays: false },
    ...{ startDegree: degree, degree, mostDegree: degree, isSlow: false },
  });
  const outer: Group = groupAt(0, false, 0);
  const group = (): Group => groups.at(-1) ?? outer;
  /** The last atom, which no repetition that allows none of it has followed, must match. */
  let isSlowAtom = false;
  const require = (): void => {
    group().isSlow ||= isSlowAtom;
    isSlowAtom = false;
  };
  const emit = (text: string): void => {
    require();
    isSlowAtom = group().degree >= MAX_DEGREE;
    atom = out.length;
    atomManyWays = false;
    out += text;
  };
  /** What JavaScript lacks: the last `text` matched once and for all, by a captured look-ahead. */
  const once = (start: number): void => {
    const name = `o${numCaptures++}`;
    out = `${out.slice(0, start)}(?:(?=(?<${name}>${out.slice(start)}))\\k<${name}>)`;
  };

  const chars = [...source];
  let i = 0;
  const rest = (): string => chars.slice(i).join("");
  /** The escape at `i`, translated; moves past it. */
  const escaped = (inClass: boolean): string => {
    const c = chars[i + 1] ?? refuse("a backslash at the end");
    const long = /^\\(?:[pP]\{\^?[A-Za-z_=]+\}|x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4})/.exec(rest())?.[0];
    if (long) {
      i += long.length;
      return long.replace(/^\\x\{/, "\\u{").replace(/^\\p\{\^/, "\\P{");
    }
    i += 2;
    const known = escapes[c]?.[inClass ? 1 : 0];
    if (known !== undefined) return known;
    if (/[0-9A-Za-z]/.test(c)) refuse(`\\${c}${inClass ? " in a class" : ""}`);
    if (c === "-") return inClass ? "\\-" : "-";
    return syntax.test(c) ? `\\${c}` : c;
  };
  const characterClass = (): string => {
    let body = "[";
    i++;
    if (chars[i] === "^") {
      body += "^";
      i++;
    }
    for (let first = true; ; first = false) {
      const c = chars[i] ?? refuse("a class without an end");
      if (c === "]" && !first) break;
      if (c === "[") refuse("a class in a class");
      if (c === "&" && chars[i + 1] === "&") refuse("an intersection of classes");
      if (c === "\\") body += escaped(true);
      else {
        if (ignoreCase && c === "-" && !first && chars[i + 1] !== "]") refuse("a range that ignores case");
        if (ignoreCase && /[A-Za-z]/.test(c)) body += bothCases(c);
        else if (c === "-") body += c;
        else body += syntax.test(c) ? `\\${c}` : c;
        i++;
      }
    }
    i++;
    return `${body}]`;
  };

  while (i < chars.length) {
    const c = chars[i]!;
    if (c === "\\") emit(escaped(false));
    else if (c === "[") emit(characterClass());
    else if (c === "(") {
      const opening = /^\((?:\?(?:[:=!>]|<[=!]|i:))?/.exec(rest())![0];
      if (rest()[opening.length] === "?") refuse(`a group ${rest().slice(0, 4)}`);
      require();
      groups.push(groupAt(out.length, opening === "(?>", group().degree));
      if (opening === "(?i:") ignoreCase = true;
      // Captures are never read: plain groups need not capture.
      out += opening === "(" || opening === "(?>" || opening === "(?i:" ? "(?:" : opening;
      atom = -1;
      i += opening.length;
    } else if (c === ")") {
      require();
      const closed = groups.pop() ?? refuse("a closing parenthesis without an opening one");
      isSlowAtom = closed.isSlow;
      // what looks around or is atomic is not gone back into
      if (!closed.atomic && !/^\(\?<?[=!]/.test(out.slice(closed.start))) group().degree = Math.max(closed.degree, closed.mostDegree);
      out += ")";
      if (closed.atomic) once(closed.start);
      ignoreCase = closed.ignoreCase;
      atom = closed.start;
      atomManyWays = closed.manyWays && !closed.atomic;
      if (atomManyWays) group().manyWays = true;
      i++;
    } else if (c === "|") {
      require();
      const g = group();
      g.manyWays = true;
      g.mostDegree = Math.max(g.mostDegree, g.degree);
      g.degree = g.startDegree;
      out += "|";
      atom = -1;
      i++;
    } else if (c === "*" || c === "+" || c === "?" || (c === "{" && /^\{(?:\d+(?:,\d*)?|,\d+)\}/.test(rest()))) {
      if (atom < 0) refuse(`${c} with nothing to repeat`);
      const written = c === "{" ? /^\{[^}]*\}/.exec(rest())![0] : c;
      const isUnbounded = c === "*" || c === "+" || written.endsWith(",}");
      if (isUnbounded && atomManyWays) refuse("an unbounded repetition of a group that itself repeats or chooses");
      if (/^[*?]|^\{(?:0|,)/.test(written)) isSlowAtom = false;
      require();
      i += written.length;
      out += written.replace("{,", "{0,");
      if (chars[i] === "+" && c !== "{") {
        once(atom);
        i++;
      } else {
        group().manyWays = true;
        if (isUnbounded) group().degree++;
        if (chars[i] === "?" && c !== "{") {
          out += "?";
          i++;
        } else if (chars[i] === "+" || chars[i] === "*" || chars[i] === "?") refuse("a repetition of a repetition");
      }
      atom = -1;
    } else {
      if (c === ".") emit("[^\\n]");
      else if (c === "^") emit("(?:(?<![\\s\\S])|(?<=\\n))");
      else if (c === "$") emit("(?=\\n|(?![\\s\\S]))");
      else emit(ignoreCase && /[A-Za-z]/.test(c) ? `[${bothCases(c)}]` : syntax.test(c) ? `\\${c}` : c);
      i++;
    }
  }
  if (groups.length > 0) refuse("a group without an end");
  require();
  if (outer.isSlow) refuse("something that must match behind two unbounded repetitions");
  try {
    return new RegExp(out, "gu");
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : "a mistake");
  }
}

const escapeText = (text: string): string => text.replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&");

/** The expression of a file's pattern entry, literal text or Oniguruma. */
export const patternOf = (entry: PatternEntry, place: string): RegExp =>
  "String" in entry ? new RegExp(escapeText(entry.String), "gu") : toRegExp(entry.Regex, place);
