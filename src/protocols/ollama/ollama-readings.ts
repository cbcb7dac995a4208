/** Ollama's answers as OpenAI's: whole and in lines, chats, completions and embeddings. */
import { chatUsage, chunksOf } from "../openai/chat.ts";
import { completionChoice, completionHead } from "../openai/completions.ts";
import { embeddingsOf } from "../openai/embeddings.ts";
import { newObjectId } from "../openai/object-id.ts";
import { ProtocolFault } from "../protocol-fault.ts";
import type { AnswerReading, StreamPiece, TranslationRequest, UpstreamErrorText } from "../translation.ts";
import { countOr0, isGiven, isRow, type Row, rowOr, rowsIn, stringOr } from "../values.ts";

const errorOf = ({ error }: Row): UpstreamErrorText | undefined => {
  if (typeof error === "string") return { message: error };
  return isRow(error) && typeof error.message === "string" ? { message: error.message } : undefined;
};

/** Undefined where it did not count: what is not said is not made up. */
const usageOf = (line: Row): Row | undefined =>
  isGiven(line.eval_count) ? chatUsage({ input: countOr0(line.prompt_eval_count), output: countOr0(line.eval_count) }) : undefined;
const withUsage = (line: Row): Row => {
  const usage = usageOf(line);
  return usage ? { usage } : {};
};

const reasonOf = (line: Row, hasCalls: boolean): string => (hasCalls ? "tool_calls" : line.done_reason === "length" ? "length" : "stop");

const messageOf = (line: Row): Row => rowOr(line.message);
const callsOf = (message: Row): Row[] =>
  rowsIn(message.tool_calls).map(c => {
    const f = rowOr(c.function);
    const id = typeof c.id === "string" && c.id !== "" ? c.id : newObjectId("call_");
    return { id, type: "function", function: { name: f.name, arguments: JSON.stringify(f.arguments ?? {}) } };
  });

const thoughtOf = (message: Row): Row =>
  typeof message.thinking === "string" && message.thinking !== "" ? { reasoning_content: message.thinking } : {};

function chatOf(line: Row, { model, now }: TranslationRequest): Row {
  if (!isRow(line.message)) throw ProtocolFault.malformed("an answer without a message");
  const message = messageOf(line);
  const calls = callsOf(message);
  const text = stringOr(message.content);
  const own = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
    ...thoughtOf(message),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  return {
    id: newObjectId("chatcmpl-"),
    object: "chat.completion",
    created: now,
    model,
    choices: [{ index: 0, message: own, logprobs: null, finish_reason: reasonOf(line, calls.length > 0) }],
    ...withUsage(line),
  };
}

function chatLines({ model, now }: TranslationRequest): (piece: StreamPiece) => readonly StreamPiece[] {
  const chunks = chunksOf({ id: newObjectId("chatcmpl-"), created: now, model });
  let hasBegun = false;
  let calls = 0;
  return line => {
    if (line === "done" || line === "closed") return [];
    const error = errorOf(line);
    if (error) return [{ error }];
    const out: StreamPiece[] = [];
    if (!hasBegun) out.push(chunks.delta({ role: "assistant", content: "" }));
    hasBegun = true;
    const message = messageOf(line);
    const thought = thoughtOf(message);
    if (isGiven(thought.reasoning_content)) out.push(chunks.delta(thought));
    if (typeof message.content === "string" && message.content !== "") out.push(chunks.delta({ content: message.content }));
    for (const call of callsOf(message)) out.push(chunks.delta({ tool_calls: [{ index: calls++, ...call }] }));
    if (line.done !== true) return out;
    const usage = usageOf(line);
    return [...out, chunks.last(reasonOf(line, calls > 0)), ...(usage ? [chunks.usage(usage)] : []), "done"];
  };
}

export const ollamaChatReading = (asked: TranslationRequest): AnswerReading => ({
  framing: "lines",
  whole: line => chatOf(line, asked),
  stream: () => chatLines(asked),
  error: errorOf,
});

export const ollamaCompletionReading = (asked: TranslationRequest): AnswerReading => ({
  framing: "lines",
  whole: line => {
    if (typeof line.response !== "string") throw ProtocolFault.malformed("an answer without a response");
    return {
      ...completionHead(newObjectId("cmpl-"), asked),
      choices: [completionChoice(line.response, reasonOf(line, false))],
      ...withUsage(line),
    };
  },
  stream: () => {
    const head = completionHead(newObjectId("cmpl-"), asked);
    return line => {
      if (line === "done" || line === "closed") return [];
      const error = errorOf(line);
      if (error) return [{ error }];
      const text = typeof line.response === "string" ? line.response : "";
      if (line.done !== true) return text === "" ? [] : [{ ...head, choices: [completionChoice(text, null)] }];
      const usage = usageOf(line);
      const last = { ...head, choices: [completionChoice(text, reasonOf(line, false))] };
      return [last, ...(usage ? [{ ...head, choices: [], usage }] : []), "done"];
    };
  },
  error: errorOf,
});

export const ollamaEmbedReading = (asked: TranslationRequest): AnswerReading => ({
  framing: "whole",
  whole: value =>
    embeddingsOf(asked, value.embeddings, isGiven(value.prompt_eval_count) ? countOr0(value.prompt_eval_count) : asked.inputTokens),
  stream: () => () => [],
  error: errorOf,
});
