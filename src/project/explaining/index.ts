/** Why a model gave a response: parts of the prompt, and training documents. */
export {
  type ExplainedPart,
  type ExplainMethod,
  type ExplainOptions,
  explainResponse,
  isExplainMethod,
  type ResponseExplanation,
  type ToldFaithfulness,
} from "./explain.ts";
export {
  explainInfluence,
  type InfluenceOptions,
  type InfluentialDocument,
  isInfluenceMethod,
  type MeasuredInfluence,
  type MeasureOptions,
  measureInfluence,
  type TextInfluence,
} from "./influence.ts";
