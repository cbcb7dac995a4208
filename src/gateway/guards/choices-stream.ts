/**
 * Chunks of choices (chat, completions) through the guards. Each text of each choice has a chain of its own; what it holds back goes into a chunk
 * before the choice's last one. A blocked choice ends with the reason `content_filter`, and nothing of it comes any more.
 */
import { dataEvent, doneEvent, isDoneData, isRow, type StreamEvent } from "../../protocols/index.ts";
import type { AnswerFilters } from "./answer-filters.ts";
import { isUnseen, textOfMember } from "./answer-whole.ts";
import type { TextFilter, TextForm } from "./contract.ts";

type Row = Readonly<Record<string, unknown>>;

export interface Rewritten {
  readonly out: readonly Uint8Array[];
  /** All that the client gets has been said, whatever else comes. */
  readonly isOver: boolean;
}

export interface EventRewriter {
  event(event: StreamEvent): Promise<Rewritten>;
}

interface ChoicesOptions {
  readonly filters: AnswerFilters;
  /** That were asked for. */
  readonly choices: number;
  /** Whether a text is over when another begins, as where each is a block of its own. */
  readonly isOrdered: boolean;
}

const eventOf = (value: unknown): Uint8Array => Buffer.from(dataEvent(JSON.stringify(value)));
const lastEvent: Uint8Array = Buffer.from(doneEvent);

/** A delta with a text, by which a channel's rest is sent. */
type Carry = (text: string) => Row;

interface Channel {
  readonly filter: TextFilter;
  readonly carry: Carry;
}

/** One choice as far as it has come. */
class Choice {
  readonly #options: ChoicesOptions;
  readonly #channels = new Map<string, Channel>();
  /** Deltas to go before what comes next. */
  rest: Row[] = [];
  isBlocked = false;
  isOver = false;

  constructor(options: ChoicesOptions) {
    this.#options = options;
  }

