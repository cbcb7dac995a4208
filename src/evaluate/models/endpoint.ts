/**
 * A model behind an OpenAI-compatible endpoint, as far as it goes: generation by completions or chat, log-likelihoods by completions that echo their
 * prompt with log-probabilities (vLLM, llama.cpp) or by Loam's /v1/score, vectors by embeddings. Many requests at once; what a busy server refuses
 * is asked again. The connection is a port: the same client asks the served application in this process.
 */
import { z } from "zod";
import { check, hashOf, isLoamError } from "../../base/index.ts";
import { HttpRetry, postJson, statedError } from "../../protocols/index.ts";
import { evaluateErrors } from "../errors.ts";
import type {
  Answering,
  AnswerOf,
  EvaluatedModel,
  GenerateRequest,
  LikelihoodRequest,
  RequestKind,
  RequestOf,
  TextLikelihood,
} from "./model.ts";
import { saysTooLong } from "./too-long.ts";

export interface EndpointModelOptions {
  /** Up to and with `/v1`. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token, never shown. */
  readonly key?: string | undefined;
  /** Requests in flight. */
  readonly concurrency?: number;
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /** What complaints name; the address where absent. */
  readonly place?: string;
  /** What answers are kept under; the address and the name where absent. */
  readonly fingerprint?: string;
  /** What is waited before a request is made again; doubled each time. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}

const defaultConcurrency = 8;
/** Times that a request is made before it counts as failed. */
const attempts = 4;
const defaultTimeoutMs = 10 * 60_000;

const number = z.number();
const completionsSchema = z.looseObject({
  choices: z.array(
    z.looseObject({
      text: z.string(),
      logprobs: z
        .looseObject({
          tokens: z.array(z.string()),
          token_logprobs: z.array(number.nullable()),
          top_logprobs: z.array(z.record(z.string(), number).nullable()).nullish(),
          text_offset: z.array(number),
        })
        .nullish(),
    }),
  ),
  usage: z.looseObject({ completion_tokens: number.optional() }).nullish(),
});
const chatSchema = z.looseObject({
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string().nullish() }) })),
  usage: z.looseObject({ completion_tokens: number.optional() }).nullish(),
});
const scoreSchema = z.looseObject({
  data: z.array(
    z.looseObject({
      tokens: z.array(
        z.looseObject({
          token: z.string(),
          logprob: number,
          top_logprobs: z.array(z.looseObject({ token: z.string(), logprob: number })).optional(),
        }),
      ),
    }),
  ),
});
const embeddingsSchema = z.looseObject({ data: z.array(z.looseObject({ index: z.int().optional(), embedding: z.array(number) })) });
/** Texts of a request for vectors: every server takes so many. */
const textsAtOnce = 64;
/** How servers refuse what a request says, too long a text too. */
const refusals: readonly number[] = [400, 413, 422];

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly isTooLong: boolean;
}

/** Sums a continuation's tokens out of an echoed prompt: those that end behind the context's end. */
function echoed(
  context: string,
  {
    tokens,
    token_logprobs,
    top_logprobs,
    text_offset,
  }: {
    tokens: readonly string[];
    token_logprobs: readonly (number | null)[];
    top_logprobs?: readonly (Readonly<Record<string, number>> | null)[] | null | undefined;
    text_offset: readonly number[];
  },
  /** Code points of context and continuation. */
  length: number,
): TextLikelihood & { readonly tokens: number } {
  const start = [...context].length;
  let [logLikelihood, isGreedy, count] = [0, true, 0];
  for (let i = 0; i < tokens.length; i++) {
    const end = text_offset[i + 1] ?? length;
    if (end <= start || text_offset[i]! >= length) continue;
    const own = token_logprobs[i];
    if (own === null || own === undefined) continue;
    logLikelihood += own;
    count++;
    const top = top_logprobs?.[i];
    if (top) isGreedy &&= own >= Math.max(...Object.values(top));
  }
  return { logLikelihood, isGreedy, tokens: count };
}

/** The endpoint as its tasks ask it. */
interface EndpointPort {
  /** What complaints of an address name; of the endpoint where no path is given. */
  place(path?: string): string;
  /** Errors: evaluate/endpoint; the signal's reason. A refusal of the request itself is an answer. */
  post<S extends z.ZodType>(path: string, body: object, schema: S, signal: AbortSignal | undefined): Promise<{ ok: z.output<S> } | Refusal>;
  /** The same where a refusal is an error. Errors: evaluate/length, too. */
  answer<S extends z.ZodType>(path: string, body: object, schema: S, signal: AbortSignal | undefined): Promise<z.output<S>>;
}

