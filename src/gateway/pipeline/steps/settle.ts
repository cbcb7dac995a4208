import type { End, GatewayExchange } from "../../http/exchange.ts";

/** Charges what was used. What reached no server is given back whole, unless a guard blocked it. */
export function settle({ reservation, attempts, target, routed }: GatewayExchange, { status, error, usage }: End): void {
  if (!reservation) return;
  const { inputTokens = 0, outputTokens = 0, cachedTokens = 0 } = usage ?? {};
  if (attempts.length === 0 && target === undefined && error !== "gateway/blocked") void reservation.cancel();
  else void reservation.settle({ inputTokens, outputTokens, cachedTokens, pricedAs: routed?.pricedAs, status });
}
