/** Another API's words for a chat: how its request becomes OpenAI's, and OpenAI's answers and errors become its own. */
import type { LoamError } from "../../base/index.ts";
import type { WireError } from "../http/wire-error.ts";
import type { ProtocolName } from "../upstreams/protocol.ts";
import type { Passage } from "./passage.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface ChatContract {
  /** Of upstreams that speak this API themselves, and its address behind theirs. */
  readonly protocol: ProtocolName;
  readonly path: string;
  /** The request as OpenAI's chat has it. Errors: gateway/parameter, gateway/untranslated with the parameter. */
  toChat(body: Row): Row;
  /**
   * The same, with what a chat cannot say standing in it as text and the first refusal beside it: an upstream that speaks this API takes the
   * request as it came. Errors: gateway/parameter.
   */
  read(body: Row): { readonly chat: Row; readonly refusal: LoamError | undefined };
  /** A whole answer. */
  answer(chat: Row): Row;
  /** Of one stream: texts for the wire from each of its data; undefined data is a comment. */
  stream(passage?: Passage): (data: string | undefined) => string;
  error(wire: WireError): string;
}
