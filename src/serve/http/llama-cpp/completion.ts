/**
 * POST /completion, and what continues a text in llama.cpp's words (/infill). The same engine and samplers as OpenAI's completions; what is read and how it
 * is answered is llama.cpp's: prompts as texts and tokens, `timings`, `n_probs`, events of `content` with `stop`.
 */
import {
  errorBodies,
  type NativeCompletion,
  nativeCompletionRequest,
  plainEvents,
  requestFields,
  type SamplingFields,
} from "../../../protocols/index.ts";
import type { Engine, Generation } from "../../engine.ts";
import { serveErrors } from "../../errors.ts";
import type { EndEvent, GeneratedToken, GenerationEvent } from "../../generation.ts";
import { limits } from "../../limits.ts";
import { merged } from "../answers.ts";
import type { AnswerLengths } from "../contract.ts";
import { type AppContext, askerOf, newId, type Services, streamAnswer } from "../exchange.ts";
import { generationRequests } from "../generation-requests.ts";
import { parseBody } from "../parse.ts";
import { PromptProgress, type PromptProgressReport, progressTimings, wireProgress } from "../prompt-progress.ts";
import { checkedBody } from "../request-fields.ts";
import { Timings } from "../timings.ts";
import { stopEarly } from "./early-stop.ts";
import { adaptedDecoder } from "./lora.ts";
import { isPromptList, nativePrompts } from "./native-prompts.ts";
import { type NativeSampling, nativeSampling } from "./samplers.ts";
import { completionProbabilities } from "./token-probabilities.ts";

/** Of a body as it came: the names of its length in the order in which llama.cpp looks for them. */
export const nativeLengths: AnswerLengths = body => [lengthIn(body)];
const lengthIn = (body: Readonly<Record<string, unknown>>): unknown => body.n_predict ?? body.max_completion_tokens ?? body.max_tokens;

/** What is continued, and how it is answered. */
interface NativeAsk {
  readonly body: NativeCompletion;
  readonly engine: Engine;
  readonly prompts: readonly (readonly number[])[];
  /** The answer is a list even of one. */
  readonly isList: boolean;
  /** Tokens that end an answer beside the model's. */
  readonly stopTokens?: readonly number[];
}

export async function nativeCompletion(c: AppContext, services: Services): Promise<Response> {
  const { prompt, ...body } = parseBody(nativeCompletionRequest, await checkedBody(c, requestFields.nativeCompletion));
  const engine = adaptedDecoder(c, services, body);
  const prompts = nativePrompts(engine, prompt);
  return answerNative(c, services, { body, engine, prompts, isList: isPromptList(prompt) });
}

/** An answer of the request, as it is made and told. */
interface NativeAnswer {
  readonly index: number;
  readonly generation: Generation;
  readonly prompt: readonly number[];
  /** Tokens that were asked for; -1: without end. */
  readonly wanted: number;
  /** Fewer than wanted, because the context ends. */
  readonly isCut: boolean;
}

const stopsOf = ({ stop }: NativeCompletion): string[] => (typeof stop === "string" ? [stop] : (stop ?? [])).filter(s => s !== "");

class NativeRun {
  readonly #ask: NativeAsk;
  readonly #sampling: NativeSampling;
  readonly #stops: readonly string[];
  readonly #timings: Timings;
  readonly #progress: PromptProgress | undefined;
  readonly #requestId: string;
  readonly answers: readonly NativeAnswer[];