function endpointPort(o: EndpointModelOptions): EndpointPort {
  const { model, retryMs = 500 } = o;
  const url = o.url.replace(/\/+$/, "");
  const place = (path?: string): string => o.place ?? (path === undefined ? url : `${url}/${path}`);
  const post = <S extends z.ZodType>(path: string, body: object, schema: S, signal: AbortSignal | undefined) => {
    const at = place(path);
    return postJson<{ ok: z.output<S> } | Refusal>({
      url: `${url}/${path}`,
      body: { model, ...body },
      key: o.key,
      signal,
      fetch: o.fetch,
      timeoutMs: o.timeoutMs ?? defaultTimeoutMs,
      attempts,
      waitMs: attempt => retryMs * 2 ** (attempt - 1),
      read: ({ isOk, status, text }) => {
        if (isOk) return { ok: check(schema, parsed(text, at), at) };
        const message = messageOf(text);
        const isTooLong = status !== 429 && saysTooLong(text);
        if (isTooLong || (status !== 429 && status < 500)) return { status, message, isTooLong };
        return new HttpRetry(`${status} ${message}`);
      },
      failed: received =>
        evaluateErrors.fail("endpoint", {
          place: at,
          expected: "an answer",
          received,
          hint: "Is the server there? What is answered so far is kept.",
        }),
    });
  };
  async function answer<S extends z.ZodType>(path: string, body: object, schema: S, signal: AbortSignal | undefined): Promise<z.output<S>> {
    const got = await post(path, body, schema, signal);
    if ("ok" in got) return got.ok;
    throw evaluateErrors.fail(got.isTooLong ? "length" : "endpoint", {
      place: place(path),
      expected: "an answer",
      received: `${got.status} ${got.message}`,
    });
  }
  return { place, post, answer };
}

/** Does `count` pieces of work, as many at once as may be in flight. */
async function atOnce(count: number, concurrency: number, one: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, work));
}

/** Vectors of texts, in their order. A text that is too long is cut where the server can do so (Loam, text-embeddings-inference). */
async function vectorsOf(
  { place: placeOf, post }: EndpointPort,
  input: readonly string[],
  signal: AbortSignal | undefined,
): Promise<(readonly number[])[]> {
  const first = await post("embeddings", { input }, embeddingsSchema, signal);
  const cut =
    "ok" in first || !refusals.includes(first.status)
      ? first
      : await post("embeddings", { input, truncate: true }, embeddingsSchema, signal);
  const place = placeOf("embeddings");
  if (!("ok" in cut)) {
    const { status, message } = "ok" in first ? cut : first;
    throw evaluateErrors.fail("endpoint", { place, expected: "an answer", received: `${status} ${message}` });
  }
  const vectors: (readonly number[])[] = [];
  for (const [i, { index, embedding }] of cut.ok.data.entries()) vectors[index ?? i] = embedding;
  const count = vectors.filter(v => v.length > 0).length;
  if (count !== input.length || vectors.length !== input.length)
    throw evaluateErrors.fail("endpoint", { place, expected: `${input.length} vectors, one a text`, received: String(count) });
  return vectors;
}

async function generateTexts({ answer }: EndpointPort, { prompt, messages, ...r }: GenerateRequest, signal: AbortSignal | undefined) {
  const { samples, temperature } = r;
  const common = {
    max_tokens: r.maxTokens,
    temperature,
    seed: r.seed,
    ...(r.stop.length ? { stop: r.stop } : {}),
    ...(samples > 1 ? { n: samples } : {}),
  };
  if (messages) {
    const { choices, usage } = await answer("chat/completions", { messages, ...common }, chatSchema, signal);
    return { texts: choices.map(c => c.message.content ?? ""), tokens: usage?.completion_tokens ?? 0 };
  }
  const { choices, usage } = await answer("completions", { prompt, ...common }, completionsSchema, signal);
  return { texts: choices.map(c => c.text), tokens: usage?.completion_tokens ?? 0 };
}

/**
 * Likelihoods by what the endpoint has, found out by the first request: Loam's `/v1/score`, which tells those of a first token too and cuts no text in the
 * middle of a token, else completions that echo.
 */
