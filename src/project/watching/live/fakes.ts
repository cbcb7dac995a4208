/** Stand-ins for tests of monitoring: responses that were told, and a clock that is moved by hand. */
import type { Clock } from "../../../base/index.ts";
import type { RequestRecord } from "../../../gateway/index.ts";
import type { EndedResponse } from "../../../serve/index.ts";

/** A clock whose wall time may jump beside the monotonic one. */
export function jumpingClock(startMs: number): Clock & { advance(ms: number): void; jump(ms: number): void } {
  let [now, monotonic] = [startMs, 1_000];
  return {
    now: () => now,
    monotonic: () => monotonic,
    advance: ms => {
      now += ms;
      monotonic += ms;
    },
    jump: ms => {
      now += ms;
    },
  };
}

export const toldResponse = (more: Partial<EndedResponse> = {}): EndedResponse => ({
  requestId: "req-1",
  responseId: null,
  atMs: 0,
  contract: "openai",
  endpoint: "chat",
  route: "/v1/chat/completions",
  model: "mail@1",
  modelName: "mail",
  modelVersion: 1,
  arm: null,
  isShadow: false,
  status: 200,
  outcome: "stop",
  error: null,
  user: null,
  owner: null,
  queuedMs: 1,
  firstTokenMs: 20,
  totalMs: 100,
  promptTokens: 4,
  cachedTokens: 0,
  answerTokens: 3,
  answers: [
    {
      outcome: "stop",
      isForced: false,
      promptTokens: [1, 2, 3, 4],
      answerTokens: [5, 6, 7],
      usage: { promptTokens: 4, completionTokens: 3 },
      queuedMs: 1,
      firstTokenMs: 20,
      totalMs: 99,
      logProbability: -2,
      scoredTokens: 2,
    },
  ],
  readings: [],
  decode: tokens => tokens.map(t => String.fromCharCode(64 + t)).join(""),
  ...more,
});

/** A line of a gateway's log. */
export const toldRequest = (more: Partial<RequestRecord> = {}): RequestRecord => ({
  id: "req-1",
  time: "2026-11-30T12:00:00.000Z",
  method: "POST",
  path: "/v1/chat/completions",
  ip: null,
  key: null,
  subject: null,
  model: "chat",
  target: "local",
  attempts: [],
  status: 200,
  error: null,
  detail: null,
  ms: 100,
  firstMs: 20,
  isStream: false,
  resumed: 0,
  rule: null,
  queuedMs: 0,
  isHedged: false,
  inputTokens: 4,
  outputTokens: 3,
  cachedTokens: 0,
  served: null,
  trace: null,
  cache: null,
  guards: [],
  warnings: [],
  ...more,
});
