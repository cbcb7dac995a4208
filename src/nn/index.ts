/** nn: layers and model families as pure functions over trees of parameters. */
export {
  type Attention,
  type AttentionConfig,
  type AttentionOptions,
  type AttentionSpec,
  attention,
  attentionSpec,
  type CacheView,
  type LayerCache,
} from "./attention.ts";
export {
  type Block,
  type BlockSpec,
  cacheBytes,
  cacheShape,
  checkDecoder,
  type Decoder,
  type DecoderCache,
  type DecoderConfig,
  type DecoderOptions,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  decoderStates,
  decoderStep,
  gpt2Config,
  headSizeOf,
  llamaConfig,
  type SmallConfig,
  type StepInput,
} from "./decoder.ts";
export {
  bertConfig,
  type Encoder,
  type EncoderConfig,
  type EncoderOptions,
  type EncoderSpec,
  encoderSpec,
  encoderStates,
  maskedLogits,
  meanPooled,
} from "./encoder.ts";
export {
  type EncoderDecoder,
  type EncoderDecoderConfig,
  type EncoderDecoderOptions,
  type EncoderDecoderSpec,
  encoderDecoderConfig,
  encoderDecoderSpec,
  encodeSource,
  targetLogits,
} from "./encoder-decoder.ts";
export { nnErrors } from "./errors.ts";
export {
  type Activation,
  activations,
  type Dropout,
  dropout,
  dropoutFrom,
  embedding,
  type FeedForward,
  type FeedForwardSpec,
  feedForward,
  feedForwardSpec,
  type Linear,
  type LinearSpec,
  linear,
  linearSpec,
  type Norm,
  type NormKind,
  type NormSpec,
  norm,
  normKinds,
  normSpec,
} from "./layers.ts";
export { crossEntropy, negativeLogLikelihood } from "./losses.ts";
export { keyRange, type Sight, sightMask } from "./masks.ts";
export {
  type ArraysOf,
  countParameters,
  disposeTree,
  initialise,
  matrix,
  ones,
  ParameterSpec,
  repeat,
  type SpecTree,
  startValues,
  type TensorsOf,
  table,
  zeros,
} from "./parameters.ts";
export { type RotaryTables, rotaryAt, rotaryTables, rotate } from "./rotary.ts";
export { openSafetensors, type TensorSource, type WeightFile, writeSafetensors } from "./weights/safetensors.ts";
export { type LoadOptions, loadTree, saveTree, treePieces, treeSources } from "./weights/tree.ts";
