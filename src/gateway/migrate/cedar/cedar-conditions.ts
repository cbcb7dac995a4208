/** A condition of Cedar's, whole: its atoms (`cedar-words.ts`) joined as Cedar joins them. */
import { conjunction, distinct, negation, product, type Sides, unknownSides } from "./cedar-clauses.ts";
import type { Expression } from "./cedar-text.ts";
import { atomOf } from "./cedar-words.ts";

/** More alternatives of one condition than this are not written out. */
export const mostClauses = 256;

/** `namespace`: before all types of entities, with `::` at its end; empty where they have none. */
export function sidesOf(e: Expression, source: string, namespace: string): Sides {
  const inside = (part: Expression) => sidesOf(part, source, namespace);
  const made = (): Sides => {
    switch (e.kind) {
      case "not":
        return negation(inside(e.of));
      case "and":
        return conjunction(inside(e.left), inside(e.right));
      case "or":
        return negation(conjunction(negation(inside(e.left)), negation(inside(e.right))));
      case "if": {
        const [condition, yes, no] = [inside(e.condition), inside(e.yes), inside(e.no)];
        const side = (of: "yes" | "no") => distinct([...product(condition.yes, yes[of]), ...product(condition.no, no[of])]);
        return { yes: side("yes"), no: side("no"), isTotal: condition.isTotal && yes.isTotal && no.isTotal };
      }
      default:
        return atomOf(e, source, namespace);
    }
  };
  const sides = made();
  return sides.yes.length + sides.no.length > mostClauses ? unknownSides(e, source) : sides;
}
