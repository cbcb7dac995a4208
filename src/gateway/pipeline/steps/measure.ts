/** How much the request may take: tokens of the prompt, the most tokens of an answer, bytes. */
import { inputTokens } from "../../http/ask.ts";
import { isLarge, nextTurn } from "../../turns.ts";
import type { Adds, Reads } from "../step.ts";

type Measured = Adds<"maxOutputTokens" | "demand">;

/** Errors: gateway/parameter. */
export function measure(x: Reads<"ask" | "api" | "route">): Measured | Promise<Measured> {
  const maxOutputTokens = x.api.maxOutputTokens(x.ask.body, x.route.maxOutputTokens);
  return isLarge(x.ask.sizeBytes) ? measuredInTurns(x, maxOutputTokens) : measured(x, maxOutputTokens);
}

function measured({ gateway, ask, route, exchange }: Reads<"ask" | "route">, maxOutputTokens: number): Measured {
  exchange.inputTokens = inputTokens(ask, gateway.counter(route));
  return { maxOutputTokens, demand: { inputTokens: exchange.inputTokens, maxOutputTokens, bytes: ask.sizeBytes } };
}

/** Counting a large prompt holds up others: it has a turn of its own. */
async function measuredInTurns(x: Reads<"ask" | "route">, maxOutputTokens: number): Promise<Measured> {
  await nextTurn();
  const added = measured(x, maxOutputTokens);
  await nextTurn();
  return added;
}
