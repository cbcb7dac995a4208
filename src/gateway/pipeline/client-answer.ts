import type { Answer, GatewayExchange } from "../http/exchange.ts";

/** An answer of a target, with what all of them carry: the target, the limits. */
export function clientAnswer(
  { reservation, target }: GatewayExchange,
  status: number,
  body: Answer["body"],
  headers: Record<string, string>,
): Answer {
  if (target !== undefined) headers["x-loam-target"] = target;
  return reservation ? { status, body, headers, more: reservation.headerList() } : { status, body, headers };
}
