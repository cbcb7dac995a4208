/**
 * POST /v1/responses: OpenAI's newer form of a chat, which the AI SDK asks first. Text and functions in and out. A response is kept, unless
 * `store` is false, so that the next one may go on from it; `GET` and `DELETE /v1/responses/ID` read it and take it away.
 */
import { isLoamError } from "../../../base/index.ts";
import {
  ResponseItems,
  type ResponseStatus,
  type ResponsesRequest,
  type Row,
  requestFields,
  responseHead,
  responseState,
  responsesRequest,
  typedEvents,
} from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import { serveErrors } from "../../errors.ts";
import type { EndReason, GeneratedToken, Usage } from "../../generation.ts";
import { followAccount } from "../../response-account.ts";
import type { ServedChatTurn } from "../../served-model.ts";
import { collectAll, wireUsage } from "../answers.ts";
import { type ChatRun, chatPrompt, startChat } from "../chat-run.ts";
import { chatWish, unreadWishes } from "../chat-wish.ts";
import { answering, type ContractRoute, del, describing, get, post } from "../contract.ts";
import { type AppContext, askerOf, callerOf, keptId, newResponseId, type Services, streamAnswer } from "../exchange.ts";
import { pageOf } from "../files/pages.ts";
import { askedLogprobs } from "../logprob-bounds.ts";
import { chatLogprobs } from "../logprobs.ts";
import { withOnlyModel } from "../only-model.ts";
import type { Caller } from "../owner.ts";
import { parseBody } from "../parse.ts";
import { checkedBody, ignore } from "../request-fields.ts";
import { Telemetry } from "../telemetry.ts";
import { type AnswerParser, type AnswerPart, wholeParts } from "../tools/answer-parser.ts";
import { isCopy } from "../visited.ts";
import { wireError } from "../wire-error.ts";
import { itemsOf, responseTools, responseTurns, sampledBody } from "./request.ts";
import { type KeptItem, type KeptResponse, keptItem, type ResponseStore } from "./store.ts";

const usageOf = (prompts: readonly (readonly number[])[], usage: Usage, reasoningTokens?: number) => {
  const { prompt_tokens, prompt_tokens_details, completion_tokens, completion_tokens_details, total_tokens } = wireUsage(
    prompts,
    [usage],
    reasoningTokens,
  );
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

type LogProbabilities = readonly object[];

/** One response in the making: what its request asked for, and the answer's parts as output items. */
interface Making {
  readonly run: ChatRun;
  readonly output: ResponseItems<string>;
  readonly parse: AnswerParser;
  /** Log-probabilities of tokens, where the request includes them. */
  /** `isStart`: they are the first of an answer. */
  logprobsOf(tokens: readonly GeneratedToken[], isStart: boolean): LogProbabilities;
  readonly showsReasoning: boolean;
  readonly telemetry: Telemetry;
  /** Takes text and tokens of the answer in, as the model wrote them. */
  hear(text: string, tokens: readonly GeneratedToken[]): void;
  state(status: ResponseStatus, usage?: Usage, reason?: EndReason): Row;
  /** A further state of a response in the background, kept. */
  keep(state: Row): Row;
  /** The whole response, kept where it is to be. */
  ended(status: ResponseStatus, usage: Usage, reason: EndReason): Row;
}

/** Takes parts of the answer; gives what is to be told of them. Log-probabilities go out with the first text. */
function* outputOf({ output, showsReasoning }: Making, parts: readonly AnswerPart[], logprobs: object[]): Generator<Row> {
  for (const part of parts) {
    if (part.kind === "text") yield* output.text(part.text, logprobs.splice(0));
    else if (part.kind === "call") yield* output.call(part.index, part.id, part.name, "");
    else if (part.kind === "arguments") yield* output.call(part.index, "", "", part.text);
    else if (showsReasoning) yield* output.reasoning(part.text);
    if (part.kind === "reasoning") logprobs.splice(0);
  }
}

/** Turns that fit the context: where the request lets it, the oldest ones are left out up to one of the user's; the system's stay. */
function fitting(engine: Engine, turns: readonly ServedChatTurn[], room: number, lengthOf: (turns: readonly ServedChatTurn[]) => number) {
  const fits = (given: readonly ServedChatTurn[]): boolean => {
    try {
      return lengthOf(given) + room <= engine.room;
    } catch (error) {
      if (isLoamError(error, "serve/contextLength")) return false;
      throw error;
    }
  };
  if (fits(turns)) return turns;
  const starts = turns.flatMap((t, i) => (t.role === "user" ? [i] : []));
  const from = (start: number) => turns.filter((t, i) => i >= start || t.role === "system");
  // fewer turns never take more tokens
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(from(starts[middle]!))) high = middle;
    else low = middle + 1;
  }
  return starts.length === 0 ? turns : from(starts[low]!);
}

