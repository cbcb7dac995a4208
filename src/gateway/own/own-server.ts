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
import { bodyParameters, parametersIn } from "../policy/parameters.ts";
import { isRow } from "../streams/usage.ts";
import type { ServeHere } from "../upstreams/in-process.ts";
import { namedModel, type OwnAddress, ownAddress } from "./addresses.ts";
import { callerHeader } from "./callers.ts";
import { bytesPerToken, TokensWritten } from "./tokens-written.ts";
import { checkUnguarded } from "./unguarded.ts";

/** Of the answer, what the gateway or its socket writes anew. */
const ownHeaders = ["connection", "content-length", "keep-alive", "transfer-encoding", "x-request-id"];
/** Of the request: credentials are the gateway's, not the server's, and who begins a batch is what the gateway says. */
const ungiven = ["authorization", "x-api-key", "api-key", "cookie", callerHeader];

type Body = Readonly<Record<string, unknown>>;

/** A column of one value each, or of one value for all. */
const valuesOf = (column: unknown): readonly unknown[] => (Array.isArray(column) ? column : [column]);

/** Where the contracts have parameters: in the body, in a part of it, or in each row of TensorFlow's, which may come as columns. */
function partsOf(body: Body): Body[] {
  const { options, parameters, instances, inputs } = body;
  const rows = Array.isArray(instances) ? instances : [];
  const columns = isRow(inputs) ? bodyParameters.flatMap(name => valuesOf(inputs[name]).map(value => ({ [name]: value }))) : [];
  return [body, options, parameters, ...rows, ...columns].filter(isRow);
}

const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
};

/** A batch's requests are for any models, and asked later; looking at one and ending it asks none. */
const isBatch = ({ endpoint }: OwnAddress, method: string, pathname: string): boolean =>
  endpoint === "batches" && method === "POST" && !pathname.endsWith("/cancel");

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

/** The handler of what the gateway has no address for. Errors: those of the door, gateway/body, tooLarge, unguarded. */
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
    // what only the server can read may ask for any number of tokens
    const isUnread = bytes !== undefined && bytes.length > 0 && body === undefined && address.asksModel;
    const parameters = parametersIn(isUnread ? [{ max_tokens: Number.POSITIVE_INFINITY }] : partsOf(given));
    const dataClass = request.headers.get("x-loam-data-class");
    allowed(control, identity, { endpoint: address.endpoint, model, label, parameters, dataClass });
    const beginsBatch = isBatch(address, request.method, url.pathname);
    // lines that come back through the door are looked at there
    const isUnseen = beginsBatch && !gateway.callers;
    if (address.asksModel || isUnseen) checkUnguarded(address.name, isUnseen ? undefined : route, gateway.config.routes);
    if (address.endpoint === "admin") mayAdminister(control, identity, request.method === "GET" ? "look" : "change");
    const sizeBytes = bytes?.length ?? 0;
    const inputTokens = address.asksModel ? Math.ceil(sizeBytes / bytesPerToken) : 0;
    const wanted = parameters.max_tokens;
    const most = route?.maxOutputTokens ?? 0;
    const maxOutputTokens = !address.asksModel ? 0 : typeof wanted === "number" && Number.isFinite(wanted) ? Math.ceil(wanted) : most;
    exchange.inputTokens = inputTokens;
    const demand = { inputTokens, maxOutputTokens, bytes: sizeBytes };
    exchange.reservation = await reserved(control, gateway.metrics, { identity, model, ip: exchange.ip }, demand);
    exchange.target = "server";
    const headers = new Headers(request.headers);
    for (const name of ungiven) headers.delete(name);
    if (beginsBatch && gateway.callers) headers.set(callerHeader, gateway.callers.note(identity, dataClass));
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
