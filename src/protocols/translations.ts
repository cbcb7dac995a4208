/** What of OpenAI's API can be put to an upstream of another protocol. A protocol is a row, an address of the API that it can answer is an entry. */
import { chatToMessages } from "./anthropic/chat-to-messages.ts";
import { completionToInference, embeddingToInference } from "./inference.ts";
import { chatToOllama, completionToOllama, embeddingToOllama } from "./ollama/openai-to-ollama.ts";
import { responsesToChat } from "./openai/responses-to-chat.ts";
import type { ProtocolName } from "./part.ts";
import { completionToTensorflow, embeddingToTensorflow, moderationToTensorflow } from "./tensorflow.ts";
import { composeTranslations, type Translation } from "./translation.ts";

/** Endpoints of OpenAI's API, as policies call them. */
export type TranslatedEndpoint = "chat" | "completions" | "responses" | "embeddings" | "moderations";

export const translations: {
  readonly [P in ProtocolName]: { readonly [E in TranslatedEndpoint]?: Translation };
} = {
  /** A server that knows only chats. */
  openai: { responses: responsesToChat },
  anthropic: { chat: chatToMessages, responses: composeTranslations(responsesToChat, chatToMessages) },
  ollama: {
    chat: chatToOllama,
    completions: completionToOllama,
    embeddings: embeddingToOllama,
    responses: composeTranslations(responsesToChat, chatToOllama),
  },
  tensorflow: { completions: completionToTensorflow, embeddings: embeddingToTensorflow, moderations: moderationToTensorflow },
  inference: { completions: completionToInference, embeddings: embeddingToInference },
};
