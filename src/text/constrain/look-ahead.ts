/**
 * Look-aheads without looking: what follows is one text, so `(?=A)B` is what is in B and begins with A, the intersection of two automata, and
 * `(?!A)B` what is in B and does not. Resolved from the end of an expression to its beginning.
 */
import { automatonGraph, automatonOfExpression, intersect } from "./automaton.ts";
import { complementOf } from "./determinise.ts";
import { anyCharacter, choice, empty, type RegularExpression, repeatText, sequence } from "./expression.ts";
import { beyondAutomata } from "./refuse.ts";

const anything = repeatText(anyCharacter, 0);

/** Whether one of the kinds stands anywhere in it. */
function has(e: RegularExpression, kind: "ahead" | "start"): boolean {
  switch (e.kind) {
    case kind:
      return true;
    case "ahead":
      return has(e.of, kind);
    case "sequence":
      return e.parts.some(p => has(p, kind));
    case "choice":
      return e.options.some(o => has(o, kind));
    case "repeat":
      return has(e.of, kind);
    default:
      return false;
  }
}

export const hasLookAhead = (e: RegularExpression): boolean => has(e, "ahead");

/** Whether nothing can stand before part `i`: an anchor does, with nothing read between. */
function isAtStart(parts: readonly RegularExpression[], i: number): boolean {
  for (let j = i - 1; j >= 0; j--) {
    if (parts[j]!.kind === "start") return true;
    if (parts[j]!.kind !== "ahead") return false;
  }
  return false;
}

/** `e` and then `then`, which holds no look-ahead and goes on to the end of the text; `isFirst` where the text begins with `e`. */
function resolved(e: RegularExpression, then: RegularExpression, place: string, isFirst = false): RegularExpression {
  if (!hasLookAhead(e)) return sequence(e, then);
  const beyond = (what: string) =>
    beyondAutomata(place, "a regular expression that an automaton can follow", what, "Write the condition without looking ahead.");
  switch (e.kind) {
    case "sequence":
      return e.parts.reduceRight((rest, part, i) => resolved(part, rest, place, isAtStart(e.parts, i)), then);
    case "choice":
      return choice(...e.options.map(o => resolved(o, then, place, isFirst)));
    case "repeat":
      if (e.max !== 1) throw beyond("a look-ahead inside of a repetition");
      return e.min === 1 ? resolved(e.of, then, place) : choice(resolved(e.of, then, place), then);
    case "ahead": {
      if (has(then, "start") || (has(e.of, "start") && !isFirst)) throw beyond("an anchor behind a look-ahead");
      const ahead = automatonOfExpression(resolved(e.of, anything, place), place);
      return automatonGraph(intersect([automatonOfExpression(then, place), e.isNegated ? complementOf(ahead, place) : ahead], place));
    }
    default:
      return sequence(e, then);
  }
}

/** The same expression, of a whole text, without look-aheads. Errors: text/constraint where one stands inside of a repetition. */
export const withoutLookAheads = (whole: RegularExpression, place: string): RegularExpression =>
  hasLookAhead(whole) ? resolved(whole, empty, place) : whole;
