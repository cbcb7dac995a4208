/**
 * POST /v1/responses: OpenAI's newer form of a chat, which the AI SDK asks first. Text and functions in and out. A response is kept, unless
 * `store` is false, so that the next one may go on from it; `GET` and `DELETE /v1/responses/ID` read it and take it away.
 */
import {
  type OutputItem,
  ResponseItems,
  type ResponsesRequest,
  type Row,
  requestFields,
  responseHead,
  responseState,
  responsesRequest,
  typedEvents,
} from "../../../protocols/index.ts";
import type { Usage } from "../../generation.ts";
import { collectAll, merged, wireUsage } from "../answers.ts";
import { startChat } from "../chat-run.ts";
import { answering, type ContractRoute, del, get, post } from "../contract.ts";
import { type AppContext, askerOf, callerOf, newId, type Services, streamAnswer } from "../exchange.ts";
import { pageOf } from "../files/pages.ts";
import type { Caller } from "../owner.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import type { AnswerPart } from "../tools/answer-parser.ts";
import { isCopy } from "../visited.ts";
import { itemsOf, responseTools, responseTurns, sampledBody } from "./request.ts";
import { type KeptResponse, keptItem, type ResponseStore } from "./store.ts";

type Status = "in_progress" | "completed" | "incomplete";

const usageOf = (prompts: readonly (readonly number[])[], usage: Usage) => {
  const { prompt_tokens, prompt_tokens_details, completion_tokens, completion_tokens_details, total_tokens } = wireUsage(prompts, [usage]);
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: prompt_tokens_details,
    output_tokens: completion_tokens,
    output_tokens_details: completion_tokens_details,
    total_tokens,
  };
};

/** What was said before. Errors: serve/unknownResponse where the response is not kept. */
const before = ({ previous_response_id: id }: ResponsesRequest, caller: Caller, store: ResponseStore): KeptResponse["conversation"] =>
  id == null ? [] : store.get(caller, id, "previous_response_id").conversation;

/** Takes a part of the answer; gives what is to be told of it. */
const outputOf = (output: ResponseItems<string>, part: AnswerPart): Row[] => {
  if (part.kind === "text") return output.text(part.text);
  return part.kind === "call" ? output.call(part.index, part.id, part.name, "") : output.call(part.index, "", "", part.text);
};

async function create(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(responsesRequest, await checkedBody(c, requestFields.responses));
  const engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const { responses: store } = services;
  const caller = callerOf(c);
  const earlier = before(body, caller, store);
  const input = itemsOf(body, (id, place) => store.item(caller, id, place));
  const { prompts, generations, parser } = startChat({
    engine,
    turns: responseTurns(body.instructions, [...earlier, ...input]),
    use: responseTools(body),
    body: sampledBody(body),
    maxTokens: body.max_output_tokens ?? undefined,
    ...askerOf(c),
  });
  const id = newId("resp");
  const isStored = body.store ?? true;
  const head = responseHead(body, {
    id,
    createdAt: services.created(),
    model: body.model,
    previousId: body.previous_response_id,
    isStored,
    effort: null,
    text: { format: body.text?.format ?? { type: "text" } },
    fingerprint: engine.fingerprint,
  });
  const state = (status: Status, items: readonly OutputItem<string>[], usage?: Usage) =>
    responseState(head, status, items, usage ? usageOf(prompts, usage) : null, status === "incomplete" ? "max_output_tokens" : undefined);
  const statusOf = (reason: string): Status => (reason === "length" ? "incomplete" : "completed");
  const ended = (status: Status, items: readonly OutputItem<string>[], usage: Usage) => {
    const whole = state(status, items, usage);
    if (isStored && !isCopy(c.req.raw)) {
      const own = input.map(keptItem);
      store.add({ owner: caller.owner, id, body: whole, input: own, conversation: [...earlier, ...own, ...whole.output] });
    }
    return whole;
  };
  const output = new ResponseItems<string>(newId);
  const parse = parser();

  if (!body.stream) {
    const [answer] = await collectAll(generations);
    for (const part of [...parse.push(answer!.text), ...parse.end()]) outputOf(output, part);
    const status = statusOf(answer!.finishReason);
    output.end(status === "completed");
    return c.json(ended(status, output.list, answer!.usage));
  }

  let sequence = 0;
  const numbered = <E extends Row>(event: E) => ({ ...event, sequence_number: sequence++ });
  async function* events(): AsyncGenerator<unknown, void, undefined> {
    const begun = state("in_progress", []);
    yield numbered({ type: "response.created", response: begun });
    yield numbered({ type: "response.in_progress", response: begun });
    for await (const { event } of merged(generations)) {
      const parts = [...parse.push(event.text), ...(event.kind === "end" ? parse.end() : [])];
      for (const part of parts) for (const told of outputOf(output, part)) yield numbered(told);
      if (event.kind === "text") continue;
      const status = statusOf(event.finishReason);
      for (const told of output.end(status === "completed")) yield numbered(told);
      yield numbered({ type: `response.${status}`, response: ended(status, output.list, event.usage) });
    }
  }
  const framing = typedEvents(({ error }) => numbered({ type: "error", code: error.code, message: error.message, param: error.param }));
  return streamAnswer(c, services, generations, events(), framing);
}

const idOf = (c: AppContext): string => c.req.param("id") ?? "";

export const responses: readonly ContractRoute[] = [
  answering("responses", post("/v1/responses", create, "chat"), body => [body.max_output_tokens]),
  get("/v1/responses/:id", (c, services) => c.json(services.responses.get(callerOf(c), idOf(c)).body)),
  get("/v1/responses/:id/input_items", (c, services) => c.json(pageOf(c, services.responses.get(callerOf(c), idOf(c)).input))),
  del("/v1/responses/:id", (c, services) => {
    services.responses.remove(callerOf(c), idOf(c));
    return c.json({ id: idOf(c), object: "response", deleted: true });
  }),
];
