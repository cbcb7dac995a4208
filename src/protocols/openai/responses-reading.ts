/** A chat's answer as a response, whole or as the events that build it (OpenAI's API reference, Responses, streaming events). */
import { ProtocolFault } from "../protocol-fault.ts";
import type { AnswerReading, StreamPiece, TranslationRequest, UpstreamErrorText } from "../translation.ts";
import { countOr0, firstRow, isGiven, isRow, type Row, rowOr, rowsIn, stringOr, wordOf } from "../values.ts";
import { newObjectId } from "./object-id.ts";
import { type OutputItem, ResponseItems } from "./response-items.ts";
import { responseHead, responseState } from "./response-state.ts";

/** Nothing is kept, whatever was asked. */
const headOf = ({ body, now, model }: TranslationRequest): Row =>
  responseHead(body, {
    id: newObjectId("resp_"),
    createdAt: now,
    model,
    isStored: false,
    effort: rowOr(body.reasoning).effort,
    text: { format: { type: "text" }, ...rowOr(body.text) },
  });

function usageOf(usage: unknown): Row | null {
  if (!isRow(usage)) return null;
  const [input, output] = [countOr0(usage.prompt_tokens), countOr0(usage.completion_tokens)];
  const [of, on] = [usage.prompt_tokens_details, usage.completion_tokens_details];
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: isRow(of) ? countOr0(of.cached_tokens) : 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: isRow(on) ? countOr0(on.reasoning_tokens) : 0 },
    total_tokens: input + output,
  };
}

const cutOff: Readonly<Record<string, string>> = { length: "max_output_tokens", content_filter: "content_filter" };

function stateOf(head: Row, reason: string | undefined, items: readonly OutputItem[], usage: unknown): Row {
  const why = wordOf(cutOff, reason, "");
  return responseState(head, reason === undefined ? "in_progress" : why ? "incomplete" : "completed", items, usageOf(usage), why);
}

/** The one choice of a chat or a chunk. */
const choiceOf = (chat: Row): Row | undefined => firstRow(chat.choices);

/** Takes what a message or a delta says; gives what is to be told of it. */
function take(items: ResponseItems, said: Row): Row[] {
  const events: Row[] = [];
  const thought = said.reasoning_content ?? said.reasoning;
  if (typeof thought === "string" && thought !== "") events.push(...items.reasoning(thought));
  if (typeof said.content === "string" && said.content !== "") events.push(...items.text(said.content));
  if (typeof said.refusal === "string" && said.refusal !== "") events.push(...items.text(said.refusal));
  for (const [i, call] of rowsIn(said.tool_calls).entries()) {
    const f = rowOr(call.function);
    const index = typeof call.index === "number" ? call.index : i;
    events.push(...items.call(index, call.id, f.name, typeof f.arguments === "string" ? f.arguments : ""));
  }
  return events;
}

function eventsReader(asked: TranslationRequest): (piece: StreamPiece) => readonly StreamPiece[] {
  const head = headOf(asked);
  const items = new ResponseItems(kind => newObjectId(`${kind}_`));
  let sequence = 0;
  let hasBegun = false;
  let isOver = false;
  let reason: string | undefined;
  let usage: unknown;
  const numbered = (events: readonly Row[]): Row[] => events.map(e => ({ ...e, sequence_number: sequence++ }));
  const begin = (): Row[] => {
    if (hasBegun) return [];
    hasBegun = true;
    const response = stateOf(head, undefined, [], undefined);
    return [
      { type: "response.created", response },
      { type: "response.in_progress", response },
    ];
  };
  return piece => {
    if (piece === "done" || piece === "closed") {
      // the answer is over only where its choice ended: else it broke off
      if (isOver || reason === undefined) return [];
      isOver = true;
      const isWhole = wordOf(cutOff, reason, "") === "";
      const last = items.end(isWhole);
      const response = stateOf(head, reason, items.list, usage);
      return numbered([...begin(), ...last, { type: isWhole ? "response.completed" : "response.incomplete", response }]);
    }
    if (isGiven(piece.error)) {
      const error = isRow(piece.error) ? piece.error : { message: stringOr(piece.error, "an error without words") };
      return numbered([{ type: "error", code: error.code ?? null, message: error.message, param: null }]);
    }
    usage = piece.usage ?? usage;
    const choice = choiceOf(piece);
    if (!choice) return [];
    const told = [...begin(), ...(isRow(choice.delta) ? take(items, choice.delta) : [])];
    if (typeof choice.finish_reason === "string" && choice.finish_reason !== "") reason = choice.finish_reason;
    return numbered(told);
  };
}

function wholeOf(chat: Row, asked: TranslationRequest): Row {
  const choice = choiceOf(chat);
  if (!choice || !isRow(choice.message)) throw ProtocolFault.malformed("a chat without a choice");
  const items = new ResponseItems(kind => newObjectId(`${kind}_`));
  take(items, choice.message);
  const reason = stringOr(choice.finish_reason, "stop");
  items.end(wordOf(cutOff, reason, "") === "");
  return stateOf(headOf(asked), reason, items.list, chat.usage);
}

const errorOf = ({ error, object, message }: Row): UpstreamErrorText | undefined => {
  const own = isRow(error) ? error : object === "error" ? { message } : undefined;
  if (!own || typeof own.message !== "string") return undefined;
  const word = (v: unknown) => (typeof v === "string" ? v : undefined);
  return { message: own.message, type: word(own.type), code: word(own.code) };
};

export const responsesReading = (asked: TranslationRequest): AnswerReading => ({
  framing: "events",
  whole: chat => wholeOf(chat, asked),
  stream: () => eventsReader(asked),
  error: errorOf,
});
