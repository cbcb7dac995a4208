/**
 * `POST /v1/messages/count_tokens`: how many tokens a message would be held against, counted as at admission. Whoever may ask the model may have it
 * counted; it costs a request and nothing else, and no server is asked.
 */
import type { Gateway } from "../gateway.ts";
import type { ChatContract } from "../translate/contract.ts";
import { messages } from "../translate/messages.ts";
import { apis } from "./apis.ts";
import { inputTokens, ModelAction, readAsk } from "./ask.ts";
import { type Handle, routeNamed } from "./ask-model.ts";
import { admitted, allowed, reserved } from "./door.ts";
import type { Asked } from "./node-request.ts";

/** Its requests bound no answer; one of a token is within what any policy lets messages have. */
const counted: ChatContract = { ...messages, read: body => messages.read({ ...body, max_tokens: 1, stream: false }) };

/** Errors: those of `askModel` before a server is asked. */
export const countTokens =
  (gateway: Gateway): Handle<Asked> =>
  async (request, exchange) => {
    gateway.checkRoom();
    const { control } = gateway;
    const identity = await admitted(control, request.headers, exchange);
    const ask = await readAsk(request, apis[0]!, counted);
    const route = routeNamed(gateway, identity, ask.model);
    exchange.model = route.name;
    allowed(control, identity, new ModelAction(ask, "messages", route.name, request.headers.get("x-loam-data-class")));
    const subjects = { identity, model: route.name, ip: exchange.ip };
    const reservation = await reserved(control, gateway.metrics, subjects, { inputTokens: 0, maxOutputTokens: 0, bytes: 0 });
    // here, since a request that reached no server would be given back at its end
    await reservation.settle({ inputTokens: 0, outputTokens: 0, cachedTokens: 0, status: 200 });
    return {
      status: 200,
      body: JSON.stringify({ input_tokens: inputTokens(ask, gateway.counter(route)) }),
      headers: { "content-type": "application/json", ...reservation.headers() },
    };
  };
