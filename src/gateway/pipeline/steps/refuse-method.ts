import { gatewayErrors } from "../../errors.ts";
import type { WebArrival } from "../step.ts";

/** `allow`: what the address takes. Errors: gateway/method, always. */
export const refuseMethod = (allow: string) =>
  function refuseMethod({ request, exchange }: WebArrival): never {
    throw gatewayErrors.fail("method", { place: exchange.path, expected: allow, received: request.method.slice(0, 20) });
  };
