import { inputTokens } from "../../http/ask.ts";
import type { Answer } from "../../http/exchange.ts";
import type { Reads } from "../step.ts";

/** How many tokens a message would be held against, counted as at admission; no server is asked. */
export async function countTokens({ gateway, ask, route, exchange }: Reads<"ask" | "route">): Promise<Answer> {
  const reservation = exchange.reservation!;
  // here, since a request that reached no server would be given back at its end
  await reservation.settle({ inputTokens: 0, outputTokens: 0, cachedTokens: 0, status: 200 });
  return {
    status: 200,
    body: JSON.stringify({ input_tokens: inputTokens(ask, gateway.counter(route)) }),
    headers: { "content-type": "application/json", ...reservation.headers() },
  };
}
