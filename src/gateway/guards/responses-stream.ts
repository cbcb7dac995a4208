/**
 * Events of a response through the guards. Pieces of a text (`*.delta`) go through its chain; events that say a text whole once more (`*.done`, parts,
 * items, the response) say what left of it. A blocked response ends as OpenAI ends one that its filter stopped: `response.incomplete`.
 */
import { isDoneData, isRow, type StreamEvent } from "../../protocols/index.ts";
import type { AnswerFilters } from "./answer-filters.ts";
import { filteredOut, itemOf, responseOf } from "./answer-whole.ts";
import type { EventRewriter, Rewritten } from "./choices-stream.ts";
import type { TextFilter, TextForm } from "./contract.ts";

type Row = Readonly<Record<string, unknown>>;

interface Channel {
  readonly filter: TextFilter;
  readonly first: Row;
  /** By the server. */
  given: string;
  /** To the client. */
  said: string;
}

interface ChannelRow {
  readonly form: TextForm;
  readonly whole: string;
}

/** Streams of texts by the beginning of their events' names, and where the last event has the text whole. */
const channels: Readonly<Record<string, ChannelRow>> = {
  "response.output_text": { form: "text", whole: "text" },
  "response.refusal": { form: "text", whole: "refusal" },
  "response.reasoning_text": { form: "text", whole: "text" },
  "response.reasoning_summary_text": { form: "text", whole: "text" },
  "response.function_call_arguments": { form: "json", whole: "arguments" },
  "response.mcp_call_arguments": { form: "json", whole: "arguments" },
  "response.custom_tool_call_input": { form: "text", whole: "input" },
};

/** Texts that were said whole already are not looked at again. */
function remembering(filters: AnswerFilters, said: ReadonlyMap<string, string>): AnswerFilters {
  return {
    open: form => {
      let inner: TextFilter | undefined;
      return {
        push: text => {
          const known = said.get(text);
          if (known !== undefined) return { text: known };
          inner = filters.open(form, true);
          return inner.push(text);
        },
        end: () => inner?.end() ?? { text: "" },
      };
    },
    get hasBlocked() {
      return filters.hasBlocked;
    },
    ended: () => filters.ended(),
  };
}

const keyOfChannel = (name: string, event: Row): string =>
  [name, event.item_id, event.output_index, event.content_index, event.summary_index].join(" ");

/** The item that was open, as far as it was said. */
function begun({ first, said }: Channel): readonly unknown[] {
  if (first.type !== "response.output_text.delta" || said === "") return [];
  const content = [{ type: "output_text", text: said, annotations: [] }];
  return [{ type: "message", id: first.item_id, status: "incomplete", role: "assistant", content }];
}

export const responsesRewriter = (filters: AnswerFilters): EventRewriter => new ResponsesRewriter(filters);

class ResponsesRewriter implements EventRewriter {
  readonly #filters: AnswerFilters;
  /** By what the server said. */
  readonly #left = new Map<string, string>();
  readonly #again: AnswerFilters;
  readonly #open = new Map<string, Channel>();
  readonly #items: unknown[] = [];
  #number = 0;
  #response: Row = {};

  constructor(filters: AnswerFilters) {
    this.#filters = filters;
    this.#again = remembering(filters, this.#left);
  }

  async event({ bytes, data }: StreamEvent): Promise<Rewritten> {
    if (data === undefined || isDoneData(data)) return { out: [bytes], isOver: false };
    const event: unknown = JSON.parse(data);
    if (!isRow(event) || typeof event.type !== "string") return { out: [bytes], isOver: false };
    const { type } = event;
    const name = type.slice(0, type.lastIndexOf("."));
    const row = channels[name];
    if (row && type.endsWith(".delta") && typeof event.delta === "string") return this.#delta(row, name, event, event.delta);
    if (row && type.endsWith(".done")) return this.#done(row, name, event);
    if (isRow(event.part)) {
      const got = await itemOf(this.#again, { content: [event.part] });
      if (!got || got.isBlocked) return this.#blocked([], this.#items);
      const [part] = got.value.content as readonly unknown[];
      return { out: [this.#eventOf({ ...event, part })], isOver: false };
    }
    if (isRow(event.item)) {
      const got = await itemOf(this.#again, event.item);
      if (!got || got.isBlocked) return this.#blocked([], this.#items);
      if (type === "response.output_item.done") this.#items.push(got.value);
      return { out: [this.#eventOf({ ...event, item: got.value })], isOver: false };
    }
    if (isRow(event.response)) {
      const own = await responseOf(this.#again, event.response);
      this.#response = own;
      return { out: [this.#eventOf({ ...event, response: own })], isOver: false };
    }
    return { out: [this.#eventOf(event)], isOver: false };
  }

  async #delta({ form }: ChannelRow, name: string, event: Row, text: string): Promise<Rewritten> {
    const key = keyOfChannel(name, event);
    const channel = this.#open.get(key) ?? { filter: this.#filters.open(form), first: event, given: "", said: "" };
    this.#open.set(key, channel);
    channel.given += text;
    const piece = await channel.filter.push(text);
    const out = this.#said(channel, piece.text);
    return piece.isBlocked ? this.#blocked(out, [...this.#items, ...begun(channel)]) : { out, isOver: false };
  }

  async #done({ form, whole: member }: ChannelRow, name: string, event: Row): Promise<Rewritten> {
    const key = keyOfChannel(name, event);
    const channel = this.#open.get(key) ?? { filter: this.#filters.open(form), first: event, given: "", said: "" };
    const isNew = !this.#open.delete(key);
    const out: Uint8Array[] = [];
    // a server that says a text at once says it here
    const whole = event[member];
    if (isNew && typeof whole === "string") {
      channel.given = whole;
      const piece = await channel.filter.push(whole);
      channel.said += piece.text;
      if (piece.isBlocked) return this.#blocked(out, this.#items);
    }
    const last = await channel.filter.end();
    if (isNew) channel.said += last.text;
    else out.push(...this.#said(channel, last.text));
    if (last.isBlocked) return this.#blocked(out, [...this.#items, ...begun(channel)]);
    if (channel.given !== "") this.#left.set(channel.given, channel.said);
    out.push(this.#eventOf({ ...event, [member]: channel.said, ...(event.logprobs === undefined ? {} : { logprobs: [] }) }));
    return { out, isOver: false };
  }

  #eventOf(value: Row): Uint8Array {
    const own = { ...value, sequence_number: this.#number++ };
    return Buffer.from(`event: ${value.type}\ndata: ${JSON.stringify(own)}\n\n`);
  }

  #blocked(out: readonly Uint8Array[], output: readonly unknown[]): Rewritten {
    return {
      out: [...out, this.#eventOf({ type: "response.incomplete", response: { ...this.#response, ...filteredOut, output } })],
      isOver: true,
    };
  }

  #said(channel: Channel, text: string): Uint8Array[] {
    channel.said += text;
    return text === ""
      ? []
      : [this.#eventOf({ ...channel.first, delta: text, ...(channel.first.logprobs === undefined ? {} : { logprobs: [] }) })];
  }
}
