/** The answer of a chat in another API's words, whole or as a stream; a stream stays one: event by event, none before it is asked for. */
import { type AnswerKnowledge, cutEvents, type Passage, type Row } from "../../protocols/index.ts";
import type { Answer } from "../http/exchange.ts";
import type { ChatContract } from "./contract.ts";

/**
 * `passage`: what the upstream said in the contract's own words; given as it is where nothing changed it on the way. `known`: what is told before the
 * upstream tells it.
 */
export function translated(answer: Answer, contract: ChatContract, passage?: Passage, known?: AnswerKnowledge): Answer {
  const { body } = answer;
  if (typeof body === "string")
    return { ...answer, body: passage?.take(body)?.own ?? JSON.stringify(contract.answer(JSON.parse(body) as Row, known)) };
  if (body instanceof Uint8Array) return answer;
  const cutter = cutEvents();
  const say = contract.stream(passage, known);
  const encoder = new TextEncoder();
  const reader = body.getReader();
  return {
    ...answer,
    body: new ReadableStream<Uint8Array>({
      async pull(controller) {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          const text = cutter
            .push(Buffer.from(value))
            .map(e => say(e.data))
            .join("");
          if (text === "") continue;
          controller.enqueue(encoder.encode(text));
          return;
        }
      },
      cancel: reason => reader.cancel(reason),
    }),
  };
}
