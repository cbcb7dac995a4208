/** Features of one response: numbers and flags that monitors and sketches count. */
export {
  classifierFeatures,
  flagLimits,
  type ResponseContent,
  type ResponseFeatures,
  type ResponseFlag,
  type ResponseNumber,
  responseFeatures,
  responseFlags,
  responseNumbers,
} from "./response.ts";
export { type TextFeatures, textFeatures } from "./text.ts";
export { type AnswerFeatures, echoShare, tokenFeatures } from "./tokens.ts";
