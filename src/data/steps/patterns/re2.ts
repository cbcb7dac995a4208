/**
 * The one place that knows `re2js`, a regular-expression engine that follows all ways through a pattern at once instead of trying them one
 * after another. One search takes time in proportion to pattern times text, whatever stands in either.
 */
import { RE2JS } from "re2js";

export const patternFlags = { i: RE2JS.CASE_INSENSITIVE, m: RE2JS.MULTILINE, s: RE2JS.DOTALL } as const;

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
export function refusal(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    const why = (error as Error).message.replace(/^error parsing regexp: /, "");
    const hint = beyond.find(([sign]) => sign.test(pattern))?.[1];
    return hint ? `${why}; ${hint}` : why;
  }
}

/** A pattern that `refusal` has nothing against. */
export function compilePattern(pattern: string, flags: string): Matcher {
  const re = RE2JS.compile(
    pattern,
    [...flags].reduce((bits, flag) => bits | patternFlags[flag as keyof typeof patternFlags], 0),
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
