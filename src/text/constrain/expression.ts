/**
 * What every notation (JSON schema, regular expression, choice, grammar) becomes: expressions over characters, and rules that may call each
 * other. Plain data; `machine.ts` turns it into something that reads bytes.
 */
import { anyCodePoint, type CodePoints, charactersOf } from "./code-points.ts";

/** States and the expressions that lead from one to another; what starts at 0 and ends in `end` is in it. */
export interface Graph {
  readonly kind: "graph";
  readonly edges: readonly (readonly { readonly by: Expression; readonly to: number }[])[];
  readonly ends: ReadonlySet<number>;
}

export type Expression =
  /** One character of the set; none where the set is empty. */
  | { readonly kind: "characters"; readonly set: CodePoints }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly options: readonly Expression[] }
  /** `max` may be Infinity. */
  | { readonly kind: "repeat"; readonly of: Expression; readonly min: number; readonly max: number }
  | { readonly kind: "rule"; readonly name: string }
  /** Holds where no character stands before, or after, what is described. */
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | Graph;

export interface Grammar {
  readonly root: string;
  /** In order of their definition. */
  readonly rules: ReadonlyMap<string, Expression>;
}

export const text = (t: string): Expression => ({ kind: "text", text: t });
export const empty: Expression = text("");
export const characters = (set: CodePoints): Expression => ({ kind: "characters", set });
/** What nothing is in. */
export const nothing: Expression = characters([]);
export const anyOf = (chars: string): Expression => characters(charactersOf(chars));
export const range = (first: string, last: string): Expression => characters([[first.codePointAt(0)!, last.codePointAt(0)!]]);
export const anyCharacter: Expression = characters(anyCodePoint);
export const sequence = (...parts: readonly Expression[]): Expression => (parts.length === 1 ? parts[0]! : { kind: "sequence", parts });
export const choice = (...options: readonly Expression[]): Expression => (options.length === 1 ? options[0]! : { kind: "choice", options });
export const repeat = (of: Expression, min: number, max = Number.POSITIVE_INFINITY): Expression => ({ kind: "repeat", of, min, max });
export const optional = (of: Expression): Expression => repeat(of, 0, 1);
export const rule = (name: string): Expression => ({ kind: "rule", name });
