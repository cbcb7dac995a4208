/**
 * The gateway as an application without sockets: each address with the pipeline of its requests. A request id, errors in the client's form and the
 * headers of all answers are `answer-request.ts`.
 */
import { Hono } from "hono";
import { pathFault } from "../../base/index.ts";
import { loginPaths } from "../../session/index.ts";
import { adminPages } from "../admin/pages.ts";
import { passThroughOf } from "../passthrough/places.ts";
import type { Peer } from "../pipeline/client-connection.ts";
import * as pipelines from "../pipeline/pipelines.ts";
import type { GatewayPorts } from "../ports.ts";
import { messages } from "../translate/messages.ts";
import { decoded } from "../transport/decoded.ts";
import { type Address, answerRequest, type Written } from "./answer-request.ts";
import { countAddress, type ModelAddress, type ModelFields, modelAddresses } from "./model-addresses.ts";
import { isAnthropics } from "./model-card.ts";
import type { AnyRequest } from "./node-request.ts";

export type AppFetch = (request: Request, peer?: Peer) => Promise<Response>;

/** Addresses that are llama.cpp's own as well, whose bodies name no model: a server behind the gateway tells them apart, and asks for what they are. */
const twoFormed: ReadonlySet<string> = new Set(["/completions", "/embeddings"]);

type AnswerAt = (request: Request, peer?: Peer) => Promise<Response>;
type ByMethod = Readonly<Record<string, AnswerAt>>;

function responseOf({ status, headers: list, body }: Written): Response {
  const headers = new Headers();
  for (let i = 0; i < list.length; i += 2) headers.set(list[i]!, list[i + 1]!);
  return new Response(status === 204 || status === 205 || status === 304 ? null : body, { status, headers });
}

const modelAddress = (
  { path, api, contract }: ModelAddress,
  of: Address<AnyRequest, ModelFields>["pipeline"],
): Address<AnyRequest, ModelFields> => ({
  path,
  pipeline: of,
  fields: { api, contract },
  contract,
});

/** The addresses of requests for a model, which Node's own requests may come to as well. */
export const directAddresses: ReadonlyMap<string, Address<AnyRequest, ModelFields>> = new Map(
  [...modelAddresses.map(a => modelAddress(a, pipelines.modelPipeline)), modelAddress(countAddress, pipelines.countPipeline)].map(a => [
    a.path,
    a,
  ]),
);

/** The gateway's own addresses below `/v1` beside those of requests for a model. Errors are in the form that its client reads. */
function modelPages(gateway: GatewayPorts, own: AnswerAt | undefined): { readonly list: AnswerAt; readonly one: AnswerAt } {
  const at =
    (path: string, of: Address["pipeline"]): AnswerAt =>
    async (request, peer) =>
      responseOf(
        await answerRequest(
          gateway,
          { path, pipeline: of, fields: {}, contract: isAnthropics(request) ? messages : undefined },
          request,
          peer,
        ),
      );
  const one = at("/v1/models/:model", pipelines.modelPagePipeline);
  // a name with a version or a label is the server's behind the gateway, where policies see it too, unless the gateway has a model of that name
  const isServers = ({ url }: Request) => {
    const name = decoded(new URL(url).pathname.slice("/v1/models/".length));
    return name.includes("@") && !gateway.config.routes.has(name);
  };
  return {
    list: at("/v1/models", pipelines.modelsPipeline),
    one: own ? (request, peer) => (isServers(request) ? own : one)(request, peer) : one,
  };
}

/** Answers of an address to each method; a server behind the gateway has methods that the gateway has not. */
function byMethod(answers: ByMethod, otherwise: AnswerAt | undefined, refuse: AnswerAt, allow: string): AnswerAt {
  const all = new Map(Object.entries(answers));
  if (answers.GET) all.set("HEAD", answers.GET);
  return async (request, peer) => {
    const answer = all.get(request.method) ?? otherwise;
    if (answer) return answer(request, peer);
    const response = await refuse(request, peer);
    response.headers.set("allow", allow);
    return response;
  };
}

