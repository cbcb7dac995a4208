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

const nothing = Buffer.from("{}");

/** JSON, and the bytes of tensors behind it; no body at all is an empty object. */
export const splitTensors: SplitBody = (bytes, headers) =>
  inServeErrors(() => {
    const { json, binary } = splitTensorBody(bytes, headers.get(tensorHeader));
    // a plain POST to the repository asks for everything
    return {
      json: bytes.length === 0 ? nothing : json,
      whole: value => inServeErrors(() => inferenceParameters(tensorBody(value, binary))),
    };
  });

/** JSON whose further members are parameters. */
export const splitGenerate: SplitBody = json => ({ json, whole: (value: Row) => inServeErrors(() => generateBody(value)) });
