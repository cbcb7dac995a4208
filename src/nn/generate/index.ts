/** Decoding: sampling, stop strings, the cached decoder, and generation of one sequence. */
export { CachedDecoder, type CachedDecoderOptions, type DecoderParameters, type LogitRows } from "./cached-decoder.ts";
export { type Chunk, defaultWidths, nextChunk, usableWidths } from "./chunks.ts";
export {
  choiceRandom,
  type FinishReason,
  type GenerateModel,
  type GenerateOptions,
  generate,
  generateText,
  generateUncached,
} from "./generate.ts";
export { type Likelihood, likelihood, type TokenProbability } from "./log-probabilities.ts";
export { defaultSampling, type History, type SamplingOptions, samplingOptions } from "./options.ts";
export { greatestToken, type Logits, sampleToken, transformLogits } from "./sample.ts";
export { type StopPattern, type StopScan, type StopState, scanStops, stopPatterns, stopStart } from "./stop-strings.ts";
export { TextOutput, type TokenTextStream } from "./text-output.ts";
export { type Transform, type TransformName, transformNames, transforms } from "./transforms.ts";