  /** What may leave of a text. */
  async push(key: string, form: TextForm, text: string, carry: Carry): Promise<string> {
    let channel = this.#channels.get(key);
    if (!channel) {
      if (this.#options.isOrdered) await this.end();
      channel = { filter: this.#options.filters.open(form), carry };
      this.#channels.set(key, channel);
    }
    if (this.isBlocked) return "";
    const piece = await channel.filter.push(text);
    this.isBlocked = piece.isBlocked === true;
    return piece.text;
  }

  /** Its texts are over: what was held back. */
  async end(): Promise<void> {
    for (const { filter, carry } of this.#channels.values()) {
      if (this.isBlocked) break;
      const { text, isBlocked } = await filter.end();
      if (text !== "") this.rest.push(carry(text));
      this.isBlocked = isBlocked === true;
    }
    this.#channels.clear();
  }

  taken(): readonly Row[] {
    const { rest } = this;
    this.rest = [];
    return rest;
  }
}

/** A delta with what may leave of its texts; members of which nothing is left are left out. */
async function deltaOf(choice: Choice, delta: Row): Promise<Row> {
  const out: Record<string, unknown> = { ...delta };
  for (const [key, value] of Object.entries(delta)) {
    if (isUnseen(key, value)) delete out[key];
    const text = textOfMember(key, value);
    if (text === undefined || text === "") continue;
    out[key] = await choice.push(key, "text", text, rest => ({ [key]: rest }));
    if (out[key] === "") delete out[key];
  }
  const called = async (value: Row, key: string, carry: Carry): Promise<Row> => {
    if (typeof value.arguments !== "string" || value.arguments === "") return value;
    return { ...value, arguments: await choice.push(key, "json", value.arguments, carry) };
  };
  if (isRow(delta.function_call))
    out.function_call = await called(delta.function_call, "function", text => ({ function_call: { arguments: text } }));
  if (Array.isArray(delta.tool_calls)) {
    const calls: Row[] = [];
    for (const one of delta.tool_calls.filter(isRow)) {
      const index = typeof one.index === "number" ? one.index : 0;
      const carry = (text: string): Row => ({ tool_calls: [{ index, function: { arguments: text } }] });
      const value = isRow(one.function) ? await called(one.function, `call ${index}`, carry) : undefined;
      const isEmpty = value?.arguments === "" && one.id === undefined && value.name === undefined;
      if (!isEmpty) calls.push(value ? { ...one, function: value } : one);
    }
    if (calls.length > 0) out.tool_calls = calls;
    else delete out.tool_calls;
  }
  return out;
}

const saysNothing = (delta: Row): boolean => Object.values(delta).every(v => v === "" || v === null || v === undefined);

/** A choice's chunks: none, one or several. */
async function choiceOf(choice: Choice, given: Row): Promise<readonly Row[]> {
  if (choice.isOver) return [];
  const isText = typeof given.text === "string";
  const before = isRow(given.delta) ? given.delta : {};
  const silent = given.logprobs === undefined ? {} : { logprobs: null };
  const carrier = (delta: Row): Row => ({ index: given.index ?? 0, ...(isText ? delta : { delta }), ...silent, finish_reason: null });
  const body: Row = isText
    ? { text: await choice.push("text", "text", given.text as string, text => ({ text })) }
    : await deltaOf(choice, before);
  const held = choice.taken().map(carrier);
  const ends = typeof given.finish_reason === "string" && given.finish_reason !== "";
  const now: Row = { ...given, ...(isText ? body : { delta: body }), ...silent };
  const isQuiet = saysNothing(body);
  if (!choice.isBlocked && !ends) {
    const saidNothing = isText ? given.text === "" : saysNothing(before);
    return isQuiet && !saidNothing ? held : [...held, now];
  }
  if (!choice.isBlocked) await choice.end();
  choice.isOver = true;
  const rest = choice.taken().map(carrier);
  const finish_reason = choice.isBlocked ? "content_filter" : given.finish_reason;
  if (isQuiet && rest.length === 0) return [...held, { ...now, finish_reason }];
  const last = { ...carrier(isText ? { text: "" } : {}), finish_reason };
  return [...held, ...(isQuiet ? [] : [{ ...now, finish_reason: null }]), ...rest, last];
}

export function choicesRewriter(options: ChoicesOptions): EventRewriter {
  const known = new Map<unknown, Choice>();
  const of = (index: unknown): Choice => {
    const own = known.get(index) ?? new Choice(options);
    known.set(index, own);
    return own;
  };
  return {
    event: async ({ bytes, data }) => {
      const same: Rewritten = { out: [bytes], isOver: false };
      if (data === undefined || isDoneData(data)) return same;
      const chunk: unknown = JSON.parse(data);
      if (!isRow(chunk) || !Array.isArray(chunk.choices) || chunk.choices.length === 0) return same;
      const given = chunk.choices.filter(isRow);
      const lists: (readonly Row[])[] = [];
      for (const choice of given) lists.push(await choiceOf(of(choice.index ?? 0), choice));
      const all = [...known.values()];
      const isOver = known.size >= options.choices && all.every(c => c.isOver) && all.some(c => c.isBlocked);
      const isSame = lists.every((list, i) => list.length === 1 && JSON.stringify(list[0]) === JSON.stringify(given[i]));
      if (isSame && !isOver) return same;
      const most = Math.max(...lists.map(list => list.length));
      // the chunk's counts go with its last part
      const { usage, ...rest } = chunk;
      const out = Array.from({ length: most }, (_, i) =>
        eventOf({
          ...rest,
          choices: lists.flatMap(list => list.slice(i, i + 1)),
          ...(usage !== undefined && i === most - 1 ? { usage } : {}),
        }),
      );
      if (most === 0 && isRow(usage)) out.push(eventOf({ ...chunk, choices: [] }));
      return { out: isOver ? [...out, lastEvent] : out, isOver };
    },
  };
}
