/** One prompt and its answer, from waiting to its end, as plain data; every change is a function from one to the next. */
import type { Failure } from "../failure.ts";
import type { AnswerEvent } from "./answer.ts";
import { type Measure, measureFrom, withPiece, withUsage } from "./measure.ts";
import { type Message, type Mode, type Request, turnOf } from "./request.ts";
import type { AnswerToken } from "./tokens.ts";
import { type ToolCall, type ToolResult, wireCalls, withPiece as withCallPiece } from "./tools.ts";

export type Phase = "waiting" | "streaming" | "done" | "stopped" | "failed";

/** Of a comparison: the first model, and the one beside it. */
export const sides = [0, 1] as const;
export type Side = (typeof sides)[number];

export interface Exchange {
  readonly id: number;
  readonly side: Side;
  /** What was sent to both sides at once has one number. */
  readonly turn: number;
  readonly mode: Mode;
  readonly prompt: string;
  /** What a person gave in place of a prompt: the results of the calls that the model made before. */
  readonly results: readonly ToolResult[];
  readonly request: Request;
  readonly text: string;
  readonly calls: readonly ToolCall[];
  /** The server's name of the request (`x-request-id`), by which feedback is given; null: it said none. */
  readonly requestId: string | null;
  /** Where probabilities were asked for. */
  readonly tokens: readonly AnswerToken[];
  readonly phase: Phase;
  readonly measure: Measure;
  /** The server's word: `stop`, `length`, ... */
  readonly finish: string | null;
  readonly failure: Failure | null;
}

export interface Beginning {
  readonly id: number;
  readonly side?: Side;
  readonly turn?: number;
  readonly mode: Mode;
  readonly prompt: string;
  readonly results?: readonly ToolResult[];
  readonly request: Request;
}

export const begin = ({ id, side = 0, turn = id, mode, prompt, results = [], request }: Beginning, nowMs: number): Exchange => ({
  id,
  side,
  turn,
  mode,
  prompt,
  results,
  request,
  text: "",
  calls: [],
  requestId: null,
  tokens: [],
  phase: "waiting",
  measure: measureFrom(nowMs),
  finish: null,
  failure: null,
});

export const isRunning = (e: Exchange): boolean => e.phase === "waiting" || e.phase === "streaming";

export function withEvent(e: Exchange, event: AnswerEvent, nowMs: number): Exchange {
  switch (event.type) {
    case "text":
      return {
        ...e,
        phase: "streaming",
        text: e.text + event.text,
        tokens: event.tokens ? [...e.tokens, ...event.tokens] : e.tokens,
        measure: withPiece(e.measure, nowMs),
      };
    case "call":
      return { ...e, phase: "streaming", calls: withCallPiece(e.calls, event.piece), measure: withPiece(e.measure, nowMs) };
    case "finish":
      return { ...e, finish: event.reason };
    case "usage":
      return { ...e, measure: withUsage(e.measure, event.completionTokens, event.promptTokens) };
  }
}

export const ended = (e: Exchange): Exchange => ({ ...e, phase: "done" });
export const stopped = (e: Exchange): Exchange => ({ ...e, phase: "stopped" });
export const failed = (e: Exchange, failure: Failure): Exchange => ({ ...e, phase: "failed", failure });

/** What was said in the chat before `id` (or at all): exchanges with an answer, in order. */
export const historyOf = (exchanges: readonly Exchange[], id = Number.POSITIVE_INFINITY): Message[] =>
  exchanges
    .filter(e => e.mode === "chat" && e.id < id && hasAnswer(e) && e.phase !== "failed")
    .flatMap((e): Message[] => [
      ...turnOf(e.results.length > 0 ? e.results : e.prompt),
      { role: "assistant", content: e.text, ...(e.calls.length > 0 ? { tool_calls: wireCalls(e.calls) } : {}) },
    ]);

export const hasAnswer = (e: Exchange): boolean => e.text !== "" || e.calls.length > 0;

/** The exchange whose calls wait for results: the last one of a conversation, where the model called. */
export const calling = (conversation: readonly Exchange[]): Exchange | undefined => {
  const last = conversation.at(-1);
  return last && last.calls.length > 0 && last.phase === "done" ? last : undefined;
};

/** The model that was asked. */
export const modelOf = (e: Exchange): string => e.request.body.model;

const reasons: Record<string, string> = {
  stop: "ended by itself or at a stop string",
  length: "reached the token limit",
  content_filter: "held back by a filter",
  tool_calls: "called a function",
};
/** What a finish reason means, in words; a stranger is said as it is. */
export const reasonWords = (reason: string): string => reasons[reason] ?? reason;
