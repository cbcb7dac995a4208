/** text: tokenizers (trained and loaded) and chat templates. Knows no tensors. */

export {
  type Blocklist,
  type BlocklistWords,
  type Finder,
  findersOf,
  foundHidden,
  longestMatch,
  PhraseGuard,
  parsePattern,
  phraseGuard,
  readBlocklist,
  readUnits,
  unitsOf,
} from "./blocklist/index.ts";
export { MAX_RENDERED, MAX_STEPS } from "./bounded-interpreter.ts";
export { type AnsweredChat, type AnswerOptions, type ChatAnswer, encodeAnswers } from "./chat-answers.ts";
export { encodeChat } from "./chat-encode.ts";
export {
  type ChatMessage,
  type ChatTemplate,
  chatTemplate,
  defaultChatTemplate,
  MAX_TEMPLATE,
  type RenderOptions,
  templateDates,
} from "./chat-template.ts";
export {
  type ConstraintState,
  constrainLimits,
  type Form,
  recogniserOf,
  type SchemaPart,
  type Style as JsonStyle,
  styles as jsonStyles,
  TokenConstraint,
  TokenVocabulary,
  tokenConstraint,
} from "./constrain/index.ts";
export { textErrors } from "./errors.ts";
export { type GgufText, type GgufVocabulary, ggufMetadata, ggufTokenizer } from "./gguf.ts";
export { type LoadTokenizerOptions, loadTokenizer } from "./load.ts";
export * from "./normalise/index.ts";
export { defaultSpecialTokens, endToken } from "./part.ts";
export { MAX_TEXT } from "./pipeline.ts";
export { tokenizerStage, trainTexts } from "./stage.ts";
export { type TextTemplate, textTemplate } from "./text-template.ts";
export type { DecodeOptions, EncodeOptions, Encoding, Tokenizer, TokenStream } from "./tokenizer.ts";
export { type BpeOptions, type BpeTrainer, bpeTrainer, trainBpe } from "./train.ts";
