/**
 * How far a streamed answer has come: what was said, which choices have ended, what was counted, and of each event whether it may be passed on.
 * A rule for each API; none knows sockets. What it finds wrong is what other gateways pass on as a whole answer: a choice without a
 * `finish_reason`, an error inside of a 200, a chunk that is no JSON, a last chunk that comes twice.
 */
import { isDoneData, isRow, readUsage, type StreamEvent, type TokenUsage } from "../../protocols/index.ts";

/** APIs whose answers are streams of events. */
export type StreamedApi = "chat" | "completions" | "responses";

type Seen =
  /** To be passed on; `isContent` where the client learns something by it. */
  | { readonly kind: "pass"; readonly isContent: boolean }
  /** To be left out. */
  | { readonly kind: "drop" }
  /** The upstream says that the answer is whole. */
  | { readonly kind: "done" }
  /** The answer cannot be trusted from here on. */
  | { readonly kind: "broken"; readonly why: string; readonly error?: Readonly<Record<string, unknown>> };

export interface StreamProgress {
  see(event: StreamEvent): Seen;
  /** All that was promised has come: every choice ended. */
  readonly isWhole: boolean;
  /** Whether the terminal event came ([DONE], or `response.completed` and its like). */
  readonly isDone: boolean;
  /** Text of choice 0, where the answer is nothing but that; undefined where it is more (several choices, tool calls, a refusal). */
  readonly text: string | undefined;
  /** Events with text or a part of a call: where nothing was counted, about the tokens. */
  readonly pieces: number;
  readonly usage: TokenUsage | undefined;
  /** The first chunk, for its id and time. */
  readonly first: Readonly<Record<string, unknown>> | undefined;
}

interface ProgressOptions {
  /** The client did not ask for the chunk of usage: it is read and left out. */
  readonly dropsUsage: boolean;
  /** Choices that were asked for. */
  readonly choices: number;
}

type Row = Readonly<Record<string, unknown>>;

const broken = (why: string): Seen => ({ kind: "broken", why });
const passed: Seen = { kind: "pass", isContent: false };
const content: Seen = { kind: "pass", isContent: true };
const dropped: Seen = { kind: "drop" };
const done: Seen = { kind: "done" };

