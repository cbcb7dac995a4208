/** attribute: what in a prompt an answer leans on. */
export {
  type Attribution,
  type AttributionMethod,
  type AttributionModel,
  type AttributionRequest,
  attribute,
  type Completeness,
  type TargetAttribution,
} from "./attribute.ts";
export { type Baseline, LayeredGradient, type ScoreKind, scoreKinds, type TakeTurn } from "./layered-gradient.ts";
export { type Faithfulness, type FaithfulnessOptions, faithfulness, faithfulnessLooks, occlusion } from "./occlusion.ts";
