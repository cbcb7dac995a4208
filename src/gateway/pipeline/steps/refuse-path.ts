import { pathFault } from "../../../base/index.ts";
import { gatewayErrors } from "../../errors.ts";
import type { WebArrival } from "../step.ts";

/** A path that servers read in different ways. Errors: gateway/parameter, always. */
export function refusePath({ request }: WebArrival): never {
  throw gatewayErrors.fail("parameter", { place: "path", message: `the address ${pathFault(new URL(request.url).pathname)}` });
}
