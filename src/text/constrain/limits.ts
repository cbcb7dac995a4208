/** Limits on what describes a form, each with its reason: it comes from outside, and is turned into something larger. */

export const constrainLimits = {
  /** Nesting of a JSON schema, of groups in a regular expression, of parentheses in a grammar: what people write has fewer than 20. */
  depth: 100,
  /** Schemas within a schema. OpenAI takes 5,000 properties. */
  schemas: 20_000,
  /** Characters of a regular expression or a grammar. */
  sourceCharacters: 100_000,
  /** Texts of a choice, and of an enum; OpenAI takes 1,000. */
  choices: 50_000,
  /** A count in a repetition, a length, a number of items. */
  count: 1_000_000_000,
  /** States of an automaton that is the intersection of several. */
  productStates: 20_000,
  /** Nodes of a machine: about 100 bytes each. */
  nodes: 200_000,
  /** Positions in which a text may be read at once. Beyond it the form is too ambiguous to be followed. */
  threads: 5_000,
  /** Positions looked at for one mask: about 30 ms. */
  work: 200_000,
  /** Configurations kept by one form before they are forgotten: about 1 KB each. */
  keptConfigurations: 10_000,
  /** Bytes of masks kept by one form before they are forgotten: about 1,300 of a vocabulary of 50,000 tokens. */
  keptMaskBytes: 8 * 1024 * 1024,
  /** Bytes of text without a choice that are looked up at once; a longer one goes on from there. */
  longestForced: 1024,
} as const;