function parsed(data: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isRow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const others = ["tool_calls", "function_call", "refusal", "reasoning_content", "reasoning", "audio"];
/** Some servers write an empty list of calls in every chunk. */
const isNothing = (v: unknown): boolean => v === undefined || v === null || v === "" || (Array.isArray(v) && v.length === 0);

/** What a choice says in its text or in a message (a delta, in a stream): its text, and whether there is something other than text. */
function added(choice: Row, message: unknown): { readonly text: string; readonly isOther: boolean } {
  if (typeof choice.text === "string") return { text: choice.text, isOther: false };
  if (!isRow(message)) return { text: "", isOther: false };
  const isOther = others.some(k => !isNothing(message[k]));
  return { text: typeof message.content === "string" ? message.content : "", isOther };
}

/** Whether a whole answer holds anything that was written. */
export function hasWritten({ choices, output }: Row): boolean {
  if (!Array.isArray(choices)) return Array.isArray(output) && output.length > 0;
  return choices.some(choice => {
    if (!isRow(choice)) return false;
    const { text, isOther } = added(choice, choice.message);
    return text !== "" || isOther;
  });
}

/** Chat and completions: chunks of choices, each of which ends with a reason, then `[DONE]`. */
function choicesProgress({ dropsUsage, choices }: ProgressOptions): StreamProgress {
  const ended = new Set<number>();
  const begun = new Set<number>();
  let text: string | undefined = "";
  let pieces = 0;
  let usage: TokenUsage | undefined;
  let isDone = false;
  let first: Readonly<Record<string, unknown>> | undefined;
  return {
    see: event => {
      const { data } = event;
      if (data === undefined) return passed;
      if (isDoneData(data)) {
        isDone = true;
        return done;
      }
      const chunk = parsed(data);
      if (!chunk) return broken("a chunk that is no JSON object");
      if (chunk.error !== undefined && chunk.error !== null)
        return { kind: "broken", why: "an error object inside of the stream", ...(isRow(chunk.error) ? { error: chunk.error } : {}) };
      if (chunk.object === "error") return { kind: "broken", why: "an error object inside of the stream", error: chunk };
      first ??= chunk;
      usage = readUsage(chunk.usage) ?? usage;
      const list = Array.isArray(chunk.choices) ? chunk.choices.filter(isRow) : undefined;
      if (!list) return broken("a chunk without choices");
      if (list.length === 0) return dropsUsage && chunk.usage !== undefined ? dropped : passed;
      let isContent = false;
      let isNew = false;
      for (const choice of list) {
        const index = typeof choice.index === "number" ? choice.index : 0;
        const more = added(choice, choice.delta);
        begun.add(index);
        if (more.isOther || index !== 0) text = undefined;
        else if (text !== undefined) text += more.text;
        const says = more.text !== "" || more.isOther;
        if (says) pieces++;
        isContent ||= says;
        const reason = choice.finish_reason;
        const ends = typeof reason === "string" && reason !== "";
        // a last chunk that comes again says nothing
        if (!ended.has(index) || says) isNew = true;
        if (ends) ended.add(index);
      }
      if (!isNew) return dropped;
      return isContent ? content : passed;
    },
    get isWhole() {
      return begun.size > 0 && begun.size === ended.size && (isDone || ended.size >= choices);
    },
    get isDone() {
      return isDone;
    },
    get text() {
      return text;
    },
    get pieces() {
      return pieces;
    },
    get usage() {
      return usage;
    },
    get first() {
      return first;
    },
  };
}

const terminal = new Set(["response.completed", "response.incomplete", "response.failed"]);
/** Codes of a failed response that speak of the server; the others are its word on the request. */
const serverFaults = new Set<unknown>(["server_error", "rate_limit_exceeded"]);

/** The error of a response that its server could not give; undefined where there is none. */
export const serverFault = ({ error }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined =>
  isRow(error) && serverFaults.has(error.code) ? error : undefined;

/** Responses: events named by their type, the last of which is the whole response. */
function responsesProgress(): StreamProgress {
  let pieces = 0;
  let usage: TokenUsage | undefined;
  let isDone = false;
  let first: Readonly<Record<string, unknown>> | undefined;
  return {
    see: event => {
      if (event.data === undefined) return passed;
      if (isDoneData(event.data)) return dropped;
      const piece = parsed(event.data);
      if (!piece) return broken("an event that is no JSON object");
      if (piece.type === "error" || (piece.type === undefined && piece.error !== undefined))
        return {
          kind: "broken",
          why: "an error object inside of the stream",
          ...(isRow(piece.error) ? { error: piece.error } : { error: piece }),
        };
      const fault = piece.type === "response.failed" && isRow(piece.response) ? serverFault(piece.response) : undefined;
      if (fault) return { kind: "broken", why: "a response that failed", error: fault };
      first ??= piece;
      if (typeof piece.type === "string" && terminal.has(piece.type)) {
        isDone = true;
        usage = isRow(piece.response) ? readUsage(piece.response.usage) : undefined;
        return done;
      }
      const says = typeof piece.type === "string" && piece.type.endsWith(".delta");
      if (says) pieces++;
      return says ? content : passed;
    },
    get isWhole() {
      return isDone;
    },
    get isDone() {
      return isDone;
    },
    text: undefined,
    get pieces() {
      return pieces;
    },
    get usage() {
      return usage;
    },
    get first() {
      return first;
    },
  };
}

const rules: { readonly [A in StreamedApi]: (options: ProgressOptions) => StreamProgress } = {
  chat: choicesProgress,
  completions: choicesProgress,
  responses: responsesProgress,
};

export const progressOf = (api: StreamedApi, options: ProgressOptions): StreamProgress => rules[api](options);
