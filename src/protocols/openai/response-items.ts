/**
 * The output items of a response in the making, and the events that tell of them. A whole answer is the same items without the events. `Name`: of
 * calls, which an upstream's answer has as it pleases.
 */
import { ProtocolFault } from "../protocol-fault.ts";
import type { Row } from "../values.ts";

type Status = "in_progress" | "completed" | "incomplete";
interface MessageItem {
  readonly type: "message";
  readonly id: string;
  status: Status;
  readonly role: "assistant";
  content: { readonly type: "output_text"; text: string; readonly annotations: []; readonly logprobs: object[] }[];
}
/** What the model thought before it answered. */
interface ReasoningItem {
  readonly type: "reasoning";
  readonly id: string;
  status: Status;
  readonly summary: [];
  content: { readonly type: "reasoning_text"; text: string }[];
}
interface CallItem<Name> {
  readonly type: "function_call";
  readonly id: string;
  readonly call_id: Name | string;
  readonly name: Name;
  arguments: string;
  status: Status;
}
export type OutputItem<Name = unknown> = MessageItem | ReasoningItem | CallItem<Name>;
/** What ids of items begin with. */
type IdKind = "msg" | "rs" | "fc" | "call";

const textPart = (text: string): MessageItem["content"][number] => ({ type: "output_text", text, annotations: [], logprobs: [] });
const thoughtPart = (text: string): ReasoningItem["content"][number] => ({ type: "reasoning_text", text });

export class ResponseItems<Name = unknown> {
  readonly list: OutputItem<Name>[] = [];
  readonly #newId: (kind: IdKind) => string;
  #isOpen = false;
  /** Index in the chat of the call that is open. */
  #callIndex: number | undefined;
  readonly #begun = new Set<number>();

  constructor(newId: (kind: IdKind) => string) {
    this.#newId = newId;
  }

  /** `logprobs`: of the tokens that came with the text. */
  text(text: string, logprobs: readonly object[] = []): Row[] {
    const events = this.#isOpen && this.list.at(-1)?.type === "message" ? [] : [...this.#close("completed"), ...this.#openMessage()];
    const item = this.list.at(-1) as MessageItem;
    item.content[0]!.text += text;
    item.content[0]!.logprobs.push(...logprobs);
    return [...events, { type: "response.output_text.delta", ...this.#at(item), content_index: 0, delta: text, logprobs }];
  }

  reasoning(text: string): Row[] {
    const events = this.#isOpen && this.list.at(-1)?.type === "reasoning" ? [] : [...this.#close("completed"), ...this.#openReasoning()];
    const item = this.list.at(-1) as ReasoningItem;
    item.content[0]!.text += text;
    return [...events, { type: "response.reasoning_text.delta", ...this.#at(item), content_index: 0, delta: text }];
  }

  /** A part of a call; the first one of an index has its id and name. Errors: ProtocolFault `malformed` where a call that ended goes on. */
  call(index: number, callId: Name | undefined | null, name: Name, text: string): Row[] {
    const events: Row[] = [];
    if (!this.#isOpen || this.#callIndex !== index) {
      if (this.#begun.has(index)) throw ProtocolFault.malformed("a call that goes on after the next has begun");
      this.#begun.add(index);
      events.push(...this.#close("completed"));
      events.push(
        this.#added({
          type: "function_call",
          id: this.#newId("fc"),
          call_id: callId ?? this.#newId("call"),
          name,
          arguments: "",
          status: "in_progress",
        }),
      );
      this.#callIndex = index;
    }
    const item = this.list.at(-1) as CallItem<Name>;
    if (text === "") return events;
    item.arguments += text;
    return [...events, { type: "response.function_call_arguments.delta", ...this.#at(item), delta: text }];
  }

  /** The answer is over; `isWhole` is false where it was cut off. An answer of nothing is a message of nothing. */
  end(isWhole: boolean): Row[] {
    const opened = this.list.length === 0 ? this.#openMessage() : [];
    return [...opened, ...this.#close(isWhole ? "completed" : "incomplete")];
  }

  #at(item: OutputItem<Name>): Row {
    return { item_id: item.id, output_index: this.list.length - 1 };
  }

  #added(item: OutputItem<Name>): Row {
    this.list.push(item);
    this.#isOpen = true;
    return { type: "response.output_item.added", output_index: this.list.length - 1, item: structuredClone(item) };
  }

  #openMessage(): Row[] {
    const item: MessageItem = { type: "message", id: this.#newId("msg"), status: "in_progress", role: "assistant", content: [] };
    const added = this.#added(item);
    item.content.push(textPart(""));
    return [added, { type: "response.content_part.added", ...this.#at(item), content_index: 0, part: textPart("") }];
  }

  #openReasoning(): Row[] {
    const item: ReasoningItem = { type: "reasoning", id: this.#newId("rs"), status: "in_progress", summary: [], content: [] };
    const added = this.#added(item);
    item.content.push(thoughtPart(""));
    return [added, { type: "response.content_part.added", ...this.#at(item), content_index: 0, part: thoughtPart("") }];
  }

  #close(status: "completed" | "incomplete"): Row[] {
    const item = this.list.at(-1);
    this.#callIndex = undefined;
    if (!this.#isOpen || !item) return [];
    this.#isOpen = false;
    item.status = status;
    const at = this.#at(item);
    const done = { type: "response.output_item.done", output_index: at.output_index, item: structuredClone(item) };
    if (item.type === "function_call")
      return [{ type: "response.function_call_arguments.done", ...at, name: item.name, arguments: item.arguments }, done];
    const part = item.content[0]!;
    return [
      item.type === "reasoning"
        ? { type: "response.reasoning_text.done", ...at, content_index: 0, text: part.text }
        : { type: "response.output_text.done", ...at, content_index: 0, text: part.text, logprobs: [...item.content[0]!.logprobs] },
      { type: "response.content_part.done", ...at, content_index: 0, part: structuredClone(part) },
      done,
    ];
  }
}
