/** Requests that are signed instead of carrying a key (AWS Signature Version 4). */
import { algorithm } from "../identity/sigv4.ts";
import type { GatewayPorts } from "../ports.ts";
import type { HeaderReader } from "./node-request.ts";

/** Headers are looked at only where signatures are let in. They are of the request as it was sent, so such a request becomes a Web Request. */
export const isSigned = ({ control }: Pick<GatewayPorts, "control">, headers: () => HeaderReader): boolean =>
  control.access().sigv4 !== undefined && (headers().get("authorization")?.startsWith(algorithm) ?? false);
