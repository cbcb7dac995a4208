/** Another API's form of a chat: how its request becomes OpenAI's, and OpenAI's answers, events and errors become its own. A new one is a row of `chatDialects`. */
import { anthropicMessages } from "./anthropic/messages.ts";
import type { Passage } from "./anthropic/passage.ts";
import type { ProtocolName } from "./part.ts";
import type { ProtocolFault } from "./protocol-fault.ts";
import type { Row } from "./values.ts";

/** What a server that answers chats itself knows of one answer before it begins. */
export interface AnswerKnowledge {
  /** Tokens of the prompt. */
  readonly inputTokens?: number;
  /** The client has asked for what the model thinks. */
  readonly showsReasoning?: boolean;
}

/** Reasoning of a request in another API's words, for a server that takes vLLM's parameters. `Fault`: the class of its errors. */
export interface ReasonedChat<Fault> {
  /** Whether the client has asked for what the model thinks. */
  readonly isShown: boolean;
  /** What of the client's own words these members are made from, beside the messages: it tells one request from another. */
  readonly from: Row;
  /** Members that are added to the chat. Errors: ProtocolFault `parameter`. */
  fields(): Row;
  /** The first error that holds for such a server, and the fields that are not sent to it. */
  readonly refusal: Fault | undefined;
  readonly dropped: readonly string[];
}

export interface ChatDialect {
  readonly name: string;
  /** Its own names of a chat's fields. */
  readonly names: Readonly<Record<string, string>>;
  /** Where its clients ask. */
  readonly address: string;
  /** Upstreams that speak this API themselves, and its path behind their address. */
  readonly upstream?: { readonly protocol: ProtocolName; readonly path: string };
  /**
   * The request as a chat of a server that knows vLLM's parameters too: those of reasoning, and how a last message of the assistant's goes on.
   * Errors: ProtocolFault with the parameter.
   */
  toChat(body: Row): Row;
  /** Whether the client has asked for what the model thinks. */
  showsReasoning(body: Row): boolean;
  /**
   * The same, with what a chat cannot say standing in it as text and the first refusal beside it: an upstream that speaks this API takes the
   * request as it came. `essential`: the first refusal that holds for a lenient upstream, too; `dropped`: the fields that such an upstream is not told.
   * Errors: ProtocolFault `parameter`.
   */
  read(body: Row): {
    readonly chat: Row;
    readonly refusal: ProtocolFault | undefined;
    readonly essential: ProtocolFault | undefined;
    readonly dropped: readonly string[];
    readonly reasoned: ReasonedChat<ProtocolFault>;
  };
  /** A whole answer. */
  answer(chat: Row, known?: AnswerKnowledge): Row;
  /** Of one stream: texts for the wire from each of its data; undefined data is a comment. */
  stream(passage?: Passage, known?: AnswerKnowledge): (data: string | undefined) => string;
  error(status: number, message: string): Row;
}

/** Each is an address of `loam serve`. */
export const chatDialects = { anthropic: anthropicMessages } as const satisfies Readonly<Record<string, ChatDialect>>;
