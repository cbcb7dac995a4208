/** Learned detectors of anomalies: in a seasonal series, among vectors, and of when a level changed. */
export {
  type ChangePointDetector,
  type ChangePointOptions,
  type ChangePointState,
  changePointDetector,
  jumpProbability,
  likeliestRun,
} from "./change-point.ts";
export { growIsolationForest, type IsolationForest, type IsolationOptions, isolationScore } from "./isolation-forest.ts";
export { type NeighbourReference, neighbourDistance, neighbourReference } from "./nearest-neighbours.ts";
export {
  type ComponentDistance,
  componentDistance,
  componentPursuit,
  type RobustComponents,
  robustComponents,
} from "./robust-components.ts";
export { type SeasonalOutlier, type SeasonalOutlierOptions, seasonalOutliers } from "./seasonal-outliers.ts";