function likelihoodsBy({ place: placeOf, post, answer }: EndpointPort) {
  let scores: boolean | undefined;
  /** Other servers have another request at the address, or anything. */
  const hasScores = async (signal: AbortSignal | undefined): Promise<boolean> => {
    try {
      return "ok" in (await post("score", { prompt: "a", input: "b" }, scoreSchema, signal));
    } catch (error) {
      if (isLoamError(error, "evaluate/endpoint")) return false;
      throw error;
    }
  };
  const told = ({ tokens, ...rest }: TextLikelihood & { readonly tokens: number }, countsTokens: boolean): TextLikelihood =>
    countsTokens ? { ...rest, tokens } : rest;
  return async (
    { context, continuations, countsTokens = false }: LikelihoodRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ choices: TextLikelihood[] }> => {
    const isFirst = scores === undefined;
    scores ??= await hasScores(signal);
    if (scores) {
      const { data } = await answer("score", { prompt: context, input: continuations, top_logprobs: 1 }, scoreSchema, signal);
      return {
        choices: data.map(({ tokens }) =>
          told(
            {
              logLikelihood: tokens.reduce((s, t) => s + t.logprob, 0),
              isGreedy: tokens.every(t => !t.top_logprobs?.[0] || t.logprob >= t.top_logprobs[0].logprob),
              tokens: tokens.length,
            },
            countsTokens,
          ),
        ),
      };
    }
    const got = await post(
      "completions",
      { prompt: continuations.map(c => context + c), max_tokens: 0, echo: true, logprobs: 1, temperature: 0 },
      completionsSchema,
      signal,
    );
    if ("ok" in got && got.ok.choices.length === continuations.length && got.ok.choices.every(c => c.logprobs))
      return {
        choices: got.ok.choices.map((c, i) => told(echoed(context, c.logprobs!, [...(context + continuations[i]!)].length), countsTokens)),
      };
    const received = "ok" in got ? "an answer without them" : `${got.status} ${got.message}`;
    if (isFirst)
      throw evaluateErrors.fail("ability", {
        place: placeOf(),
        expected: "log-probabilities of a prompt: /v1/score, or completions with echo and logprobs",
        received,
        hint: "Such a model can do tasks whose output is generate_until.",
      });
    throw evaluateErrors.fail("endpoint", { place: placeOf("completions"), expected: "log-probabilities of the prompt", received });
  };
}

export function endpointModel(o: EndpointModelOptions): EvaluatedModel {
  const { model, concurrency = defaultConcurrency } = o;
  const port = endpointPort(o);
  const likelihoods = likelihoodsBy(port);
  const many =
    <K extends RequestKind>(
      one: (request: RequestOf<K>, signal: AbortSignal | undefined) => Promise<Omit<AnswerOf<K>, "ms">>,
    ): Answering<K> =>
    (requests, each, signal, tooLong) =>
      atOnce(requests.length, concurrency, async i => {
        const began = performance.now();
        let got: Omit<AnswerOf<K>, "ms">;
        try {
          got = await one(requests[i]!, signal);
        } catch (error) {
          if (!tooLong || !isLoamError(error, "evaluate/length")) throw error;
          tooLong(i, error.problem.received ?? error.message);
          return;
        }
        each(i, { ...got, ms: performance.now() - began } as AnswerOf<K>);
      });

  return {
    id: model,
    fingerprint: o.fingerprint ?? hashOf({ endpoint: o.url.replace(/\/+$/, ""), model }),
    generate: many<"generate">((request, signal) => generateTexts(port, request, signal)),
    likelihood: many<"likelihood">(likelihoods),
    rolling: many<"rolling">(async ({ text }, signal) => {
      const { choices } = await likelihoods({ context: "", continuations: [text] }, signal);
      return { logLikelihood: choices[0]!.logLikelihood, tokens: 0 };
    }),
    embed: (requests, each, signal) =>
      atOnce(Math.ceil(requests.length / textsAtOnce), concurrency, async part => {
        const first = part * textsAtOnce;
        const texts = requests.slice(first, first + textsAtOnce).map(r => r.text);
        const began = performance.now();
        const vectors = await vectorsOf(port, texts, signal);
        const ms = (performance.now() - began) / texts.length;
        for (const [i, vector] of vectors.entries()) each(first + i, { vector, ms });
      }),
  };
}

const messageOf = (text: string): string => statedError(text)?.slice(0, 300) ?? text.slice(0, 120);

/** Errors: evaluate/endpoint. */
function parsed(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw evaluateErrors.fail("endpoint", { place, expected: "JSON", received: JSON.stringify(text.slice(0, 80)) }, error);
  }
}
