/** Sketches of what a model was trained on and of what it sees, and how they are compared. */
export { compareSketches } from "./compare.ts";
export { isSampledId } from "./id-hash.ts";
export { meanProjection, projectionSize } from "./projection.ts";
export type {
  DriftKind,
  DriftOptions,
  DriftReport,
  DriftVerdict,
  FeatureDrift,
  MovedValue,
} from "./report.ts";
export {
  compareSeason,
  type Season,
  type SeasonDrift,
  type SeasonOptions,
  type SeasonVerdicts,
  seasonOf,
  seasonVerdicts,
  weekMs,
} from "./season.ts";
export { type DriftOnset, driftSince, type TimedSketch } from "./since.ts";
export {
  addToSketch,
  emptySketch,
  type FeatureData,
  featureData,
  joinSketches,
  mergeAllSketches,
  mergeSketches,
  type Sketch,
  type SketchJson,
  sketchBytes,
  sketchFromBytes,
  sketchJson,
  sketchOf,
  typedData,
  windowSpec,
} from "./sketch.ts";
export {
  type CategoryFeature,
  type FeatureRole,
  type FeatureSpec,
  type FeatureType,
  mostCategories,
  mostNameLength,
  mostSampled,
  mostVectors,
  type NumberFeature,
  type SketchSpec,
  type SketchValues,
  type TokensFeature,
  type VectorFeature,
} from "./spec.ts";
export { type TextPart, textFeaturesOf, textValuesOf, tokenFeaturesOf, tokenValuesOf } from "./text-values.ts";