export function createGatewayApp(gateway: GatewayPorts): AppFetch {
  const at =
    (path: string, of: Address["pipeline"]): AnswerAt =>
    async (request, peer) =>
      responseOf(await answerRequest(gateway, { path, pipeline: of, fields: {} }, request, peer));
  const app = new Hono<{ Bindings: Peer }>();
  const own = gateway.server && at("server", pipelines.serverPipeline);
  const on = (path: string, answers: ByMethod, pattern = path) => {
    const allow = Object.keys(answers).join(", ").replace("GET", "GET, HEAD");
    const answer = byMethod(answers, own, at(path, pipelines.wrongMethodPipeline(allow)), allow);
    // one handler an address: Hono then calls it without a chain
    app.all(pattern, c => answer(c.req.raw, c.env));
  };
  const models = new Map(
    [...directAddresses].map(([path, address]): [string, AnswerAt] => [
      path,
      async (request, peer) => responseOf(await answerRequest(gateway, address, request, peer)),
    ]),
  );
  const { list, one } = modelPages(gateway, own);
  for (const [path, answer] of models) on(path, { POST: answer });
  on("/v1/models", { GET: list });
  on("/v1/models/:model", { GET: one }, own ? "/v1/models/:model{[^/:]+}" : "/v1/models/:model{.+}");
  operations(gateway, at, on);
  // a server behind the gateway keeps it by itself
  if (gateway.feedback && !own) {
    on("/v1/feedback", { POST: at("/v1/feedback", pipelines.giveFeedbackPipeline) });
    const [path, pattern] = ["/v1/feedback/:id", "/v1/feedback/:id{[^/]+}"];
    on(path, { GET: at(path, pipelines.listFeedbackPipeline), DELETE: at(path, pipelines.removeFeedbackPipeline) }, pattern);
  }
  // sessions of browsers answer every method of theirs
  for (const path of gateway.login ? loginPaths : []) {
    const answer = at(path, pipelines.loginPipeline);
    app.all(path, c => answer(c.req.raw, c.env));
  }
  for (const path of gateway.page?.keys() ?? []) on(path, { GET: at("page", pipelines.pagePipeline) });
  const through = at("passThrough", pipelines.passThroughPipeline);
  const nowhere = at("unknown", pipelines.unknownAddressPipeline);
  const isPassed = ({ url }: Request): boolean =>
    gateway.config.passThrough.length > 0 && passThroughOf(gateway.config.passThrough, new URL(url).pathname) !== undefined;
  /** The same without `/v1`, as clients ask that were written for a server without it; the server's own where it reads other bodies there too. */
  const bare = ({ method, url }: Request): AnswerAt | undefined => {
    const { pathname } = new URL(url);
    if (own && twoFormed.has(pathname)) return undefined;
    const model = method === "POST" ? models.get(`/v1${pathname}`) : undefined;
    if (model) return model;
    if (method !== "GET" && method !== "HEAD") return undefined;
    return pathname === "/models" ? list : pathname.startsWith("/models/") ? one : undefined;
  };
  app.notFound(c => (isPassed(c.req.raw) ? through : (bare(c.req.raw) ?? own ?? nowhere))(c.req.raw, c.env));
  const crooked = at("unknown", pipelines.wrongPathPipeline);
  return async (request, peer) =>
    pathFault(new URL(request.url).pathname) === undefined ? app.fetch(request, peer ?? {}) : crooked(request, peer);
}

/** Addresses for those who operate the gateway: probes, metrics, administration. */
function operations(
  gateway: GatewayPorts,
  at: (path: string, of: Address["pipeline"]) => AnswerAt,
  on: (path: string, answers: ByMethod) => void,
): void {
  on("/healthz", { GET: at("/healthz", pipelines.livenessPipeline) });
  for (const path of ["/readyz", "/health"]) on(path, { GET: at(path, pipelines.readinessPipeline) });
  on("/metrics", { GET: at("/metrics", pipelines.metricsPipeline) });
  for (const { path, methods } of adminPages)
    on(path, Object.fromEntries(Object.entries(methods).map(([m, how]) => [m, at(path, pipelines.adminPipeline(path, how))])));
  if (gateway.page && !gateway.login) on("/api/session", { GET: at("/api/session", pipelines.sessionPipeline) });
}
