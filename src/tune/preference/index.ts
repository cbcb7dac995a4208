/** Inner door: tuning by answers of which one is better than another, or good. */
export { pairLossNames } from "./losses.ts";
export { encodePairs } from "./pairs.ts";
export { encodeRatings } from "./rated.ts";
export { preferenceStage, ratingStage } from "./stage.ts";
export { type PreferenceFitOptions, preferenceFitOptions, preferenceOptions } from "./tune.ts";
