/**
 * The register: every request of generated text, vectors, tokens and jobs with its table of fields. A new field of a client's API is a row here.
 * Complete for OpenAI's SDK 3.57, vLLM 0.33, llama.cpp as of llama-cpp-python 0.3.36, Ollama's client 0.6.3, text-generation 0.7 and Anthropic's SDK 2.14.
 */
import { countTokensFields, messagesFields } from "./anthropic-messages.ts";
import { cohereEmbedFields } from "./cohere-embed.ts";
import { feedbackFields } from "./feedback.ts";
import type { RequestFields } from "./field.ts";
import { fineTuningFields } from "./fine-tuning.ts";
import { generateFields, inferFields } from "./inference.ts";
import { applyTemplateFields, infillFields, nativeCompletionFields, nativeEmbeddingFields, nativeTokenizeFields } from "./llama-cpp.ts";
import { ollamaChatFields, ollamaEmbeddingsFields, ollamaEmbedFields, ollamaGenerateFields } from "./ollama.ts";
import { chatFields } from "./openai-chat.ts";
import { completionsFields } from "./openai-completions.ts";
import { embeddingsFields, poolingFields } from "./openai-embeddings.ts";
import { moderationsFields } from "./openai-moderations.ts";
import { responsesFields } from "./openai-responses.ts";
import { rerankFields, teiRerankFields } from "./rerank.ts";
import { compareFields, scoreFields } from "./score.ts";
import { tgiFields } from "./tgi.ts";
import { detokenizeFields, tokenizeFields } from "./tokenize.ts";

export const requestFields = {
  chat: chatFields,
  completions: completionsFields,
  responses: responsesFields,
  embeddings: embeddingsFields,
  moderations: moderationsFields,
  pooling: poolingFields,
  cohereEmbed: cohereEmbedFields,
  rerank: rerankFields,
  teiRerank: teiRerankFields,
  score: scoreFields,
  compare: compareFields,
  feedback: feedbackFields,
  tokenize: tokenizeFields,
  detokenize: detokenizeFields,
  messages: messagesFields,
  countTokens: countTokensFields,
  ollamaGenerate: ollamaGenerateFields,
  ollamaChat: ollamaChatFields,
  ollamaEmbed: ollamaEmbedFields,
  ollamaEmbeddings: ollamaEmbeddingsFields,
  nativeCompletion: nativeCompletionFields,
  infill: infillFields,
  nativeEmbedding: nativeEmbeddingFields,
  nativeTokenize: nativeTokenizeFields,
  applyTemplate: applyTemplateFields,
  tgi: tgiFields,
  infer: inferFields,
  generate: generateFields,
  fineTuning: fineTuningFields,
} as const satisfies Readonly<Record<string, RequestFields>>;
