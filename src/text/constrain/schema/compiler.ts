/** What the expressions of texts, lists and objects ask of the compiler of the whole schema. */
import type { Automaton } from "../automaton.ts";
import type { RegularExpression } from "../expression.ts";
import type { Punctuation } from "./json-text.ts";
import type { SchemaObject, SchemaOrBoolean, TypeName } from "./keywords.ts";

type RuleCall = Extract<RegularExpression, { readonly kind: "rule" }>;

export interface Compiler {
  readonly punctuation: Punctuation;
  /** Values are written in one way each, so that equal ones have equal texts. */
  readonly isCanonical: boolean;
  /** Objects with named properties get no others where their schemas say nothing of others. */
  readonly isClosing: boolean;
  expression(schema: SchemaOrBoolean, place: string): RegularExpression;
  /** A schema's expression for use in several places: a rule. */
  shared(schema: SchemaOrBoolean, place: string): RegularExpression;
  /** The same as a rule whose values are written in one way each; its name. */
  canonicalRule(schema: SchemaOrBoolean, place: string): string;
  /** A rule of that name, made later and once. */
  later(name: string, make: () => RegularExpression): RuleCall;
  /** Any value of a type, or any value. */
  free(type: TypeName | "any", isCanonical?: boolean): RegularExpression;
  /** Another name for a rule at a place, unlike all others. */
  freshName(kind: string, place: string): string;
  /** Counts what an automaton cost. */
  spend(a: Automaton, place: string): Automaton;
  /** Leaves a keyword out of account. Errors: text/constraint where the schema is strict. */
  relax(place: string, keyword: string): void;
  /** What `make` gives; where that is beyond an automaton, `otherwise`, and the keyword is relaxed. */
  orRelax<T>(make: () => T, place: string, keyword: string, otherwise: T): T;
  /** Nothing is valid here: kept for the error where nothing is valid at all. */
  impossible(place: string, expected: string, received: string): RegularExpression;
  /** Place of a schema; of a part of another where it has none. */
  placeOf(schema: SchemaOrBoolean, at: string, ...keys: (string | number)[]): string;
  /** $ref, allOf and not merged in; choices are left. */
  flatten(schema: SchemaOrBoolean, place: string): SchemaObject | false;
  isValid(value: unknown, schema: SchemaOrBoolean, place: string): boolean;
  /** How many values are valid, in one spelling each, counted to `most`; Infinity where there are too many to count. */
  sizeOf(schema: SchemaOrBoolean, place: string, most: number): number;
}
