/** Whether a request can be taken at all (tokens, context) and whether there is room in the queue now: pure checks, all before anything is queued. */
import { nnErrors } from "../nn/index.ts";
import { contextLength, serveErrors } from "./errors.ts";
import type { GenerationRequest } from "./generation.ts";
import { limits } from "./limits.ts";
import { checkTokens } from "./padded-vocabulary.ts";
import type { Program } from "./program.ts";
import type { ServedTokenizer } from "./served-model.ts";

export interface Capacity {
  /** The model's id, for messages. */
  readonly model: string;
  readonly tokenizer: ServedTokenizer;
  /** Tokens of prompt and answer together. */
  readonly room: number;
  readonly slots: number;
  readonly queueSequences: number;
}

/** Tokens of the answer at most. Errors: serve/parameter, serve/contextLength. */
export function admittedTokens({ model, tokenizer, room }: Capacity, { tokens, maxTokens, sampling }: GenerationRequest): number {
  if (tokens.length === 0) throw serveErrors.fail("parameter", { place: "prompt", expected: "at least one token", received: "none" });
  checkTokens(tokenizer, tokens, "prompt");
  checkTokens(tokenizer, sampling?.logitBias?.keys() ?? [], "logit_bias");
  if (maxTokens !== undefined && (!Number.isSafeInteger(maxTokens) || maxTokens < 0))
    throw serveErrors.fail("parameter", { place: "max_tokens", expected: "a whole number from 0", received: String(maxTokens) });
  const wanted = tokens.length + (maxTokens ?? 1);
  if (wanted > room)
    throw contextLength(
      room,
      `you requested ${wanted} tokens (${tokens.length} in the prompt, ${maxTokens === undefined ? "at least 1" : maxTokens} in the completion)`,
      {
        hint: tokens.length < room ? `Ask ${model} for at most ${room - tokens.length}, or shorten the prompt.` : "Shorten the prompt.",
      },
    );
  return maxTokens ?? room - tokens.length;
}

interface QueueLoad {
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

/**
 * Positions that all who run may hold together. Fewer than all slots have only where programs agree to the bit: who is put back is computed
 * anew by other programs. Errors: nn/config where one sequence could not have all the room, or there would be more than the slots have.
 */
export function cacheTokensOf(
  asked: number | undefined,
  { slots, room, isUniform }: Pick<Program, "slots" | "room" | "isUniform">,
): number {
  const all = slots * room;
  if (asked === undefined) return all;
  if (!Number.isSafeInteger(asked) || asked < room || asked > all)
    throw nnErrors.fail("config", {
      place: "cache.tokens",
      expected: `a whole number from ${room} (one slot) to ${all} (all slots)`,
      received: String(asked),
    });
  return isUniform ? asked : all;
}

/** What a search takes at most, and what there is. */
interface SearchSize {
  readonly width: number;
  readonly answers: number;
  /** Tokens of a beam at most, the prompt's included. */
  readonly length: number;
}

/**
 * Errors: serve/parameter where a search is wider than the engine, has more positions than its cache, or shall give more answers than it
 * keeps.
 */
export function checkBeams(
  model: string,
  { slots, cacheTokens }: { readonly slots: number; readonly cacheTokens: number },
  { width, answers, length }: SearchSize,
): void {
  if (width > slots)
    throw serveErrors.fail("parameter", {
      place: "beam_width",
      expected: `at most ${slots} (the concurrent sequences of ${model})`,
      received: String(width),
    });
  if (width * length > cacheTokens)
    throw serveErrors.fail("parameter", {
      place: "beam_width",
      expected: `at most ${cacheTokens} KV-cache tokens for all beams`,
      received: `${width} beams of up to ${length}`,
      hint: "Ask for fewer beams or fewer tokens.",
    });
  if (answers > width)
    throw serveErrors.fail("parameter", {
      place: "n",
      expected: `at most ${width} answers of a search of ${width} beams`,
      received: String(answers),
    });
}
