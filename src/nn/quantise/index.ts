/** Inner door: float parameters to quantised ones. */
export { normalFloatArrays, normalFloatCode, normalFloatCodes } from "./normal-float.ts";
export { type QuantiseOptions, type QuantisePlan, quantise, type WeightForm, weightForms } from "./quantise.ts";
export { calibrateEncoder, type EncoderRanges, type QuantiseEncoderOptions, quantiseEncoder } from "./quantise-encoder.ts";
export { type BlockFactors, type BlockSamples, calibrate } from "./smoothing.ts";
