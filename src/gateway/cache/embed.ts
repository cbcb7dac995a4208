/** A question's vector from an embedding model of the same gateway: asked as any model is, with its targets, retries and breakers, and charged to nobody. */

import { isRow } from "../../protocols/index.ts";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import { apis } from "../http/apis.ts";
import { askOf } from "../http/ask.ts";
import type { GatewayExchange } from "../http/exchange.ts";
import { readMembers } from "../http/members.ts";
import { relay } from "../pipeline/steps/relay.ts";
import { route } from "../pipeline/steps/route.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";
import type { Embed } from "./meaning.ts";
import { unit } from "./semantic.ts";

const api = apis.find(a => a.endpoint === "embeddings")!;

/** Numbers of one vector; no model has more. */
const mostDimensions = 16_384;

/** The vector of an embeddings answer, of length 1. */
function vectorOf(text: string): Float32Array | undefined {
  const value: unknown = JSON.parse(text);
  const first: unknown = isRow(value) && Array.isArray(value.data) ? value.data[0] : undefined;
  const numbers = isRow(first) ? first.embedding : undefined;
  if (!Array.isArray(numbers) || numbers.length === 0 || numbers.length > mostDimensions) return undefined;
  return numbers.every(n => typeof n === "number") ? unit(numbers) : undefined;
}

/** `model`: public name. Any failure, and one that takes longer than `timeoutMs`, is undefined. */
export function embedder(model: string, timeoutMs: number): Embed {
  return async (input, asking) => {
    const { runtime, clock } = asking;
    const found = runtime.config.routes.get(model);
    if (!found) return undefined;
    const text = JSON.stringify({ model, input });
    const stop = new Stop();
    const follow = (reason: UpstreamFailure) => stop.stop(reason);
    asking.stop.add(follow);
    const timer = setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `no embedding after ${timeoutMs} ms`)), timeoutMs);
    const exchange: GatewayExchange = {
      id: asking.exchange.id,
      startMs: clock.monotonic(),
      method: "POST",
      path: "cache",
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
        ask: askOf(api, text, readMembers(text), { model, input }, Buffer.byteLength(text)),
        routes: [found],
        exchange,
        headers: new Headers(),
        stop,
        hangUp: undefined,
        end: () => {},
      };
      const { body } = await relay({ ...asked, ...route(asked) });
      return typeof body === "string" ? vectorOf(body) : undefined;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
      asking.stop.delete(follow);
    }
  };
}
