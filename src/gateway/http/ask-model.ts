/**
 * A request for a model, from its first header to its answer: who is it, is it well formed, may they, is there room, to an upstream and back.
 * What stands between these steps (guards, a cache) has its one line here.
 */
import { nearest } from "../../base/index.ts";
import type { ModelRoute } from "../config/read-config.ts";
import type { Identity } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { pastGuards } from "../guards/door.ts";
import { RequestObjects } from "../owners/request-objects.ts";
import { wayOf } from "../routing/way.ts";
import { isToldIds } from "../translate/call-for.ts";
import type { ChatContract } from "../translate/contract.ts";
import { translated } from "../translate/translated.ts";
import { isLarge, nextTurn } from "../turns.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";
import type { Api } from "./apis.ts";
import { inputTokens, ModelAction, readAsk } from "./ask.ts";
import { admitted, allowed, reserved } from "./door.ts";
import type { Answer, End, Exchange } from "./exchange.ts";
import { type Forwarded, forward } from "./forward.ts";
import type { Asked } from "./node-request.ts";

/** What the socket's side tells, where there is one. */
export interface Peer {
  readonly outgoing?: {
    destroy(): void;
    once(event: "close", listener: () => void): void;
    readonly writableFinished: boolean;
    readonly destroyed?: boolean;
  };
  readonly incoming?: {
    readonly socket: { readonly remoteAddress?: string | undefined };
    readonly url?: string | undefined;
    readonly rawHeaders?: readonly string[];
  };
}

/** Answers one request. One whose end is held tells it by `end`, once, when its answer has ended. */
export type Handle<R extends Asked = Request> = (
  request: R,
  exchange: Exchange,
  end: (end: End) => void,
  peer: Peer | undefined,
) => Promise<Answer>;

/** Wished when the client's connection closes before its answer is whole. */
export function leaving(request: Asked, peer: Peer | undefined): Stop {
  const stop = new Stop();
  const gone = () => stop.stop(new UpstreamFailure("left", "the client left"));
  const outgoing = peer?.outgoing;
  if (outgoing?.destroyed) gone();
  else if (outgoing)
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) gone();
    });
  else if (!("signal" in request)) return stop;
  else if (request.signal.aborted) gone();
  else request.signal.addEventListener("abort", gone, { once: true });
  return stop;
}

/** Names of the models that the caller may use. */
export const visibleModels = (gateway: Gateway, identity: Identity): string[] =>
  [...gateway.config.routes.values()]
    .filter((r, i, all) => all.indexOf(r) === i && gateway.control.decide(identity, { endpoint: "models", model: r.name }).allowed)
    .map(r => r.name);

/** Errors: gateway/unknownModel. */
export function routeNamed(gateway: Gateway, identity: Identity, name: string): ModelRoute {
  const route = gateway.config.routes.get(name);
  if (route) return route;
  // only names that the caller may use are hinted at
  const near = nearest(name, visibleModels(gateway, identity));
  throw gatewayErrors.fail("unknownModel", {
    place: "model",
    message: `the model ${JSON.stringify(name)} does not exist here`,
    hint: near ? `Did you mean "${near}"?` : "GET /v1/models lists those that you may use.",
  });
}

/**
 * The handler of one address. Errors: gateway/unauthenticated, forbidden, unknownModel, limits' own answers, those of `readAsk` and `forward`.
 */
export const askModel =
  (gateway: Gateway, api: Api, contract?: ChatContract): Handle<Asked> =>
  async (request, exchange, end, peer) => {
    gateway.checkRoom();
    const { control, config } = gateway;
    const known = admitted(control, request.headers, exchange);
    const identity = known instanceof Promise ? await known : known;
    const read = readAsk(request, api, contract);
    const ask = read instanceof Promise ? await read : read;
    exchange.isStream = ask.isStream;
    exchange.trace?.asked(ask.body);
    const route = routeNamed(gateway, identity, ask.model);
    exchange.model = route.name;
    const dataClass = request.headers.get("x-loam-data-class");
    const action = new ModelAction(ask, contract ? "messages" : api.endpoint, route.name, dataClass);
    allowed(control, identity, action);
    const maxOutputTokens = api.maxOutputTokens(ask.body, route.maxOutputTokens);
    if (isLarge(ask.sizeBytes)) await nextTurn();
    exchange.inputTokens = inputTokens(ask, gateway.counter(route));
    if (isLarge(ask.sizeBytes)) await nextTurn();
    const demand = { inputTokens: exchange.inputTokens, maxOutputTokens, bytes: ask.sizeBytes };
    const asked = [route];
    for (const name of route.fallbacks) {
      const other = config.routes.get(name)!;
      if (control.decide(identity, action.of(other.name)).allowed) asked.push(other);
    }
    const objects = new RequestObjects(control, identity, ask);
    const having = objects.narrowed(asked, config.upstreams, upstream => isToldIds(ask, upstream));
    const { routes, priceNames, standing } = wayOf(having, config.priorities, {
      headers: request.headers,
      identity,
      endpoint: action.endpoint,
      model: route.name,
      body: ask.body,
      inputTokens: exchange.inputTokens,
      isStream: ask.isStream,
    });
    const room = reserved(control, gateway.metrics, { identity, model: route.name, priceNames, ip: exchange.ip }, demand);
    exchange.reservation = room instanceof Promise ? await room : room;
    const { runtime } = gateway;
    runtime.enter();
    let isLeft = false;
    const leave = () => {
      if (isLeft) return;
      isLeft = true;
      runtime.leave();
    };
    try {
      const stop = leaving(request, peer);
      const hangUp = peer?.outgoing ? () => peer.outgoing?.destroy() : undefined;
      // before the cache: what it keeps holds placeholders and was not looked at; each answer passes the guards of who gets it
      const past =
        route.guards.length === 0
          ? undefined
          : await pastGuards(gateway, { route, ask, exchange, identity, endpoint: action.endpoint, stop, hangUp, end });
      const forwarded: Forwarded = {
        ask: past?.ask ?? ask,
        routes,
        standing,
        maxOutputTokens,
        runtime,
        exchange,
        headers: request.headers,
        objects,
        stop,
        hangUp,
        cutters: gateway.cutters,
        shadows: gateway.shadows,
        clock: gateway.clock,
        onEnd: how => {
          if (route.strategy === "cost" && how.usage) runtime.memory(route.name).answered(how.usage.outputTokens);
          leave();
          (past?.onEnd ?? end)(how);
        },
      };
      const { cache } = gateway;
      const answer = await (cache ? cache.answer(forwarded, { endpoint: action.endpoint, dataClass }, forward) : forward(forwarded));
      const seen = past ? await past.answer(answer) : answer;
      // what guards looked at is not given in the upstream's own words, which they did not see
      return contract ? translated(seen, contract, past?.looks ? undefined : ask.native?.passage) : seen;
    } catch (error) {
      leave();
      throw error;
    }
  };
