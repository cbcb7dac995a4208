/**
 * The answer of the server of the same process: it routes the request and says what it is for (`own/server-port.ts`), policies and limits decide, and
 * then it answers. So nothing of a server with a gateway is reached without a key, and no model by another way than the one that policies judged,
 * whichever contract a client speaks.
 */
import type { Answer } from "../../http/exchange.ts";
import { type AskedOfServer, authoriseServed, isSeen } from "../../own/authorise-served.ts";
import type { Authorize, OwnServer, RoutedRequest } from "../../own/server-port.ts";
import { TokensWritten } from "../../own/tokens-written.ts";
import type { Reads } from "../step.ts";

/** Of the answer, what the gateway or its socket writes anew. */
const ownHeaders = ["connection", "content-length", "keep-alive", "transfer-encoding", "x-request-id"];

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

/** The server's answer to a request that was decided on. Errors: those of `authoriseServed`. */
async function servedAs(serve: OwnServer, asking: AskedOfServer): Promise<{ readonly response: Response; readonly isCounted: boolean }> {
  let refusal: { readonly error: unknown } | undefined;
  let isDecided = false;
  let asksModel = false;
  const authorize = async (routed: RoutedRequest): Promise<Response | undefined> => {
    try {
      await authoriseServed(asking, routed);
      isDecided = true;
      asksModel = routed.asksModel;
      asking.exchange.target = "server";
      return undefined;
    } catch (error) {
      refusal = { error };
      return new Response(null, { status: 403 });
    }
  };
  const sees: Authorize["sees"] = use => isSeen(asking, use);
  const response = await serve(asking.request, Object.assign(authorize, { sees }));
  if (!refusal && (isDecided || response.status >= 400)) return { response, isCounted: asksModel && response.ok };
  await response.body?.cancel();
  throw refusal ? refusal.error : new TypeError("the server has answered a request that was not decided on");
}

/** Tells `end` when the answer has ended. Errors: those of `authoriseServed`. */
export async function relayToServer({ gateway, exchange, identity, served, end }: Reads<"identity" | "served">): Promise<Answer> {
  const { response, isCounted } = await servedAs(gateway.server!, { gateway, exchange, identity, ...served });
  exchange.firstMs = gateway.clock.monotonic() - exchange.startMs;
  const kept = new Headers(response.headers);
  for (const name of ownHeaders) kept.delete(name);
  const tokens = new TokensWritten(kept.get("content-type") ?? "");
  const { inputTokens } = exchange;
  const over = (status: number) =>
    end({ status, usage: isCounted ? tokens.counted(inputTokens) : { inputTokens: 0, outputTokens: 0, cachedTokens: 0 } });
  const answer = { status: response.status, headers: { ...Object.fromEntries(kept), ...exchange.reservation?.headers() } };
  if (!response.body) {
    over(response.status);
    return { ...answer, body: "" };
  }
  const add = (piece: Uint8Array) => {
    if (isCounted) tokens.add(piece);
  };
  return { ...answer, body: counted(response.body, add, isWhole => over(isWhole ? response.status : 499)) };
}
