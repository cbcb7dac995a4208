/**
 * What upstreams speak: how each is addressed and shown its key, and what of OpenAI's API can be put to it. A protocol is a row, an address of the
 * API that it can answer is an entry.
 */
import type { Api } from "../http/apis.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import type { ProtocolName } from "../upstreams/protocol.ts";
import { completionToInference, embeddingToInference } from "./inference.ts";
import { completionToTensorflow, embeddingToTensorflow, moderationToTensorflow } from "./tensorflow.ts";
import { chatToMessages } from "./to-anthropic.ts";
import { responsesToChat } from "./to-chat.ts";
import { chatToOllama, completionToOllama, embeddingToOllama } from "./to-ollama.ts";
import { type Translation, through } from "./translation.ts";
import { untranslated } from "./words.ts";

type Translations = { readonly [E in Api["endpoint"]]?: Translation };

const translations: { readonly [P in Exclude<ProtocolName, "openai">]: Translations } = {
  anthropic: { chat: chatToMessages, responses: through(responsesToChat, chatToMessages) },
  ollama: {
    chat: chatToOllama,
    completions: completionToOllama,
    embeddings: embeddingToOllama,
    responses: through(responsesToChat, chatToOllama),
  },
  tensorflow: { completions: completionToTensorflow, embeddings: embeddingToTensorflow, moderations: moderationToTensorflow },
  inference: { completions: completionToInference, embeddings: embeddingToInference },
};

/** How a request to `api` is put to the upstream; undefined where it goes as it came. Errors: gateway/untranslated where it cannot. */
export function translationOf({ protocol, responses }: UpstreamConfig, api: Api): Translation | undefined {
  if (protocol === "openai") return responses === "chat" && api.endpoint === "responses" ? responsesToChat : undefined;
  const found = translations[protocol][api.endpoint];
  if (found) return found;
  const can = Object.keys(translations[protocol]).join(", ");
  throw untranslated(`/v1${api.path}`, `a request for ${api.endpoint}`, `Its server can be asked for ${can}.`);
}
