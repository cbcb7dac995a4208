/** Why a model gave a response. */
export {
  type ExplainedPart,
  type ExplainMethod,
  type ExplainOptions,
  explainResponse,
  isExplainMethod,
  type ResponseExplanation,
  type ToldFaithfulness,
} from "./explain.ts";
