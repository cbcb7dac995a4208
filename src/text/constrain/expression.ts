/**
 * What every notation (JSON schema, regular expression, choice, grammar) becomes: expressions over characters, and rules that may call each
 * other. Plain data; `machine.ts` turns it into something that reads bytes.
 */
import { anyCodePoint, type CodePoints, charactersOf } from "./code-points.ts";

/** States and the expressions that lead from one to another; what starts at 0 and ends in `end` is in it. */
export interface ExpressionGraph {
  readonly kind: "graph";
  readonly edges: readonly (readonly { readonly by: RegularExpression; readonly to: number }[])[];
  readonly ends: ReadonlySet<number>;
}

export type RegularExpression =
  /** One character of the set; none where the set is empty. */
  | { readonly kind: "characters"; readonly set: CodePoints }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "sequence"; readonly parts: readonly RegularExpression[] }
  | { readonly kind: "choice"; readonly options: readonly RegularExpression[] }
  /** `max` may be Infinity. */
  | { readonly kind: "repeat"; readonly of: RegularExpression; readonly min: number; readonly max: number }
  | { readonly kind: "rule"; readonly name: string }
  /** Holds where no character stands before, or after, what is described. */
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  /** Reads nothing; what follows, to the end of the text, begins (or does not) with the expression. Resolved before anything is built. */
  | { readonly kind: "ahead"; readonly of: RegularExpression; readonly isNegated: boolean }
  | TrackExpression
  | ExpressionGraph;

/**
 * Reads nothing; keeps the items of a list apart from each other. `enter` begins a list of items that `item` (a rule) describes, `leave` ends
 * it; an item stands between `begin` and `end`, and `more` holds only where an item is left that was not said.
 */
type TrackExpression =
  | { readonly kind: "track"; readonly op: "enter"; readonly item: string }
  | { readonly kind: "track"; readonly op: "begin" | "end" | "more" | "leave" };

export interface Grammar {
  readonly root: string;
  /** In order of their definition. */
  readonly rules: ReadonlyMap<string, RegularExpression>;
  /** What the grammar lets through though the form forbids it: pointers of keywords. */
  readonly relaxed?: readonly string[];
  /** Thrown where no text is in the grammar. */
  readonly contradiction?: Error | undefined;
}

export const literalText = (t: string): RegularExpression => ({ kind: "text", text: t });
export const empty: RegularExpression = literalText("");
export const characters = (set: CodePoints): RegularExpression => ({ kind: "characters", set });
/** What nothing is in. */
export const noText: RegularExpression = characters([]);
export const anyOf = (chars: string): RegularExpression => characters(charactersOf(chars));
export const range = (first: string, last: string): RegularExpression => characters([[first.codePointAt(0)!, last.codePointAt(0)!]]);
export const anyCharacter: RegularExpression = characters(anyCodePoint);
export const sequence = (...parts: readonly RegularExpression[]): RegularExpression =>
  parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
export const choice = (...options: readonly RegularExpression[]): RegularExpression =>
  options.length === 1 ? options[0]! : { kind: "choice", options };
export const repeatText = (of: RegularExpression, min: number, max = Number.POSITIVE_INFINITY): RegularExpression => ({
  kind: "repeat",
  of,
  min,
  max,
});
export const optionalText = (of: RegularExpression): RegularExpression => repeatText(of, 0, 1);
export const track = (op: "begin" | "end" | "more" | "leave"): RegularExpression => ({ kind: "track", op });
export const rule = (name: string): Extract<RegularExpression, { readonly kind: "rule" }> => ({ kind: "rule", name });
