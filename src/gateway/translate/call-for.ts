/** The call to an upstream that speaks another API than OpenAI's, and its answer in OpenAI's words. */
import {
  anthropicReading,
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
  config.untranslated === "drop" && !ownWords(ask, config) ? (ask.native?.dropped ?? none) : none;

/** Errors: gateway/untranslated for what no chat can say, of which `untranslated: drop` leaves out what is not essential. */
export function refuseUntranslated({ native }: Ask, { untranslated }: UpstreamConfig): void {
  const refusal = untranslated === "drop" ? native?.essential : native?.refusal;
  if (refusal) throw refusal;
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
