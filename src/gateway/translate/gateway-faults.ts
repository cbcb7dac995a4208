/** Faults of a translation in the gateway's own errors: of a request, what its client is told; of an answer, a failure of its upstream. */
import type { LoamError } from "../../base/index.ts";
import { ProtocolFault } from "../../protocols/index.ts";
import { gatewayErrors } from "../errors.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";

/** A request's fault. */
export const gatewayError = ({ kind, place, what, received, hint }: ProtocolFault): LoamError =>
  kind === "parameter"
    ? gatewayErrors.fail("parameter", { place, expected: what, received })
    : gatewayErrors.fail("untranslated", { place, message: `${what} cannot be put to this model's server`, hint });

/** The error as the gateway says it; others as they are. */
export const inGatewayErrors = (error: unknown): unknown => {
  if (!(error instanceof ProtocolFault)) return error;
  return error.kind === "malformed" ? new UpstreamFailure("malformed", error.what) : gatewayError(error);
};

/** Errors: gateway/parameter, gateway/untranslated, UpstreamFailure; what `make` throws otherwise. */
export function withGatewayErrors<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw inGatewayErrors(error);
  }
}
