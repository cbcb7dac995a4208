import { gatewayErrors } from "../../errors.ts";
import type { WebArrival } from "../step.ts";

/** Errors: gateway/unknownUrl, always. */
export function refuseAddress({ request }: WebArrival): never {
  const place = `${request.method} ${new URL(request.url).pathname}`.slice(0, 200);
  throw gatewayErrors.fail("unknownUrl", { place, message: "there is nothing at this address" });
}