  constructor(c: AppContext, services: Services, ask: NativeAsk) {
    const { body, engine, prompts } = ask;
    this.#ask = ask;
    this.#sampling = nativeSampling(body, engine.model);
    const { exchange } = c.var;
    if (this.#sampling.ignored.length > 0) exchange.ignored = [...(exchange.ignored ?? []), ...this.#sampling.ignored];
    this.#stops = stopsOf(body);
    this.#requestId = c.var.exchange.requestId;
    const n = body.n_cmpl ?? body.n ?? 1;
    if (prompts.length * n > limits.answers)
      throw serveErrors.fail("parameter", {
        place: "n_cmpl",
        expected: `at most ${limits.answers} answers (prompts times n_cmpl)`,
        received: `${prompts.length * n}`,
      });
    const wanted = (lengthIn(body) as number | undefined) ?? -1;
    const requests = prompts.flatMap(prompt => this.#requests(c, prompt, wanted, n));
    const generations = engine.submitAll(requests);
    this.#timings = new Timings(engine, generations, services.clock);
    this.#progress = body.stream && body.return_progress ? new PromptProgress(engine, generations, services.clock) : undefined;
    const isEarly = (body.n_indent ?? 0) > 0 || (body.t_max_predict_ms ?? 0) > 0;
    this.answers = generations.map((generation, index) => {
      const prompt = prompts[Math.floor(index / n)]!;
      const early = {
        indent: body.n_indent ?? 0,
        predictMs: body.t_max_predict_ms ?? 0,
        promptTokens: prompt.length,
        clock: services.clock,
      };
      const isCut = wanted < 0 || wanted > engine.room - prompt.length;
      return { index, prompt, wanted, isCut, generation: isEarly ? stopEarly(generation, early) : generation };
    });
  }

  #requests(c: AppContext, prompt: readonly number[], wanted: number, n: number) {
    const { body, engine, stopTokens = [] } = this.#ask;
    const { requestId, owner, signal } = askerOf(c);
    const left = engine.room - prompt.length;
    const requests = generationRequests({
      isContinuation: true,
      body: {
        model: engine.model.id,
        ...this.#sampling.fields,
        ...(body.ignore_eos ? { ignore_eos: true } : {}),
        ...(stopTokens.length > 0 ? { stop_token_ids: [...stopTokens] } : {}),
        ...formOf(body),
        // computed anew: nothing else is computed for this salt
        ...(body.cache_prompt === false
          ? { cache_salt: newId("uncached") }
          : body.cache_salt == null
            ? {}
            : { cache_salt: body.cache_salt }),
      },
      engine,
      prompts: [prompt],
      answers: n,
      maxTokens: wanted < 0 ? left : Math.min(wanted, left),
      stop: [...this.#stops],
      likelihoods: this.#probabilities > 0 ? this.#probabilities : undefined,
      requestId,
      owner,
      signal,
    });
    const { biases, temperatureLast } = this.#sampling;
    const sampled = body.post_sampling_probs ? { likelihoodsSampled: true } : {};
    const sampling = { temperatureLast, ...(biases.size === 0 ? {} : { logitBias: biases }) };
    return requests.map(r => ({ ...r, ...sampled, sampling: { ...r.sampling, ...sampling } }));
  }

  get #probabilities(): number {
    return this.#ask.body.n_probs ?? this.#ask.body.logprobs ?? 0;
  }

  /** Watches the engine no more. */
  close(): void {
    this.#timings.close();
    this.#progress?.close();
  }

  /** Events of the answers as they come, and where the request wants it how far their prompts are. */
  events() {
    const events = merged(this.answers.map(a => a.generation));
    return this.#progress?.beside(events) ?? events;
  }

  /** How far a prompt is. */
  progress(report: PromptProgressReport): object {
    const timings = this.#ask.body.timings_per_token ? { timings: progressTimings(report) } : {};
    const { prompt } = this.answers[report.index]!;
    const none = { content: "", tokens: [], stop: false, id_slot: -1, tokens_predicted: 0, tokens_evaluated: prompt.length };
    return { index: report.index, ...none, ...timings, prompt_progress: wireProgress(report) };
  }

  /** New text of a stream. */
  piece({ index, generation, prompt }: NativeAnswer, text: string, tokens: readonly GeneratedToken[], count: number): object {
    const { body, engine } = this.#ask;
    const said = completionProbabilities(engine.model.tokenizer, tokens, body.post_sampling_probs === true);
    const usage = { promptTokens: prompt.length, completionTokens: count };
    return {
      index,
      content: text,
      tokens: tokens.map(t => t.token),
      stop: false,
      id_slot: -1,
      tokens_predicted: count,
      tokens_evaluated: prompt.length,
      ...(body.timings_per_token ? { timings: this.#timings.of(generation, usage) } : {}),
      ...(said.length > 0 ? { completion_probabilities: said } : {}),
    };
  }

  /** The last word on an answer. `text` and `tokens`: all of them where nothing was told before. */
  last(
    answer: NativeAnswer,
    end: EndEvent,
    whole: { readonly text: string; readonly hasNewLine: boolean; readonly tokens: readonly GeneratedToken[] },
  ): object {
    const { body, engine } = this.#ask;
    const { tokenizer } = engine.model;
    const { usage } = end;
    const isLimit = end.finishReason !== "stop";
    const said = completionProbabilities(tokenizer, whole.tokens, body.post_sampling_probs === true);
    const told = {
      index: answer.index,
      content: whole.text,
      tokens: body.return_tokens && !body.stream ? whole.tokens.map(t => t.token) : [],
      id_slot: -1,
      stop: true,
      model: engine.model.name ?? engine.model.id,
      tokens_predicted: usage.completionTokens,
      tokens_evaluated: usage.promptTokens,
      generation_settings: this.#settings(answer),
      prompt: tokenizer.decode(answer.prompt),
      has_new_line: whole.hasNewLine,
      truncated: isLimit && answer.isCut && usage.promptTokens + usage.completionTokens >= engine.room,
      stop_type: end.stop !== undefined ? "word" : isLimit ? "limit" : "eos",
      stopping_word: end.stop ?? "",
      tokens_cached: usage.promptTokens + Math.max(0, usage.completionTokens - 1),
      timings: this.#timings.of(answer.generation, usage),
      ...(said.length > 0 && !body.stream ? { completion_probabilities: said } : {}),
    };
    return body.response_fields?.length ? chosen(told, body.response_fields) : told;
  }

  #settings({ wanted }: NativeAnswer): object {
    const { body, engine } = this.#ask;
    const { settings, biases } = this.#sampling;
    const ends = body.ignore_eos ? (engine.model.stopTokens ?? []).map(token => ({ token, bias: null })) : [];
    return {
      ...settings,
      stop: this.#stops,
      max_tokens: wanted,
      n_predict: wanted,
      n_keep: 0,
      n_discard: 0,
      ignore_eos: body.ignore_eos ?? false,
      stream: body.stream ?? false,
      logit_bias: [...[...biases].map(([token, bias]) => ({ token, bias: Number.isFinite(bias) ? bias : null })), ...ends],
      n_probs: this.#probabilities,
      grammar: body.grammar ?? "",
      timings_per_token: body.timings_per_token ?? false,
      post_sampling_probs: body.post_sampling_probs ?? false,
      lora: body.lora ?? [],
      n_ctx: engine.room,
      request_id: this.#requestId,
    };
  }
}

/** A grammar counts before a schema; a schema that says nothing is one of objects. */
function formOf({ grammar, json_schema: schema }: NativeCompletion): Pick<SamplingFields, "grammar" | "json_schema"> {
  if (grammar) return { grammar };
  if (schema == null) return {};
  return { json_schema: typeof schema === "object" && Object.keys(schema).length === 0 ? { type: "object" } : schema };
}

/** `response_fields`: those that there are; `a/b` is the field b of a, under that name. */
function chosen(told: Readonly<Record<string, unknown>>, fields: readonly string[]): object {
  const found: Record<string, unknown> = {};
  for (const field of fields) {
    const value = field
      .split("/")
      .reduce<unknown>(
        (v, key) => (typeof v === "object" && v !== null && Object.hasOwn(v, key) ? (v as Record<string, unknown>)[key] : undefined),
        told,
      );
    if (value !== undefined) found[field] = value;
  }
  return found;
}

/** Text and tokens of an answer as they go out: each piece has the tokens that it ends with, so text waits for its token. */
class Pieces {
  text = "";
  count = 0;
  hasNewLine = false;

  take(event: GenerationEvent): void {
    this.text += event.text;
    this.count += event.tokens.length;
    this.hasNewLine ||= event.text.includes("\n");
  }
  give(): string {
    const { text } = this;
    this.text = "";
    return text;
  }
}

async function* nativeStream(run: NativeRun): AsyncGenerator<object, void, undefined> {
  const pieces = run.answers.map(() => new Pieces());
  try {
    for await (const told of run.events()) {
      if (!("event" in told)) {
        yield run.progress(told);
        continue;
      }
      const { index, event } = told;
      const [answer, piece] = [run.answers[index]!, pieces[index]!];
      piece.take(event);
      const hasProbabilities = event.tokens.some(t => t.likelihood);
      // one place an event, where somebody looks at each
      const groups = hasProbabilities ? event.tokens.map(t => [t]) : event.tokens.length > 0 ? [event.tokens] : [];
      for (const [i, tokens] of groups.entries())
        yield run.piece(answer, i === 0 ? piece.give() : "", tokens, piece.count - (groups.length - 1 - i));
      if (event.kind === "text") continue;
      if (piece.text !== "") yield run.piece(answer, piece.give(), [], piece.count);
      yield run.last(answer, event, { text: "", hasNewLine: piece.hasNewLine, tokens: [] });
    }
  } finally {
    run.close();
  }
}

async function wholeAnswers(run: NativeRun): Promise<object[]> {
  const told: object[] = [];
  const tokens: GeneratedToken[][] = run.answers.map(() => []);
  const pieces = run.answers.map(() => new Pieces());
  try {
    for await (const { index, event } of merged(run.answers.map(a => a.generation))) {
      pieces[index]!.take(event);
      tokens[index]!.push(...event.tokens);
      if (event.kind === "end") {
        const { text, hasNewLine } = pieces[index]!;
        told[index] = run.last(run.answers[index]!, event, { text, hasNewLine, tokens: tokens[index]! });
      }
    }
  } finally {
    run.close();
  }
  return told;
}

/** Errors: those of the fields, of the prompts and of the engine. */
export async function answerNative(c: AppContext, services: Services, ask: NativeAsk): Promise<Response> {
  const run = new NativeRun(c, services, ask);
  if (ask.body.stream) {
    const generations = run.answers.map(a => a.generation);
    return streamAnswer(c, services, generations, nativeStream(run), plainEvents(errorBodies.llamaCpp));
  }
  const told = await wholeAnswers(run);
  return c.json(ask.isList || told.length > 1 ? told : told[0]!);
}
