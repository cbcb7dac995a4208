/**
 * The one place that knows `re2js`, a regular-expression engine that follows all ways through a pattern at once instead of trying them one
 * after another. One search takes time in proportion to pattern times text, whatever stands in either.
 */
import { createRequire } from "node:module";

type Library = typeof import("re2js")["RE2JS"];

let library: Library | undefined;
/** Loaded at the first pattern (7 ms): reading a project file needs none. */
const re2 = (): Library => (library ??= (createRequire(import.meta.url)("re2js") as typeof import("re2js")).RE2JS);

const flagNames = { i: "CASE_INSENSITIVE", m: "MULTILINE", s: "DOTALL" } as const;

export interface Matcher {
  /** Whether it matches anywhere: a table of states, several times as fast as the search for places. */
  test(text: string): boolean;
  /** Places of matches that are not empty, from left to right, none over another. */
  find(text: string): Generator<readonly [start: number, end: number]>;
}

/** What people write that this engine has no linear way for. */
const beyond: readonly (readonly [RegExp, string])[] = [
  [/\(\?[=!]/, "looking ahead takes more than linear time"],
  [/\(\?<[=!]/, "looking behind takes more than linear time"],
  [/\\[1-9]|\\k</, "a back-reference takes more than linear time"],
  [/\\u[0-9a-fA-F{]/, "write \\x{41} for \\u0041"],
  [/\\p\{(?:Script|sc|General_Category|gc)=/, "write \\p{Greek}, \\p{Lu} without a name before it"],
  [/\(\?>|[*+?}]\+/, "possessive groups are not needed here: nothing is tried twice"],
];

/** Why a pattern is refused, for people; undefined where it is taken. */
export function patternRefusal(pattern: string): string | undefined {
  try {
    re2().compile(pattern);
    return undefined;
  } catch (error) {
    const why = (error as Error).message.replace(/^error parsing regexp: /, "");
    const hint = beyond.find(([sign]) => sign.test(pattern))?.[1];
    return hint ? `${why}; ${hint}` : why;
  }
}

/** A pattern that `patternRefusal` has nothing against. */
export function compilePattern(pattern: string, flags: string): Matcher {
  const RE2JS = re2();
  const re = RE2JS.compile(
    pattern,
    [...flags].reduce((bits, flag) => bits | RE2JS[flagNames[flag as keyof typeof flagNames]], 0),
  );
  return {
    test: text => re.test(text),
    *find(text) {
      const matcher = re.matcher(text);
      while (matcher.find()) {
        const [start, end] = [matcher.start(), matcher.end()];
        if (end > start) yield [start, end];
      }
    },
  };
}
