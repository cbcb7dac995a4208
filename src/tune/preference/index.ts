/** Inner door: tuning by pairs of answers of which one is better. */
export { pairLossNames } from "./losses.ts";
export { encodePairs } from "./pairs.ts";
export { preferenceStage } from "./stage.ts";
export { type PreferenceFitOptions, preferenceFitOptions, preferenceOptions } from "./tune.ts";
