/** Another API's words for a chat: how its request becomes OpenAI's, and OpenAI's answers and errors become its own. */
import type { WireError } from "../http/wire-error.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface ChatContract {
  /** The request as OpenAI's chat has it. Errors: gateway/parameter, gateway/untranslated with the parameter. */
  toChat(body: Row): Row;
  /** A whole answer. */
  answer(chat: Row): Row;
  /** Of one stream: texts for the wire from each of its data; undefined data is a comment. */
  stream(): (data: string | undefined) => string;
  error(wire: WireError): string;
}
