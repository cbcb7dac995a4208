/** What a target is told: the client's request with what differs there; and the copy that goes to a model's shadow. */
import { defined } from "../../base/index.ts";
import { isRow } from "../../protocols/index.ts";
import type { AttemptsOptions } from "../routing/attempts.ts";
import { mayAskTwice } from "../routing/may-ask-twice.ts";
import type { ClientAnswer } from "../routing/shadow.ts";
import { callersHeaders } from "../tracing/tracing.ts";
import { callFor, isToldIds, ownWords, reasoningChanges, refuseUntranslated } from "../translate/call-for.ts";
import { translationOf } from "../translate/translation-of.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import type { AdmittedRequest } from "./admitted-request.ts";
import type { Ask } from "./ask.ts";
import { toldOutputTokens } from "./charged.ts";
import { withMembers } from "./members.ts";

/** Headers of the client's that an upstream is told, because they change an answer. */
const idempotencyKey = "idempotency-key";
const passedOn = ["openai-beta", idempotencyKey];

/** Further ones, to an upstream that is told the request in the client's own words. */
const ownPassedOn = ["anthropic-beta", "anthropic-version"];

function headersFor({ headers, exchange, ask, objects }: AdmittedRequest, config: UpstreamConfig): Record<string, string> {
  const sent: Record<string, string> = {
    "content-type": "application/json",
    accept: ask.isStream ? "text/event-stream" : "application/json",
    "x-request-id": exchange.id,
  };
  for (const name of passedOn) {
    const value = headers.get(name);
    if (value !== null) sent[name] = name === idempotencyKey ? objects.idempotencyKey(value) : value;
  }
  Object.assign(sent, config.headers, objects.headersFor(config));
  if (ask.native && ownWords(ask, config))
    for (const name of ownPassedOn) {
      const value = headers.get(name);
      if (value !== null) sent[name] = value;
    }
  return sent;
}

const bases = new WeakMap<URL, string>();

/** An upstream's own path, without the last slash. */
function base(url: URL): string {
  const known = bases.get(url);
  if (known !== undefined) return known;
  const made = url.pathname.replace(/\/+$/, "");
  bases.set(url, made);
  return made;
}

/** Whether the upstream is asked for counts that the client did not ask for. */
export const asksUsage = ({ api, isStream, wantsUsage }: Ask): boolean =>
  isStream && !wantsUsage && (api.streamed === "chat" || api.streamed === "completions");

const changedText = ({ text, members }: Ask, changes: Readonly<Record<string, unknown>>): string =>
  Object.keys(changes).length === 0 ? text : withMembers(text, members, changes);

/** A chat without the member that keeps what no chat can say. */
const withoutUntranslated = ({ untranslated: _, ...chat }: Readonly<Record<string, unknown>>): string => JSON.stringify(chat);

/** The call for a target: the client's request, with what differs there. */
export function requestFor(f: AdmittedRequest): AttemptsOptions["request"] {
  const { ask, routes, exchange, objects } = f;
  const [route] = routes;
  const told = toldOutputTokens(f);
  return (target, upstream, resumption) => {
    const { config } = upstream;
    const changes: Record<string, unknown> = {};
    if (told !== undefined) changes[ask.api.streamed === "responses" ? "max_output_tokens" : "max_tokens"] = told;
    const model = ask.label === null ? target.model : `${target.model}@${ask.label}`;
    if (model !== ask.body.model) changes.model = model;
    if (asksUsage(ask) && config.asksUsage)
      changes.stream_options = { ...(isRow(ask.body.stream_options) ? ask.body.stream_options : {}), include_usage: true };
    if (resumption) Object.assign(changes, resumption.bodyFor(config.continuation));
    if (told !== undefined && config.outputLimit !== "max_tokens" && changes.max_tokens !== undefined) {
      changes[config.outputLimit] = changes.max_tokens;
      delete changes.max_tokens;
    }
    const salt = objects.cacheSalt(config, ask);
    if (salt !== undefined) changes.cache_salt = salt;
    const headers = headersFor(f, config);
    const { trace } = exchange;
    Object.assign(
      headers,
      trace ? trace.attempt({ target: target.id, upstream: target.upstream, model, url: config.url }) : callersHeaders(f.headers),
    );
    const opened = isToldIds(ask, config) ? objects.openedFor(target.upstream, config, ask) : { changes: {} };
    Object.assign(changes, opened.changes);
    Object.assign(changes, reasoningChanges(ask, config, changes.messages ?? ask.body.messages));
    const translation = translationOf(config, ask.api);
    if (translation) {
      const call = callFor({
        ask: opened.native ? { ...ask, native: opened.native } : ask,
        config,
        translation,
        headers,
        model,
        body: { ...ask.body, ...changes },
        isResumed: resumption !== undefined,
        maxOutputTokens: route!.maxOutputTokens,
        inputTokens: exchange.inputTokens,
        nowMs: f.clock.now(),
      });
      const seal = ownWords(ask, config) && objects.sealedFrom(target.upstream, config, ask, true);
      const { translate = reply => reply } = call;
      return seal ? { ...call, translate: reply => translate(seal(reply)) } : call;
    }
    refuseUntranslated(ask, config);
    const body = ask.native?.refusal ? withoutUntranslated({ ...ask.body, ...changes }) : changedText(ask, changes);
    const translate = objects.sealedFrom(target.upstream, config, ask);
    return { method: "POST", path: `${base(config.url)}${ask.api.path}`, headers, body, ...defined({ translate }) };
  };
}

/** A copy to the model's shadow, where one goes. */
export function shadowCopy(f: AdmittedRequest): ((answer: ClientAnswer | undefined) => void) | undefined {
  const { routes, runtime, headers, shadows } = f;
  const { native, ...ask } = f.ask;
  // it is no attempt of the request's trace
  const { trace: _trace, ...exchange } = f.exchange;
  // what no chat can say is for the server that was meant alone
  if (native?.refusal) return undefined;
  // what one server keeps no other has
  if (f.objects.namesObjects) return undefined;
  // a key of the client's makes two requests one: the copy goes without
  if (!mayAskTwice(ask, { get: name => (name === idempotencyKey ? null : headers.get(name)) })) return undefined;
  const request = requestFor({ ...f, ask, exchange });
  return shadows.copy({
    id: exchange.id,
    ask,
    route: routes[0]!,
    user: ask.user ?? exchange.identity?.subject,
    key: exchange.identity?.keyId,
    runtime,
    request: (target, upstream) => {
      const call = request(target, upstream, undefined);
      const { [idempotencyKey]: _key, ...own } = call.headers;
      return { ...call, headers: own };
    },
  });
}
