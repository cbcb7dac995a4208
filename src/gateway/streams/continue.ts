/**
 * Going on with an answer that broke off: the text so far is put behind the prompt of a new request, and the chunks of its answer are made to
 * look like the old one's. Only where the answer is text alone, of one choice; a call, a form or several choices cannot be entered in the
 * middle. vLLM: `continue_final_message`; completions: the text behind the prompt.
 */
import { isRow } from "../../protocols/index.ts";
import type { Continuation } from "../upstreams/config.ts";
import type { StreamedApi, StreamProgress } from "./progress.ts";

type Body = Readonly<Record<string, unknown>>;

const isSet = (v: unknown): boolean => v !== undefined && v !== null && v !== false;

/** What the request asks for can be taken up in the middle. */
function isPlain(body: Body): boolean {
  const { n, best_of: best, tools, response_format: form, echo, suffix, logprobs } = body;
  if (isSet(n) && n !== 1) return false;
  if (isSet(best) && best !== 1) return false;
  if (Array.isArray(tools) && tools.length > 0) return false;
  if (isRow(form) && form.type !== "text") return false;
  return ![echo, suffix, logprobs, body.guided_json, body.guided_grammar, body.structured_outputs].some(isSet);
}

const bounds = ["max_tokens", "max_completion_tokens", "min_tokens"];

/**
 * The members of the request to change so that it goes on behind `progress.text`; undefined where it cannot. Tokens are counted by chunks,
 * which is one a token for servers that stream token by token.
 */
export function continued(api: StreamedApi, how: Continuation, body: Body, progress: StreamProgress): Body | undefined {
  const { text, pieces } = progress;
  if (how === "none" || text === undefined || text === "" || !isPlain(body)) return undefined;
  const changes: Record<string, unknown> = {};
  for (const key of bounds) {
    const bound = body[key];
    if (typeof bound !== "number") continue;
    if (key !== "min_tokens" && bound <= pieces) return undefined;
    changes[key] = Math.max(0, bound - pieces);
  }
  if (api === "completions") return typeof body.prompt === "string" ? { ...changes, prompt: body.prompt + text } : undefined;
  if (api !== "chat" || (how !== "vllm" && how !== "prefill") || !Array.isArray(body.messages)) return undefined;
  const last: unknown = body.messages.at(-1);
  const isBegun = isRow(last) && last.role === "assistant";
  if (isBegun && typeof last.content !== "string") return undefined;
  const messages = isBegun
    ? [...body.messages.slice(0, -1), { ...last, content: `${last.content}${text}` }]
    : [...body.messages, { role: "assistant", content: text }];
  return { ...changes, messages, ...(how === "vllm" ? { continue_final_message: true, add_generation_prompt: false } : {}) };
}

/**
 * Chunks of the second answer as chunks of the first: its id, time and model, no second role, and counts as of one answer: the prompt without
 * the text that was put behind it, the answer with it. undefined: says nothing new.
 */
export function glued(chunk: Body, first: Body, piecesBefore: number): Body | undefined {
  const { usage } = chunk;
  const more: Record<string, unknown> = { id: first.id, created: first.created, model: first.model };
  if (isRow(usage) && typeof usage.prompt_tokens === "number" && typeof usage.completion_tokens === "number")
    more.usage = {
      ...usage,
      prompt_tokens: Math.max(0, usage.prompt_tokens - piecesBefore),
      completion_tokens: usage.completion_tokens + piecesBefore,
    };
  const choices = Array.isArray(chunk.choices) ? chunk.choices.filter(isRow) : [];
  const isOnlyRole = choices.length > 0 && choices.every(c => isRow(c.delta) && !isSet(c.finish_reason) && !isSet(c.delta.content || null));
  if (isOnlyRole) return undefined;
  return { ...chunk, ...more };
}
