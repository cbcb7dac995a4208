/**
 * A model of the gateway asked by the gateway itself (the cache for vectors, guards for their judgement): with its targets, retries and breakers as any model is,
 * past guards and cache, and charged to nobody.
 */
import type { Endpoint } from "../endpoints.ts";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import { apis } from "../http/apis.ts";
import { askOf } from "../http/ask.ts";
import type { GatewayExchange } from "../http/exchange.ts";
import { readMembers } from "../http/members.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";
import { relay } from "./steps/relay.ts";
import { route } from "./steps/route.ts";

interface InnerAsk {
  readonly endpoint: Endpoint;
  /** With `model`, a public name. */
  readonly body: Readonly<Record<string, unknown>> & { readonly model: string };
  readonly timeoutMs: number;
  /** In the log's place of the address. */
  readonly by: string;
  /** Ends with the request that it is asked for. */
  readonly follows: boolean;
}

/** The text of its answer; undefined where the gateway has no such model. Errors: what ends the request. */
export async function innerRequest(
  asking: AdmittedRequest,
  { endpoint, body, timeoutMs, by, follows }: InnerAsk,
): Promise<string | undefined> {
  const { runtime, clock } = asking;
  const found = runtime.config.routes.get(body.model);
  const api = apis.find(a => a.endpoint === endpoint);
  if (!found || !api) return undefined;
  const text = JSON.stringify(body);
  const stop = new Stop();
  const follow = (reason: UpstreamFailure) => stop.stop(reason);
  if (follows) asking.stop.add(follow);
  const timer = setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `no answer after ${timeoutMs} ms`)), timeoutMs);
  const exchange: GatewayExchange = {
    id: asking.exchange.id,
    startMs: clock.monotonic(),
    method: "POST",
    path: by,
    ip: null,
    isStream: false,
    inputTokens: 0,
    attempts: [],
    resumed: 0,
    isOver: false,
  };
  try {
    const asked: AdmittedRequest = {
      ...asking,
      ask: askOf(api, text, readMembers(text), body, Buffer.byteLength(text)),
      routes: [found],
      exchange,
      headers: new Headers(),
      stop,
      hangUp: undefined,
      end: () => {},
    };
    const answer = await relay({ ...asked, ...route(asked) });
    return typeof answer.body === "string" ? answer.body : undefined;
  } finally {
    clearTimeout(timer);
    if (follows) asking.stop.delete(follow);
  }
}
