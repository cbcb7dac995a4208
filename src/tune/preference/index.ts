/** Inner door: tuning by answers of which one is better than another, or good. */
export { type PreferenceFitOptions, pairLossNames, preferenceFitOptions, preferenceOptions } from "./options.ts";
export { encodePairs } from "./pairs.ts";
export { encodeRatings } from "./rated.ts";
export { preferenceStage, ratingStage } from "./stage.ts";
