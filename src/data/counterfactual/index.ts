/** Counterfactual rewriting: the same text about someone of another group. */

export { pronounOf } from "./pronouns.ts";
export {
  type Counterfactual,
  type CounterfactualKind,
  counterfactualDigest,
  counterfactualKinds,
  counterfactualRewriter,
  identityAt,
  nameGroup,
} from "./rewrite.ts";
export { genderedNouns } from "./terms.ts";
export { wordTokens } from "./tokens.ts";
