/** Decoding: sampling, stop strings, the cached decoder, and generation of one sequence. */
export {
  type BeamContinuation,
  type BeamOptions,
  BeamSearch,
  beamOptions,
  beamScores,
  defaultBeams,
  type Hypothesis,
} from "./beam-search.ts";
export { CachedDecoder, type CachedDecoderOptions, type DecoderParameters, type LogitRows, type StepDecoder } from "./cached-decoder.ts";
export { type Chunk, defaultWidths, nextChunk, usableWidths } from "./chunks.ts";
export { type FormState, maskLogits } from "./constraint.ts";
export type { DryOptions } from "./dry.ts";
export {
  choiceRandom,
  type FinishReason,
  type GenerateModel,
  type GenerateOptions,
  generate,
  generateText,
  generateUncached,
} from "./generate.ts";
export { greatestFew } from "./greatest.ts";
export { likelihood, logProbabilityOf, type TokenLikelihood, type TokenProbability } from "./log-probabilities.ts";
export { guessByLookup } from "./lookup.ts";
export { type OpenDecoderOptions, openDecoder, runsAsMachineCode } from "./open-decoder.ts";
export { defaultSampling, type History, type SamplingMemory, type SamplingOptions, samplingOptions } from "./options.ts";
export { greatestToken, type Logits, sampleToken, transformLogits } from "./sample.ts";
export type { SlotSpan } from "./slot-copy.ts";
export { type Guess, guessToken, judgeGuess } from "./speculative.ts";
export { type StopPattern, type StopScan, type StopState, scanStops, stopPatterns, stopStart } from "./stop-strings.ts";
export { TextStream, type TokenTextStream } from "./text-output.ts";
export { type Transform, type TransformName, transformNames, transforms } from "./transforms.ts";
export { isUniform, type Uniformity, uniformity } from "./uniform.ts";
