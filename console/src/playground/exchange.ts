/** One prompt and its answer, from waiting to its end, as plain data; every change is a function from one to the next. */
import type { Failure } from "../failure.ts";
import type { AnswerEvent } from "./answer.ts";
import { type Measure, measureFrom, withPiece, withUsage } from "./measure.ts";
import type { Message, Mode, Request } from "./request.ts";
import type { AnswerToken } from "./tokens.ts";

export type Phase = "waiting" | "streaming" | "done" | "stopped" | "failed";

export interface Exchange {
  readonly id: number;
  readonly mode: Mode;
  readonly prompt: string;
  readonly request: Request;
  readonly text: string;
  /** Where probabilities were asked for. */
  readonly tokens: readonly AnswerToken[];
  readonly phase: Phase;
  readonly measure: Measure;
  /** The server's word: `stop`, `length`, ... */
  readonly finish: string | null;
  readonly failure: Failure | null;
}

export const begin = (id: number, mode: Mode, prompt: string, request: Request, nowMs: number): Exchange => ({
  id,
  mode,
  prompt,
  request,
  text: "",
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
    .filter(e => e.mode === "chat" && e.id < id && e.text !== "" && e.phase !== "failed")
    .flatMap(e => [
      { role: "user", content: e.prompt },
      { role: "assistant", content: e.text },
    ]);

const reasons: Record<string, string> = {
  stop: "ended by itself or at a stop string",
  length: "reached the token limit",
  content_filter: "held back by a filter",
};
/** What a finish reason means, in words; a stranger is said as it is. */
export const reasonWords = (reason: string): string => reasons[reason] ?? reason;
