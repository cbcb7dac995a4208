/**
 * The server of the same process behind the gateway's door, for addresses that the gateway does not have: who is it, may they, is there room,
 * then that server's own answer, as it is. So nothing of a server with a gateway is reached without a key, whichever contract a client speaks.
 */
import { mayAdminister } from "../admin/roles.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { receivedBytes } from "../http/ask.ts";
import type { Handle } from "../http/ask-model.ts";
import { admitted, allowed, reserved } from "../http/door.ts";
import { isRow } from "../streams/usage.ts";
import type { ServeHere } from "../upstreams/in-process.ts";
import { namedModel, ownAddress } from "./addresses.ts";
import { bytesPerToken, TokensWritten } from "./tokens-written.ts";

/** Of the answer, what the gateway or its socket writes anew. */
const ownHeaders = ["connection", "content-length", "keep-alive", "transfer-encoding", "x-request-id"];
/** Of the request: credentials are the gateway's, not the server's. */
const credentials = ["authorization", "x-api-key", "api-key", "cookie"];

/** Names of other contracts for what OpenAI's calls `max_tokens`. */
const mostTokens = ["max_tokens", "max_completion_tokens", "max_new_tokens", "num_predict", "max_output_tokens"];

type Body = Readonly<Record<string, unknown>>;

function parametersOf(body: Body): Record<string, number | string | boolean> {
  const found: Record<string, number | string | boolean> = {};
  for (const part of [body, body.options, body.parameters])
    if (isRow(part))
      for (const [key, value] of Object.entries(part))
        if (typeof value === "number" || typeof value === "boolean" || (typeof value === "string" && value.length <= 256))
          found[mostTokens.includes(key) ? "max_tokens" : key] = value;
  return found;
}

const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
};

/** Counts what goes through; `done` once, however it ends. */
function counted(body: ReadableStream<Uint8Array>, add: (piece: Uint8Array) => void, done: (isWhole: boolean) => void) {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value } = await reader.read();
        if (value) {
          add(value);
          return controller.enqueue(value);
        }
        done(true);
        controller.close();
      } catch (error) {
        done(false);
        controller.error(error);
      }
    },
    async cancel(reason) {
      done(false);
      await reader.cancel(reason);
    },
  });
}

/** The handler of what the gateway has no address for. Errors: those of the door, gateway/body, tooLarge. */
export const ownServer =
  (gateway: Gateway, serve: ServeHere): Handle =>
  async (request, exchange, end) => {
    gateway.checkRoom();
    const { control } = gateway;
    const identity = await admitted(control, request.headers, exchange);
    const url = new URL(request.url);
    const address = ownAddress(url.pathname, request.method);
    exchange.path = address.name;
    const bytes = request.body ? await receivedBytes(request) : undefined;
    const body = bytes && address.endpoint !== "files" ? jsonOf(bytes) : undefined;
    // what is not JSON here could still be read by the server: it must not go past what policies say of models
    if (bytes?.length && body === undefined && address.endpoint !== "files" && address.model === null)
      throw gatewayErrors.fail("body", {
        place: "body",
        expected: "JSON",
        received: "something else",
        hint: "Check the body that is sent.",
      });
    const given = isRow(body) ? body : {};
    const said = typeof given.model === "string" ? namedModel(given.model.slice(0, 256)) : { model: null, label: null };
    const { model, label } = address.model === null ? said : address;
    // only names that the configuration has go into logs and metrics
    const route = model === null ? undefined : gateway.config.routes.get(model);
    if (route) exchange.model = route.name;
    const parameters = parametersOf(given);
    allowed(control, identity, { endpoint: address.endpoint, model, label, parameters });
    if (address.endpoint === "admin") mayAdminister(control, identity, request.method === "GET" ? "look" : "change");
    const sizeBytes = bytes?.length ?? 0;
    const inputTokens = address.asksModel ? Math.ceil(sizeBytes / bytesPerToken) : 0;
    const wanted = parameters.max_tokens;
    const most = route?.maxOutputTokens ?? 0;
    const maxOutputTokens = !address.asksModel ? 0 : typeof wanted === "number" && wanted >= 0 ? Math.ceil(wanted) : most;
    exchange.inputTokens = inputTokens;
    const demand = { inputTokens, maxOutputTokens, bytes: sizeBytes };
    exchange.reservation = await reserved(control, gateway.metrics, { identity, model, ip: exchange.ip }, demand);
    exchange.target = "server";
    const headers = new Headers(request.headers);
    for (const name of credentials) headers.delete(name);
    headers.set("x-request-id", exchange.id);
    const response = await serve(
      new Request(url, {
        method: request.method,
        headers,
        body: (bytes ?? null) as Uint8Array<ArrayBuffer> | null,
        signal: request.signal,
      }),
    );
    exchange.firstMs = gateway.clock.monotonic() - exchange.startMs;
    const kept = new Headers(response.headers);
    for (const name of ownHeaders) kept.delete(name);
    const tokens = new TokensWritten(kept.get("content-type") ?? "");
    const isCounted = address.asksModel && response.ok;
    const over = (status: number) =>
      end({ status, usage: isCounted ? tokens.counted(inputTokens) : { inputTokens: 0, outputTokens: 0, cachedTokens: 0 } });
    const answer = { status: response.status, headers: { ...Object.fromEntries(kept), ...exchange.reservation.headers() } };
    if (!response.body) {
      over(response.status);
      return { ...answer, body: "" };
    }
    return {
      ...answer,
      body: counted(
        response.body,
        piece => {
          if (isCounted) tokens.add(piece);
        },
        isWhole => over(isWhole ? response.status : 499),
      ),
    };
  };
