/**
 * A streamed answer as a sequence of what happens in it. Understands both of OpenAI's stream forms (completions: `text`, chat:
 * `delta.content`, `delta.tool_calls`), the usage part at the end, and an error in mid-stream. A stream that stops without an end is an error.
 */

import { FailureError, failureOfBody, interrupted, wrongShape } from "../failure.ts";
import * as is from "../shape.ts";
import { sseParser } from "../sse.ts";
import { type AnswerToken, answerTokens, choiceLogprobs } from "./tokens.ts";
import type { ToolCallPiece } from "./tools.ts";

export type AnswerEvent =
  | { readonly type: "text"; readonly text: string; readonly tokens?: readonly AnswerToken[] }
  | { readonly type: "call"; readonly piece: ToolCallPiece }
  | { readonly type: "finish"; readonly reason: string }
  | { readonly type: "usage"; readonly promptTokens: number; readonly completionTokens: number };

const callPiece = is.object({
  index: is.nullish(is.number),
  id: is.nullish(is.string),
  function: is.nullish(is.object({ name: is.nullish(is.string), arguments: is.nullish(is.string) })),
});

const chunk = is.object({
  choices: is.array(
    is.object({
      text: is.nullish(is.string),
      delta: is.nullish(is.object({ content: is.nullish(is.string), tool_calls: is.nullish(is.array(callPiece)) })),
      logprobs: is.nullish(choiceLogprobs),
      finish_reason: is.nullish(is.string),
    }),
  ),
  usage: is.nullish(is.object({ prompt_tokens: is.number, completion_tokens: is.number })),
});

/** What one `data:` line says. Errors: FailureError (an error of the server, not JSON, another shape). */
export function answerEvents(data: string): AnswerEvent[] {
  let body: unknown;
  try {
    body = JSON.parse(data);
  } catch {
    throw new FailureError(wrongShape(`The stream: expected JSON, got ${JSON.stringify(data.slice(0, 60))}.`));
  }
  const failure = failureOfBody(body, null);
  if (failure) throw new FailureError(failure);
  const result = chunk.safeParse(body);
  if (!result.success) throw new FailureError(wrongShape(`The stream: ${result.error.message}.`));
  const { choices, usage } = result.data;
  const events: AnswerEvent[] = [];
  for (const choice of choices) {
    const text = choice.delta?.content ?? choice.text ?? "";
    const tokens = choice.logprobs ? answerTokens(choice.logprobs) : [];
    if (text !== "" || tokens.length > 0) events.push({ type: "text", text, ...(tokens.length > 0 ? { tokens } : {}) });
    for (const [i, { index, id, function: of }] of (choice.delta?.tool_calls ?? []).entries())
      events.push({
        type: "call",
        piece: { index: index ?? i, ...(id ? { id } : {}), ...(of?.name ? { name: of.name } : {}), arguments: of?.arguments ?? "" },
      });
    if (choice.finish_reason) events.push({ type: "finish", reason: choice.finish_reason });
  }
  if (usage) events.push({ type: "usage", promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens });
  return events;
}

/** Events of a response's bytes, as they come. Errors: FailureError; what reading throws. */
export async function* readAnswer(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<AnswerEvent> {
  const parser = sseParser();
  const decoder = new TextDecoder();
  let hasEnded = false;
  for await (const piece of pieces)
    for (const { data } of parser.push(decoder.decode(piece, { stream: true }))) {
      if (data === "[DONE]") return;
      for (const event of answerEvents(data)) {
        hasEnded ||= event.type === "finish";
        yield event;
      }
    }
  if (!hasEnded) throw new FailureError(interrupted);
}
