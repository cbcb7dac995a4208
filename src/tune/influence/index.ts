/** Inner door: which training texts a tuned model's outputs rest on, and how far such a claim can be believed. */
export {
  type EmbeddedTexts,
  nearestTexts,
  type TrakOptions,
  tracIn,
  trak,
  type WeightedCheckpoint,
} from "./attribute.ts";
export {
  ClassifierInfluence,
  type InfluenceFaithfulness,
  type InfluenceMethod,
  type InfluenceSource,
  influenceMethods,
  logOdds,
  type MeasureInfluenceOptions,
} from "./classifier-influence.ts";
export { classLogOdds, classLoss, type TextMeasure, textLoss } from "./measures.ts";
export { type RetrainOptions, retrainOnSubsets } from "./retrain.ts";
export {
  type AttributedTexts,
  openTextGradients,
  type TextGradients,
  type TextGradientsOptions,
  type TextSketches,
} from "./text-gradients.ts";
