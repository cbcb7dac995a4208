/** Augmentation of the train side: variants of documents by rule or by a model, marked with their parents, never near the held-out side. */
export { type Augmentation, type AugmentInput, type AugmentReport, augment, isRepeatable, type RowReport, variantId } from "./augment.ts";
export { type AugmentGuard, heldOutGuard } from "./guard.ts";
export type { AskingMethod, AugmentMethod, PlainMethod, Variant } from "./method.ts";
export { type AugmentMethodName, augmentMethodNames } from "./method-parts.ts";
export { methods } from "./methods.ts";
export { type AugmentOptions, type AugmentRow, augmentOptions } from "./options.ts";
export { cachedWriter } from "./upstream/cache.ts";
export { openAiCompatible, type UpstreamSurroundings } from "./upstream/openai-compatible.ts";
export { endpointOptions, type WriterEndpointOptions } from "./upstream/options.ts";
export type { AskWriter, Writer, WriterAnswer } from "./upstream/writer.ts";
