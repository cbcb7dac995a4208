/** Structured output: forms of text (JSON schema, regular expression, choice, grammar) as masks over a vocabulary. */
export { ConstraintState, type Form, recogniserOf, TokenConstraint, tokenConstraint } from "./constraint.ts";
export { constrainLimits } from "./limits.ts";
export type { SchemaPart } from "./schema/compile.ts";
export { type Style, styles } from "./schema/json-text.ts";
export { TokenVocabulary } from "./vocabulary.ts";
