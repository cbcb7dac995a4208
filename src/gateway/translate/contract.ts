/** Another API's form of a chat, in the gateway: its errors are the gateway's own. */
import type { LoamError } from "../../base/index.ts";
import type { ChatDialect, ProtocolName, ReasonedChat, Row } from "../../protocols/index.ts";
import type { GatewayErrorAnswer } from "../http/wire-error.ts";

export interface ChatContract extends Pick<ChatDialect, "answer" | "stream"> {
  /** Of upstreams that speak this API themselves, and its path behind their address. */
  readonly protocol: ProtocolName;
  readonly path: string;
  /** As of `ChatDialect`. Errors: gateway/parameter. */
  read(body: Row): {
    readonly chat: Row;
    readonly refusal: LoamError | undefined;
    readonly essential: LoamError | undefined;
    readonly dropped: readonly string[];
    readonly reasoned: ReasonedChat<LoamError>;
  };
  error(wire: GatewayErrorAnswer): string;
}
