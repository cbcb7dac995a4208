/** The output items of a response in the making, and the events that tell of them. Whole answers are the same items without the events. */
import { newId } from "../exchange.ts";
import type { AnswerPart } from "../tools/answer-parser.ts";

interface MessageItem {
  readonly type: "message";
  readonly id: string;
  status: "in_progress" | "completed" | "incomplete";
  readonly role: "assistant";
  content: { type: "output_text"; text: string; annotations: []; logprobs: [] }[];
}
interface CallItem {
  readonly type: "function_call";
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  arguments: string;
  status: "in_progress" | "completed" | "incomplete";
}
export type OutputItem = MessageItem | CallItem;

export interface ResponseEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

const textPart = (text: string): MessageItem["content"][number] => ({ type: "output_text", text, annotations: [], logprobs: [] });

export class ResponseOutput {
  readonly items: OutputItem[] = [];
  #isOpen = false;

  /** Takes a part; gives what is to be told of it. */
  push(part: AnswerPart): ResponseEvent[] {
    if (part.kind === "text") return this.#text(part.text);
    if (part.kind === "call") return this.#call(part.id, part.name);
    const item = this.items.at(-1) as CallItem;
    item.arguments += part.text;
    return [{ type: "response.function_call_arguments.delta", ...this.#at(item), delta: part.text }];
  }

  /** The answer is over; `isWhole` is false when it was cut off. */
  end(isWhole: boolean): ResponseEvent[] {
    // an answer of nothing is a message of nothing
    const opened = this.items.length === 0 ? this.#open() : [];
    return [...opened, ...this.#close(isWhole ? "completed" : "incomplete")];
  }

  #at(item: OutputItem) {
    return { item_id: item.id, output_index: this.items.length - 1 };
  }

  #added(item: OutputItem): ResponseEvent {
    this.items.push(item);
    this.#isOpen = true;
    return { type: "response.output_item.added", output_index: this.items.length - 1, item: structuredClone(item) };
  }

  #open(): ResponseEvent[] {
    const item: MessageItem = { type: "message", id: newId("msg"), status: "in_progress", role: "assistant", content: [] };
    const added = this.#added(item);
    item.content.push(textPart(""));
    return [added, { type: "response.content_part.added", ...this.#at(item), content_index: 0, part: textPart("") }];
  }

  #text(text: string): ResponseEvent[] {
    const events = this.#isOpen && this.items.at(-1)?.type === "message" ? [] : [...this.#close("completed"), ...this.#open()];
    const item = this.items.at(-1) as MessageItem;
    item.content[0]!.text += text;
    events.push({ type: "response.output_text.delta", ...this.#at(item), content_index: 0, delta: text, logprobs: [] });
    return events;
  }

  #call(callId: string, name: string): ResponseEvent[] {
    const closed = this.#close("completed");
    const added = this.#added({ type: "function_call", id: newId("fc"), call_id: callId, name, arguments: "", status: "in_progress" });
    return [...closed, added];
  }

  #close(status: "completed" | "incomplete"): ResponseEvent[] {
    const item = this.items.at(-1);
    if (!this.#isOpen || !item) return [];
    this.#isOpen = false;
    item.status = status;
    const at = this.#at(item);
    const done: ResponseEvent = { type: "response.output_item.done", output_index: at.output_index, item: structuredClone(item) };
    if (item.type === "function_call")
      return [{ type: "response.function_call_arguments.done", ...at, name: item.name, arguments: item.arguments }, done];
    const part = item.content[0]!;
    return [
      { type: "response.output_text.done", ...at, content_index: 0, text: part.text, logprobs: [] },
      { type: "response.content_part.done", ...at, content_index: 0, part: structuredClone(part) },
      done,
    ];
  }
}