/** The conversation that a response goes on from, and what makes a prompt of it. */
function asked(c: AppContext, services: Services, body: ResponsesRequest) {
  const engine = services.engines.find(body.model);
  c.var.exchange.engine = engine;
  const { responses: store } = services;
  const caller = callerOf(c);
  const earlier = before(body, caller, store);
  const input = itemsOf(body, (id, place) => store.item(caller, id, place));
  const use = responseTools(body);
  const all = responseTurns(body.instructions, [...earlier, ...input]);
  const wish = chatWish(engine, all, { ...body, reasoning_effort: body.reasoning?.effort }, services);
  const lengthOf = (turns: readonly ServedChatTurn[]) => chatPrompt(engine, turns, use, wish).tokens.length;
  return { engine, store, caller, earlier, input, use, all, wish, lengthOf };
}

/** An answer as the model wrote it, for vLLM's `enable_response_messages`. */
class RawAnswer {
  #text = "";
  readonly #tokens: number[] = [];

  take(text: string, tokens: readonly GeneratedToken[]): void {
    this.#text += text;
    this.#tokens.push(...tokens.map(t => t.token));
  }
  /** Fields beside those of the response. */
  beside({ model: { tokenizer } }: Engine, prompt: readonly number[]) {
    const raw = (message: string, tokens: readonly number[]) => [{ type: "raw_message_tokens", message, tokens: [...tokens] }];
    return { input_messages: raw(tokenizer.decode(prompt), prompt), output_messages: raw(this.#text, this.#tokens) };
  }
}

/** `cancel`: of a response in the background, whose signal is not its request's. */
function begin(
  c: AppContext,
  services: Services,
  body: ResponsesRequest,
  background?: { readonly signal: AbortSignal; cancel(): object },
): Making {
  const { engine, store, caller, earlier, input, use, all, wish, lengthOf } = asked(c, services, body);
  const unread = unreadWishes(engine, { ...body, reasoning_effort: body.reasoning?.effort });
  ignore(
    c.var.exchange,
    unread.map(name => (name === "reasoning_effort" ? "reasoning.effort" : name)),
  );
  const includesLogprobs = (body.top_logprobs ?? 0) !== 0 || (body.include ?? []).includes("message.output_text.logprobs");
  const run = startChat({
    engine,
    turns: body.truncation === "auto" ? fitting(engine, all, body.max_output_tokens ?? 1, lengthOf) : all,
    use,
    body: sampledBody(body),
    maxTokens: body.max_output_tokens ?? undefined,
    likelihoods: includesLogprobs ? (askedLogprobs("top_logprobs", body.top_logprobs, engine, services) ?? 0) : undefined,
    wish,
    ...askerOf(c),
    ...(background ? { signal: background.signal } : {}),
  });
  const id = newResponseId(c, "resp", keptId);
  const isStored = body.store ?? true;
  const head = responseHead(body, {
    id,
    createdAt: services.created(),
    model: body.model,
    previousId: body.previous_response_id,
    isStored,
    effort: body.reasoning?.effort,
    text: { ...body.text, format: body.text?.format ?? { type: "text" } },
    truncation: body.truncation ?? undefined,
    fingerprint: engine.fingerprint,
  });
  const output = new ResponseItems<string>(keptId);
  const parse = run.parser();
  const heard = new RawAnswer();
  const messages = () => (body.enable_response_messages ? heard.beside(engine, run.prompts[0]!) : {});
  const own = isStored ? input.map(keptItem) : [];
  let isKept = false;
  const keep = (whole: Row) => {
    if (!isStored || isCopy(c.req.raw)) return whole;
    const conversation = [...earlier, ...own, ...output.list.map(item => structuredClone(item) as KeptItem)];
    const kept = { owner: caller.owner, id, body: whole, input: own, conversation, ...(background ? { cancel: background.cancel } : {}) };
    if (isKept) store.update(kept);
    else store.add(kept);
    isKept = true;
    return whole;
  };
  const state = (status: ResponseStatus, usage?: Usage, reason?: EndReason) => {
    const counts = usage ? usageOf(run.prompts, usage, parse.reasoningTokens) : null;
    return {
      ...responseState(
        head,
        status,
        output.list,
        counts,
        status === "incomplete" ? (reason === "content_filter" ? reason : "max_output_tokens") : undefined,
      ),
      ...messages(),
    };
  };
  return {
    run,
    output,
    parse,
    logprobsOf: (tokens, isStart) => (includesLogprobs ? chatLogprobs(engine.model.tokenizer, tokens, { isStart }).content : []),
    showsReasoning: body.include_reasoning !== false,
    telemetry: new Telemetry(engine, run.generations, services.clock, body.stream ? body : {}),
    hear: (text, tokens) => heard.take(text, tokens),
    state,
    keep,
    ended: (status, usage, reason) => keep(state(status, usage, reason)),
  };
}

const statusOf = (reason: string): ResponseStatus => (reason === "stop" ? "completed" : "incomplete");

async function wholeResponse(making: Making): Promise<Row> {
  const { run, output, parse, logprobsOf } = making;
  const [answer] = await collectAll(run.generations);
  making.hear(answer!.text, answer!.tokens);
  const parts = wholeParts(parse, answer!.text, answer!.tokens, answer!.finishReason !== "stop");
  const reasoned = parse.reasoningTokens ?? 0;
  for (const _ of outputOf(making, parts, [...logprobsOf(answer!.tokens.slice(reasoned), reasoned === 0)]));
  const status = statusOf(answer!.finishReason);
  output.end(status === "completed");
  return making.ended(status, answer!.usage, answer!.finishReason);
}

async function* responseEvents(making: Making): AsyncGenerator<Row, void, undefined> {
  const { run, output, parse, logprobsOf, telemetry } = making;
  const begun = making.state("in_progress");
  yield { type: "response.created", response: begun };
  yield { type: "response.in_progress", response: begun };
  const logprobs: object[] = [];
  const usage = { promptTokens: run.prompts[0]!.length, completionTokens: 0 };
  for await (const told of telemetry.events()) {
    if ("progress" in told) {
      yield { type: "response.in_progress", response: begun, ...told.progress };
      continue;
    }
    const { event } = told;
    making.hear(event.text, event.tokens);
    const isStart = usage.completionTokens === 0;
    usage.completionTokens += event.tokens.length;
    const timings = telemetry.timings(0, event.kind === "end" ? event.usage : usage);
    const parts = [...parse.push(event.text, event.tokens), ...(event.kind === "end" ? parse.end(event.finishReason !== "stop") : [])];
    logprobs.push(...logprobsOf(event.tokens, isStart));
    for (const row of outputOf(making, parts, logprobs)) yield row.type === "response.output_text.delta" ? { ...row, ...timings } : row;
    if (event.kind === "text") continue;
    const status = statusOf(event.finishReason);
    yield* output.end(status === "completed");
    yield { type: `response.${status}`, response: making.ended(status, event.usage, event.finishReason), ...timings };
  }
}

/** Starts a response whose request is answered at once: it is kept, and read by its id. Errors: serve/parameter, serve/unsupported, those of the answer's beginning. */
function inBackground(c: AppContext, services: Services, body: ResponsesRequest): Row {
  if (body.store === false)
    throw serveErrors.fail("parameter", { place: "background", message: "background can only be used when `store` is true" });
  if (body.stream)
    throw serveErrors.fail("unsupported", {
      place: "stream",
      message: "a response in the background has no events",
      hint: "Read it: GET /v1/responses/ID.",
    });
  const stop = new AbortController();
  followAccount(stop.signal, c.req.raw.signal);
  let last: Row;
  let isOver = false;
  const tell = (state: Row) => {
    if (!isOver) last = making.keep(state);
    return last;
  };
  const cancel = () => {
    tell(making.state("cancelled"));
    isOver = true;
    stop.abort();
    return last;
  };
  const making: Making = begin(c, services, body, { signal: stop.signal, cancel });
  const { requestId } = c.var.exchange;
  const run = async () => {
    try {
      for await (const event of responseEvents({ ...making, ended: making.state })) {
        if (event.type === "response.output_item.added") tell(making.state("in_progress"));
        else if (event.response !== undefined && event.type !== "response.created" && event.type !== "response.in_progress")
          tell(event.response as Row);
      }
    } catch (error) {
      const { code, message } = wireError(error, requestId).error;
      tell({ ...making.state("failed"), error: { code: code ?? "server_error", message } });
    }
    isOver = true;
  };
  const queued = tell(making.state("queued"));
  void run();
  return queued;
}

async function create(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(responsesRequest, withOnlyModel(await checkedBody(c, requestFields.responses), services.engines));
  if (body.background) return c.json(inBackground(c, services, body));
  const making = begin(c, services, body);
  if (!body.stream) return c.json(await wholeResponse(making));
  let sequence = 0;
  const numbered = <E extends Row>(event: E) => ({ ...event, sequence_number: sequence++ });
  async function* events(): AsyncGenerator<unknown, void, undefined> {
    for await (const event of responseEvents(making)) yield numbered(event);
  }
  const framing = typedEvents(({ error }) => numbered({ type: "error", code: error.code, message: error.message, param: error.param }));
  return streamAnswer(c, services, making.run.generations, events(), framing);
}

async function inputTokens(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(responsesRequest, withOnlyModel(await checkedBody(c, requestFields.responses), services.engines));
  const { all, lengthOf } = asked(c, services, body);
  return c.json({ object: "response.input_tokens", input_tokens: lengthOf(all) });
}

const idOf = (c: AppContext): string => c.req.param("id") ?? "";

function read(c: AppContext, { responses: store }: Services): Response {
  const kept = store.get(callerOf(c), idOf(c));
  if (c.req.query("stream") === "true")
    throw serveErrors.fail("unsupported", { place: "stream", message: "a response that is over has no events", hint: "Read it whole." });
  return c.json(kept.body);
}

/** Only responses that are made in the background can be cancelled; one that is over stays as it is. */
function cancel(c: AppContext, { responses: store }: Services): Response {
  const kept = store.get(callerOf(c), idOf(c));
  if (kept.cancel) return c.json(kept.cancel());
  throw serveErrors.fail("unsupported", {
    place: "id",
    message: "Cannot cancel a synchronous response.",
    hint: "It is over; a stream ends when its client leaves.",
  });
}

export const responses: readonly ContractRoute[] = [
  answering("responses", post("/v1/responses", create, "chat"), body => [body.max_output_tokens]),
  describing("responses", post("/v1/responses/input_tokens", inputTokens)),
  get("/v1/responses/:id", read),
  post("/v1/responses/:id/cancel", cancel),
  get("/v1/responses/:id/input_items", (c, services) => c.json(pageOf(c, services.responses.get(callerOf(c), idOf(c)).input))),
  del("/v1/responses/:id", (c, services) => {
    services.responses.get(callerOf(c), idOf(c)).cancel?.();
    services.responses.remove(callerOf(c), idOf(c));
    return c.json({ id: idOf(c), object: "response", deleted: true });
  }),
];
