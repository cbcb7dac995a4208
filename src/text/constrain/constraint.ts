/**
 * The form that a text must have, and its meeting with a vocabulary. A constraint's states are values: a state says which tokens may come and
 * which state follows each, so several answers, beams and guesses can go on from one. Nothing in it depends on what else is asked.
 */
import { automatonGraph, automatonOfExpression } from "./automaton.ts";
import {
  composedGrammar,
  type EitherForm,
  isComposed,
  type LiteralForm,
  type RepeatForm,
  type SequenceForm,
  type WithoutForm,
} from "./compose.ts";
import { type Grammar, type RegularExpression, rule } from "./expression.ts";
import { parseGrammar } from "./grammar-notation.ts";
import { constrainLimits } from "./limits.ts";
import { withoutLookAheads } from "./look-ahead.ts";
import { compileGrammar } from "./machine.ts";
import { type Configuration, Recogniser } from "./recogniser.ts";
import { constraintRefusal } from "./refuse.ts";
import { hasAnchor, parseRegularExpression, withoutOuterAnchors } from "./regular-expression.ts";
import { type SchemaOptions, schemaGrammar } from "./schema/compile.ts";
import { freeRules, oneOfTexts, punctuation, type Style } from "./schema/json-text.ts";
import { TokenMasks } from "./token-masks.ts";
import type { TokenVocabulary } from "./vocabulary.ts";

export type Form =
  /** JSON that is valid under a schema. */
  | ({ readonly kind: "schema"; readonly schema: unknown } & SchemaOptions)
  /** Any JSON object. */
  | { readonly kind: "json"; readonly style?: Style }
  /** A text that the expression matches from its first to its last character. */
  | { readonly kind: "regex"; readonly pattern: string }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  /** A grammar in GBNF. */
  | { readonly kind: "grammar"; readonly grammar: string }
  /** Of other forms. */
  | LiteralForm
  | SequenceForm<Form>
  | EitherForm<Form>
  | RepeatForm<Form>
  | WithoutForm;

const single = (root: RegularExpression): Grammar => ({ root: "root", rules: new Map([["root", root]]) });

function grammarOf(form: Form, place: string): Grammar {
  if (isComposed<Form>(form)) return composedGrammar<Form>(form, f => grammarOf(f, place));
  switch (form.kind) {
    case "schema":
      return schemaGrammar(form.schema, place, form);
    case "json":
      return { root: "root", rules: new Map([...freeRules(punctuation[form.style ?? "compact"]), ["root", rule("object")]]) };
    case "regex": {
      const whole = withoutLookAheads(parseRegularExpression(form.pattern, place), place);
      const { rest } = withoutOuterAnchors(whole);
      return single(hasAnchor(rest) ? automatonGraph(automatonOfExpression(whole, place)) : rest);
    }
    case "choice": {
      const { choices } = form;
      if (choices.length === 0 || choices.length > constrainLimits.choices)
        throw constraintRefusal(place, `1 to ${constrainLimits.choices} texts`, `${choices.length}`);
      const broken = choices.findIndex(c => c === "" || /\p{Surrogate}/u.test(c));
      if (broken >= 0)
        throw constraintRefusal(`${place}[${broken}]`, "a text of whole characters that is not empty", JSON.stringify(choices[broken]));
      return single(oneOfTexts(choices, place));
    }
    case "grammar":
      return parseGrammar(form.grammar, place);
  }
}

/** What reads texts of a form. `place` is the parameter that brought it. Errors: text/constraint. */
export function recogniserOf(form: Form, place: string): Recogniser {
  const grammar = grammarOf(form, place);
  return new Recogniser(compileGrammar(grammar, place), place, grammar.relaxed);
}

export class ConstraintState {
  readonly #constraint: TokenConstraint;
  readonly #at: Configuration;

  constructor(constraint: TokenConstraint, at: Configuration) {
    this.#constraint = constraint;
    this.#at = at;
  }

  /** Tokens that may come: bit `i & 31` of word `i >> 5`. Not to be changed. Errors: text/constraint where the form is too ambiguous. */
  get mask(): Uint32Array {
    return this.#constraint.masks.of(this.#at);
  }
  /** The text may end here. */
  get isAccepting(): boolean {
    return this.#at.isAccepting;
  }
  /** Pointers of the schema's keywords that the mask cannot carry out, so that the text may break them. */
  get relaxed(): readonly string[] {
    return this.#constraint.recogniser.relaxed;
  }
  /** The text must end here. */
  get isComplete(): boolean {
    return this.#at.isAccepting && this.#at.threads.length === 0;
  }
  /** Bytes that must come next, as far as there is no other way to go on. Not to be changed. */
  get forced(): Uint8Array {
    const { recogniser } = this.#constraint;
    recogniser.work = constrainLimits.work;
    return recogniser.forced(this.#at);
  }
  /** After one more token; undefined where it may not come. */
  next(token: number): ConstraintState | undefined {
    const bytes = this.#constraint.vocabulary.bytesOf(token);
    return bytes && this.after(bytes);
  }
  /** After these bytes; undefined where they may not come. */
  after(bytes: Uint8Array): ConstraintState | undefined {
    const { recogniser } = this.#constraint;
    recogniser.work = constrainLimits.work;
    const to = recogniser.read(this.#at, bytes);
    return to ? new ConstraintState(this.#constraint, to) : undefined;
  }
}

export class TokenConstraint {
  readonly recogniser: Recogniser;
  readonly vocabulary: TokenVocabulary;
  readonly masks: TokenMasks;
  readonly start: ConstraintState;

  constructor(recogniser: Recogniser, vocabulary: TokenVocabulary) {
    this.recogniser = recogniser;
    this.vocabulary = vocabulary;
    this.masks = new TokenMasks(recogniser, vocabulary);
    this.start = new ConstraintState(this, recogniser.start);
  }
}

/** A form over a vocabulary. Errors: text/constraint. */
export const tokenConstraint = (form: Form, vocabulary: TokenVocabulary, place: string): TokenConstraint =>
  new TokenConstraint(recogniserOf(form, place), vocabulary);
