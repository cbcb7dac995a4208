import { gatewayErrors } from "../../errors.ts";
import type { Answer } from "../../http/exchange.ts";
import type { WebArrival } from "../step.ts";

/** The paths of browsers' sessions, where there are any. Errors: those of the session, gateway/method. */
export async function logIn({ gateway, request, exchange }: WebArrival): Promise<Answer> {
  const response = await gateway.login?.answer(request, exchange.ip ?? "unknown");
  if (response) return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  throw gatewayErrors.fail("method", { place: exchange.path, expected: "another method", received: request.method.slice(0, 20) });
}
