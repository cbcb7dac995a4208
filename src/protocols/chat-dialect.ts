/** Another API's form of a chat: how its request becomes OpenAI's, and OpenAI's answers, events and errors become its own. A new one is a row of `chatDialects`. */
import { anthropicMessages } from "./anthropic/messages.ts";
import type { Passage } from "./anthropic/passage.ts";
import type { ProtocolName } from "./part.ts";
import type { ProtocolFault } from "./protocol-fault.ts";
import type { Row } from "./values.ts";

export interface ChatDialect {
  readonly name: string;
  /** Where its clients ask. */
  readonly address: string;
  /** Upstreams that speak this API themselves, and its path behind their address. */
  readonly upstream?: { readonly protocol: ProtocolName; readonly path: string };
  /** The request as OpenAI's chat has it. Errors: ProtocolFault with the parameter. */
  toChat(body: Row): Row;
  /**
   * The same, with what a chat cannot say standing in it as text and the first refusal beside it: an upstream that speaks this API takes the
   * request as it came. Errors: ProtocolFault `parameter`.
   */
  read(body: Row): { readonly chat: Row; readonly refusal: ProtocolFault | undefined };
  /** A whole answer. */
  answer(chat: Row): Row;
  /** Of one stream: texts for the wire from each of its data; undefined data is a comment. */
  stream(passage?: Passage): (data: string | undefined) => string;
  error(status: number, message: string): Row;
}

/** Each is an address of `loam serve`. */
export const chatDialects = { anthropic: anthropicMessages } as const satisfies Readonly<Record<string, ChatDialect>>;
