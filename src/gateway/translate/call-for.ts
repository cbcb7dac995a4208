/** The call to an upstream that speaks another API than OpenAI's, and its answer in OpenAI's words. */
import {
  anthropicReading,
  isRow,
  type Row,
  type TranslatedRequest,
  type Translation,
  type TranslationRequest,
  upstreamProtocols,
} from "../../protocols/index.ts";
import type { Ask } from "../http/ask.ts";
import { withMembers } from "../http/members.ts";
import type { Request } from "../routing/attempts.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import { withGatewayErrors } from "./gateway-faults.ts";
import { translatedReply } from "./translated-reply.ts";

/** What the client sent, in the upstream's own words; undefined where they are not, or where something changed it on the way. */
export const ownWords = ({ native, body }: Ask, { protocol }: UpstreamConfig) =>
  native !== undefined && native.protocol === protocol && native.chat === body ? native : undefined;

/** Whether the upstream is told the ids of stored objects that a request names: translations leave them out, or refuse them. */
export const isToldIds = (ask: Ask, config: UpstreamConfig): boolean =>
  ownWords(ask, config) !== undefined ||
  (config.protocol === "openai" && !(config.responses === "chat" && ask.api.endpoint === "responses"));

const none: readonly string[] = [];

/** Names of the fields that the upstream is not told because its `untranslated` is `drop`. */
export const droppedFor = (ask: Ask, config: UpstreamConfig): readonly string[] =>
  config.untranslated === "drop" && !ownWords(ask, config) ? (refusedOf(ask, config)?.dropped ?? none) : none;

/** What of the client's own words the upstream cannot be told. */
const refusedOf = ({ native, reasoned }: Ask, { reasoning }: UpstreamConfig) =>
  native && reasoned && reasoning === "vllm" ? { ...native, refusal: reasoned.refusal, dropped: reasoned.dropped } : native;

/** Errors: gateway/untranslated for what no chat can say, of which `untranslated: drop` leaves out what is not essential. */
export function refuseUntranslated(ask: Ask, config: UpstreamConfig): void {
  const refused = refusedOf(ask, config);
  const refusal = config.untranslated === "drop" ? refused?.essential : refused?.refusal;
  if (refusal) throw refusal;
}

const isThought = (message: unknown): message is Row => isRow(message) && message.reasoning_content !== undefined;

/**
 * Members that an upstream's chat has for a request in another API's words: parameters of reasoning, or `messages` without the reasoning of earlier
 * turns where the upstream does not read it. Errors: gateway/parameter.
 */
export function reasoningChanges({ reasoned }: Ask, { reasoning }: UpstreamConfig, messages: unknown): Row {
  if (!reasoned) return {};
  if (reasoning === "vllm") return reasoned.fields();
  if (!Array.isArray(messages) || !messages.some(isThought)) return {};
  return {
    messages: messages.map((m: unknown) => {
      if (!isThought(m)) return m;
      const { reasoning_content: _, ...told } = m;
      return told;
    }),
  };
}

interface Put {
  readonly ask: Ask;
  readonly config: UpstreamConfig;
  readonly translation: Translation;
  /** OpenAI's body with what is changed for this upstream. */
  readonly body: Row;
  readonly model: string;
  /** The answer goes on with one that broke off. */
  readonly isResumed: boolean;
  readonly maxOutputTokens: number;
  readonly inputTokens: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Errors: gateway/untranslated. */
export function callFor({ ask, config, translation, isResumed, nowMs, headers, ...given }: Put): Request {
  const { isStream, api } = ask;
  const asked: TranslationRequest = {
    ...given,
    isStream,
    now: Math.floor(nowMs / 1000),
    isLenient: config.untranslated === "drop",
    asksUsage: config.asksUsage,
    tensors: config.tensors,
  };
  const native = isResumed ? undefined : ownWords(ask, config);
  if (!native) refuseUntranslated(ask, config);
  const told: TranslatedRequest = native
    ? { path: native.path, body: {}, read: anthropicReading(asked), passage: native.passage }
    : withGatewayErrors(() => translation(asked));
  return {
    method: "POST",
    path: `${upstreamProtocols[config.protocol].root(config.url.pathname.replace(/\/+$/, ""))}${told.path}`,
    headers,
    body: native ? withMembers(native.text, native.members, { model: given.model }) : JSON.stringify(told.body),
    translate: reply => translatedReply(reply, told, isStream, api.streamed),
  };
}
