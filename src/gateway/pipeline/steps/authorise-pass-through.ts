import { gatewayErrors } from "../../errors.ts";
import { checkAllowed } from "../../policy/check-allowed.ts";
import type { Adds, Reads } from "../step.ts";

/** Whether the caller may use the route, by this method. Errors: gateway/forbidden, gateway/method. */
export function authorisePassThrough({
  gateway,
  identity,
  pass,
  url,
  request,
  headers,
  exchange,
}: Reads<"identity" | "pass" | "url">): Adds<"method" | "subjects"> {
  const { methods, model } = pass;
  if (model !== null) exchange.model = model;
  const method = methods.find(m => m === request.method);
  checkAllowed(gateway.control, identity, {
    endpoint: "other",
    model,
    parameters: { method: exchange.method, path: url.pathname.slice(0, 256) },
    dataClass: headers.get("x-loam-data-class"),
  });
  if (method === undefined)
    throw gatewayErrors.fail("method", { place: exchange.path, expected: methods.join(", "), received: exchange.method });
  return { method, subjects: { identity, model, ip: exchange.ip } };
}
