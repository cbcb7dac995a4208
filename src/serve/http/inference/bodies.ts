/** Bodies of the protocol as the server reads them: JSON, tensors as bytes behind it, and what is wrong with them in the server's own errors. */
import {
  generateBody,
  inferenceParameters,
  ProtocolFault,
  type Row,
  splitTensorBody,
  tensorBody,
  tensorHeader,
} from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import type { SplitBody } from "../body.ts";

/** Errors: serve/parameter, serve/unsupported for a ProtocolFault. */
function inServeErrors<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error;
    const { kind, place, what, received, hint } = error;
    if (kind === "parameter") throw serveErrors.fail("parameter", { place, expected: what, received }, error);
    throw serveErrors.fail("unsupported", { place, message: what, hint }, error);
  }
}

/** JSON, and the bytes of tensors behind it. */
export const splitTensors: SplitBody = (bytes, headers) =>
  inServeErrors(() => {
    const { json, binary } = splitTensorBody(bytes, headers.get(tensorHeader));
    return { json, whole: value => inServeErrors(() => inferenceParameters(tensorBody(value, binary))) };
  });

/** JSON whose further members are parameters. */
export const splitGenerate: SplitBody = json => ({ json, whole: (value: Row) => inServeErrors(() => generateBody(value)) });
