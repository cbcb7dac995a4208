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

/** Streams of texts by the beginning of their events' names, and where the last event has the text whole. */
const channels: Readonly<Record<string, { readonly form: TextForm; readonly whole: string }>> = {
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

export function responsesRewriter(filters: AnswerFilters): EventRewriter {
  /** By what the server said. */
  const left = new Map<string, string>();
  const again = remembering(filters, left);
  const open = new Map<string, Channel>();
  let number = 0;
  let response: Row = {};
  const items: unknown[] = [];

  const eventOf = (value: Row): Uint8Array => {
    const own = { ...value, sequence_number: number++ };
    return Buffer.from(`event: ${value.type}\ndata: ${JSON.stringify(own)}\n\n`);
  };
  const keyOf = (name: string, event: Row): string =>
    [name, event.item_id, event.output_index, event.content_index, event.summary_index].join(" ");
  /** The item that was open, as far as it was said. */
  const begun = ({ first, said }: Channel): readonly unknown[] => {
    if (first.type !== "response.output_text.delta" || said === "") return [];
    const content = [{ type: "output_text", text: said, annotations: [] }];
    return [{ type: "message", id: first.item_id, status: "incomplete", role: "assistant", content }];
  };
  const blocked = (out: readonly Uint8Array[], output: readonly unknown[]): Rewritten => ({
    out: [...out, eventOf({ type: "response.incomplete", response: { ...response, ...filteredOut, output } })],
    isOver: true,
  });
  const delta = (channel: Channel, text: string): Uint8Array[] => {
    channel.said += text;
    return text === ""
      ? []
      : [eventOf({ ...channel.first, delta: text, ...(channel.first.logprobs === undefined ? {} : { logprobs: [] }) })];
  };

  return {
    event: async ({ bytes, data }: StreamEvent) => {
      if (data === undefined || isDoneData(data)) return { out: [bytes], isOver: false };
      const event: unknown = JSON.parse(data);
      if (!isRow(event) || typeof event.type !== "string") return { out: [bytes], isOver: false };
      const { type } = event;
      const at = type.lastIndexOf(".");
      const name = type.slice(0, at);
      const row = channels[name];
      const key = keyOf(name, event);
      if (row && type.endsWith(".delta") && typeof event.delta === "string") {
        const channel = open.get(key) ?? { filter: filters.open(row.form), first: event, given: "", said: "" };
        open.set(key, channel);
        channel.given += event.delta;
        const piece = await channel.filter.push(event.delta);
        const out = delta(channel, piece.text);
        return piece.isBlocked ? blocked(out, [...items, ...begun(channel)]) : { out, isOver: false };
      }
      if (row && type.endsWith(".done")) {
        const channel = open.get(key) ?? { filter: filters.open(row.form), first: event, given: "", said: "" };
        const isNew = !open.delete(key);
        const out: Uint8Array[] = [];
        // a server that says a text at once says it here
        const whole = event[row.whole];
        if (isNew && typeof whole === "string") {
          channel.given = whole;
          const piece = await channel.filter.push(whole);
          channel.said += piece.text;
          if (piece.isBlocked) return blocked(out, items);
        }
        const last = await channel.filter.end();
        if (isNew) channel.said += last.text;
        else out.push(...delta(channel, last.text));
        if (last.isBlocked) return blocked(out, [...items, ...begun(channel)]);
        if (channel.given !== "") left.set(channel.given, channel.said);
        out.push(eventOf({ ...event, [row.whole]: channel.said, ...(event.logprobs === undefined ? {} : { logprobs: [] }) }));
        return { out, isOver: false };
      }
      if (isRow(event.part)) {
        const got = await itemOf(again, { content: [event.part] });
        if (!got || got.isBlocked) return blocked([], items);
        const [part] = got.value.content as readonly unknown[];
        return { out: [eventOf({ ...event, part })], isOver: false };
      }
      if (isRow(event.item)) {
        const got = await itemOf(again, event.item);
        if (!got || got.isBlocked) return blocked([], items);
        if (type === "response.output_item.done") items.push(got.value);
        return { out: [eventOf({ ...event, item: got.value })], isOver: false };
      }
      if (isRow(event.response)) {
        const own = await responseOf(again, event.response);
        response = own;
        return { out: [eventOf({ ...event, response: own })], isOver: false };
      }
      return { out: [eventOf(event)], isOver: false };
    },
  };
}
