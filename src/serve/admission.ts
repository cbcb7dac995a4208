/** Whether a request can be taken at all (tokens, context) and whether there is room in the queue now: pure checks, all before anything is queued. */
import { serveErrors } from "./errors.ts";
import { limits } from "./limits.ts";
import type { GenerationRequest } from "./sequence.ts";

export interface Capacity {
  /** The model's id, for messages. */
  readonly model: string;
  readonly vocab: number;
  /** Tokens of prompt and answer together. */
  readonly room: number;
  readonly slots: number;
  readonly queueSequences: number;
}

/** Tokens of the answer at most. Errors: serve/parameter, serve/contextLength. */
export function answerTokens({ model, vocab, room }: Capacity, { tokens, maxTokens }: GenerationRequest): number {
  const strange = tokens.find(t => !Number.isSafeInteger(t) || t < 0 || t >= vocab);
  if (strange !== undefined || tokens.length === 0)
    throw serveErrors.fail("parameter", {
      place: "prompt",
      expected: strange === undefined ? "at least one token" : `token ids from 0 to ${vocab - 1}`,
      received: strange === undefined ? "none" : String(strange),
    });
  if (maxTokens !== undefined && (!Number.isSafeInteger(maxTokens) || maxTokens < 0))
    throw serveErrors.fail("parameter", { place: "max_tokens", expected: "a whole number from 0", received: String(maxTokens) });
  const wanted = tokens.length + (maxTokens ?? 1);
  if (wanted > room)
    throw serveErrors.fail("contextLength", {
      expected: `at most ${room} tokens (the context of ${model})`,
      received: `${wanted}: ${tokens.length} in the prompt, ${maxTokens === undefined ? "at least 1" : maxTokens} in the answer`,
      hint: tokens.length < room ? `Ask for at most ${room - tokens.length}, or shorten the prompt.` : "Shorten the prompt.",
    });
  return maxTokens ?? room - tokens.length;
}

export interface QueueLoad {
  readonly running: number;
  readonly waiting: number;
  /** Prompt tokens that wait. */
  readonly waitingTokens: number;
}

/** Errors: serve/queueFull when so many more answers and prompt tokens do not fit; free slots count as room. */
export function checkQueue(
  { model, slots, room, queueSequences }: Capacity,
  load: QueueLoad,
  added: { readonly sequences: number; readonly tokens: number },
  retryAfterSeconds: number,
): void {
  const mostTokens = limits.queueTokensPerSlotRoom * slots * room;
  if (load.waiting + added.sequences <= queueSequences + slots - load.running && load.waitingTokens + added.tokens <= mostTokens) return;
  throw serveErrors.fail("queueFull", {
    place: model,
    expected: `a queue of at most ${queueSequences} answers and ${mostTokens} prompt tokens`,
    received: `${load.waiting} waiting and ${added.sequences} more`,
    hint: `Retry in ${retryAfterSeconds} s.`,
  });
}
