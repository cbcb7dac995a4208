/** What is around every request, whichever way it came: a request id, errors in the client's form, headers of all answers, one record. */
import { isLoamError } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Peer } from "../pipeline/client-connection.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Arrival } from "../pipeline/step.ts";
import type { GatewayPorts } from "../ports.ts";
import { isTraced } from "../tracing/tracing.ts";
import type { ChatContract } from "../translate/contract.ts";
import type { Answer, End, GatewayExchange } from "./exchange.ts";
import { gatewayBounds } from "./limits.ts";
import type { AnyRequest, HeaderReader } from "./node-request.ts";
import { gatewayWireError } from "./wire-error.ts";

/** An address, and what becomes of requests that come to it. `F`: what the address itself says of them. */
export interface Address<R extends AnyRequest = Request, F extends object = object> {
  /** The route's pattern. */
  readonly path: string;
  readonly pipeline: Pipeline<Arrival & { readonly request: R } & F>;
  readonly fields: F;
  /** In whose words errors are said; OpenAI's when absent. */
  readonly contract?: ChatContract | undefined;
}

const requestIdPattern = new RegExp(`^[\\w.:-]{1,${gatewayBounds.requestIdCharacters}}$`);
const methods: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

let count = 0;
const begun = Math.floor(Math.random() * 36 ** 6).toString(36);
const newId = (): string => `req_${begun}${(count++).toString(36)}`;

/** Some proxies write the port too, which would make every connection another client. */
const withoutPort = (hop: string): string => /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;

/** Of the client: the outermost proxy that is ours wrote where it came from. */
function addressOf(headers: HeaderReader, peer: Peer | undefined, trustedProxies: number): string | null {
  const own = peer?.incoming?.socket.remoteAddress ?? null;
  if (trustedProxies === 0) return own;
  const hops = (headers.get("x-forwarded-for") ?? "").split(",").map(h => h.trim());
  return withoutPort(hops.at(-trustedProxies) ?? "") || own;
}

function exchangeOf(gateway: GatewayPorts, { method, headers }: AnyRequest, peer: Peer | undefined, path: string): GatewayExchange {
  const own = headers.get("x-request-id");
  return {
    id: own !== null && requestIdPattern.test(own) ? own : newId(),
    startMs: gateway.clock.monotonic(),
    method: methods.includes(method) ? method : "other",
    path,
    ip: addressOf(headers, peer, gateway.config.listen.trustedProxies),
    isStream: false,
    inputTokens: 0,
    attempts: [],
    resumed: 0,
    isOver: false,
    certificate: gateway.certificateOf && peer?.incoming ? gateway.certificateOf(peer.incoming.socket) : undefined,
  };
}

/** An answer as it is written. */
export interface Written {
  readonly status: number;
  /** Name and value in turn; of two of one name the last counts. */
  readonly headers: string[];
  readonly body: Answer["body"];
}

/** Gives the end of a request on to whoever counts it: at once, or when its answer has been written. */
export type Ending = (end: (end: End) => void) => (end: End) => void;

/** Answered while the gateway drains, too. */
const probes: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/health"]);

/** The answer in all cases: an error of a step is one too. */
export async function answerRequest<R extends AnyRequest, F extends object>(
  gateway: GatewayPorts,
  { path, pipeline, fields, contract }: Address<R, F>,
  request: R,
  peer: Peer | undefined,
  ending?: Ending,
): Promise<Written> {
  const exchange = exchangeOf(gateway, request, peer, path);
  const counted = gateway.begin(exchange, pipeline.settle);
  const end = ending ? ending(counted) : counted;
  const { config } = gateway;
  const { headers: given } = request;
  if (gateway.tracing && isTraced(request)) exchange.trace = gateway.tracing.request({ ...exchange, headers: given });
  let answer: Answer;
  try {
    if (gateway.isDraining && !probes.has(path))
      throw gatewayErrors.fail("draining", { message: "the gateway is shutting down", hint: "Try again; another one answers." });
    answer = await pipeline.run({ gateway, config, request, headers: given, peer, exchange, end, ...fields });
  } catch (error) {
    const wire = gatewayWireError(error, exchange.id);
    if (wire.ours === "gateway/internal") gateway.onFailure(error, exchange.id);
    if (exchange.detail === undefined && isLoamError(error) && error.cause instanceof Error) exchange.detail = error.cause.message;
    end({ status: wire.status, error: wire.ours });
    answer = {
      status: wire.status,
      body: contract ? contract.error(wire) : wire.body,
      headers: { "content-type": "application/json", ...wire.headers },
    };
  }
  const { status, headers: own, more, body } = answer;
  const headers: string[] = [];
  for (const name in own) headers.push(name, own[name]!);
  if (more) for (const word of more) headers.push(word);
  headers.push("x-content-type-options", "nosniff", "referrer-policy", "no-referrer", "x-request-id", exchange.id);
  if (exchange.guards?.acted) headers.push("x-loam-guard", exchange.guards.acted);
  if (exchange.guards?.appeal) headers.push("x-loam-appeal", exchange.guards.appeal);
  if (gateway.isLeaving) headers.push("connection", "close");
  return { status, headers, body };
}
