/**
 * A teacher behind an endpoint: how likely it finds each token of a text, and which others. Servers tell it in their own ways, and the first that one
 * knows is taken:
 * - Loam: `POST /v1/score` of token ids, a request a text.
 * - vLLM: completions with `prompt_logprobs`, a request a text.
 * - llama.cpp and others: completions of one token behind every beginning of the text, whose `logprobs` name tokens by their ids.
 * All are asked with the student's own token ids, so no text is cut into tokens in another way.
 */
import { z } from "zod";
import { check, defined, hashOf, isLoamError, pause } from "../../base/index.ts";
import { HttpRetry, postJson, statedError } from "../../protocols/index.ts";
import { tuneErrors } from "../errors.ts";

export interface TeacherConnection {
  /** Up to and with `/v1`. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token, never shown. */
  readonly key?: string | undefined;
  readonly topLogprobs: number;
  /** Requests in flight. */
  readonly concurrency?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
  /** What is waited before a request is made again, milliseconds; doubled each time. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}

/** A token id and the natural logarithm of its probability. */
export type TokenOutcome = readonly [id: number, log: number];

export interface TeacherAnswer {
  /** Of each place that was asked for. */
  readonly outcomes: readonly (readonly TokenOutcome[])[];
  /** What the server says of its weights; undefined where it says nothing. */
  readonly fingerprint?: string | undefined;
}

export interface TeacherAt {
  /** Of the file that its answers are kept in. */
  readonly name: string;
  readonly place: string;
  readonly topLogprobs: number;
  readonly concurrency: number;
  /** Distributions of the tokens at `places` (1 or more) of a text. Errors: tune/teacher; the signal's reason. */
  ask(ids: readonly number[], places: readonly number[], signal: AbortSignal | undefined): Promise<TeacherAnswer>;
  /** The text of tokens, for the check that they are the student's. Errors: tune/teacher where the server does not tell. */
  textOf(ids: readonly number[], signal: AbortSignal | undefined): Promise<string | undefined>;
}

const number = z.number();
const entry = z.looseObject({ id: number, logprob: number });
const scored = z.looseObject({
  system_fingerprint: z.string().nullish(),
  data: z.array(z.looseObject({ tokens: z.array(entry.extend({ top_logprobs: z.array(entry).optional() })) })).min(1),
});
const prompted = z.looseObject({
  system_fingerprint: z.string().nullish(),
  choices: z.array(z.looseObject({ prompt_logprobs: z.array(z.record(z.string(), z.looseObject({ logprob: number })).nullable()) })).min(1),
});
const stepped = z.looseObject({
  system_fingerprint: z.string().nullish(),
  choices: z
    .array(
      z.looseObject({
        logprobs: z.union([
          z.looseObject({ content: z.array(entry.extend({ top_logprobs: z.array(entry) })).min(1) }),
          z.looseObject({ top_logprobs: z.array(z.record(z.string().regex(/^token_id:\d+$/), number)).min(1) }),
        ]),
      }),
    )
    .min(1),
});
const told = z.union([z.looseObject({ prompt: z.string() }), z.looseObject({ content: z.string() })]);

/** Times that a request is made before it counts as failed. */
const attempts = 4;
const defaultTimeoutMs = 10 * 60_000;
const defaultConcurrency = 4;
/** A server that asks for a longer pause is asked again after this one, milliseconds. */
const longestPauseMs = 60_000;

interface Refusal {
  readonly status: number;
  readonly message: string;
}
const isRefusal = (x: unknown): x is Refusal => typeof x === "object" && x !== null && "status" in x && "message" in x;

const messageOf = (text: string): string => statedError(text)?.slice(0, 300) ?? text.slice(0, 120);

type ScoringMethod = (
  ids: readonly number[],
  places: readonly number[],
  signal: AbortSignal | undefined,
) => Promise<TeacherAnswer | Refusal>;

/** What the methods ask through. */
interface TeacherPort {
  readonly url: string;
  readonly topLogprobs: number;
  post<S extends z.ZodType>(place: string, body: object, schema: S, signal: AbortSignal | undefined): Promise<z.output<S> | Refusal>;
}

/** What is no answer of this form is a refusal: another method may be the server's. */
function readAs<S extends z.ZodType>(schema: S, text: string, place: string): z.output<S> | Refusal {
  try {
    return check(schema, JSON.parse(text), place);
  } catch (error) {
    return { status: 200, message: isLoamError(error) ? error.message : `no JSON: ${JSON.stringify(text.slice(0, 80))}` };
  }
}

const score =
  ({ url, topLogprobs, post }: TeacherPort): ScoringMethod =>
  async (ids, places, signal) => {
    const first = places[0]!;
    const got = await post(
      `${url}/score`,
      { prompt: ids.slice(0, first), input: [ids.slice(first)], top_logprobs: topLogprobs },
      scored,
      signal,
    );
    if (isRefusal(got)) return got;
    const { tokens } = got.data[0]!;
    const strange = ids.slice(first).findIndex((id, i) => tokens[i]?.id !== id);
    if (strange >= 0) return { status: 200, message: `token ${ids[first + strange]} was scored as ${tokens[strange]?.id ?? "none"}` };
    const outcomes = places.map(at => {
      const { id, logprob, top_logprobs = [] } = tokens[at - first]!;
      return [...top_logprobs.map((t): TokenOutcome => [t.id, t.logprob]), [id, logprob] as const];
    });
    return { outcomes, fingerprint: got.system_fingerprint ?? undefined };
  };
const promptLogprobs =
  ({ url, topLogprobs, post }: TeacherPort): ScoringMethod =>
  async (ids, places, signal) => {
    const body = { prompt: ids, max_tokens: 1, temperature: 0, prompt_logprobs: topLogprobs };
    const got = await post(`${url}/completions`, body, prompted, signal);
    if (isRefusal(got)) return got;
    const all = got.choices[0]!.prompt_logprobs;
    const lacking = places.find(at => !all[at]?.[String(ids[at])]);
    if (lacking !== undefined) return { status: 200, message: `prompt_logprobs say nothing of token ${ids[lacking]} at ${lacking}` };
    return {
      outcomes: places.map(at => Object.entries(all[at]!).map(([id, t]): TokenOutcome => [Number(id), t.logprob])),
      fingerprint: got.system_fingerprint ?? undefined,
    };
  };
const steps =
  ({ url, topLogprobs, post }: TeacherPort): ScoringMethod =>
  async (ids, places, signal) => {
    const outcomes: TokenOutcome[][] = [];
    let fingerprint: string | undefined;
    for (const at of places) {
      const body = {
        prompt: ids.slice(0, at),
        max_tokens: 1,
        temperature: 0,
        logprobs: topLogprobs,
        n_probs: topLogprobs,
        return_tokens_as_token_ids: true,
      };
      const got = await post(`${url}/completions`, body, stepped, signal);
      if (isRefusal(got)) return got;
      fingerprint = got.system_fingerprint ?? undefined;
      const { logprobs } = got.choices[0]!;
      outcomes.push(
        "content" in logprobs
          ? (logprobs as { content: { top_logprobs: { id: number; logprob: number }[] }[] }).content[0]!.top_logprobs.map(
              (t): TokenOutcome => [t.id, t.logprob],
            )
          : Object.entries((logprobs as { top_logprobs: Record<string, number>[] }).top_logprobs[0]!).map(
              ([token, log]): TokenOutcome => [Number(token.slice(token.indexOf(":") + 1)), log],
            ),
      );
    }
    return { outcomes, fingerprint };
  };
/** In the order in which they are tried. */
const scoringMethods: readonly (readonly [name: string, method: (port: TeacherPort) => ScoringMethod])[] = [
  ["score", score],
  ["completions with prompt_logprobs", promptLogprobs],
  ["completions with logprobs", steps],
];

/** One's turn, where there is a limit of requests a minute. */
function turnsOf(requestsPerMinute: number | undefined): (signal: AbortSignal | undefined) => Promise<void> {
  let freeAt = 0;
  return async signal => {
    if (requestsPerMinute === undefined) return;
    const now = performance.now();
    const at = Math.max(now, freeAt);
    freeAt = at + 60_000 / requestsPerMinute;
    if (at > now) await pause(at - now, signal);
  };
}

export function teacherAt(o: TeacherConnection): TeacherAt {
  const { model, topLogprobs, retryMs = 500, concurrency = defaultConcurrency } = o;
  const url = o.url.replace(/\/+$/, "");
  const root = url.replace(/\/v1$/, "");
  const fail = (place: string, expected: string, received: string, hint?: string) =>
    tuneErrors.fail("teacher", { place, expected, received, ...defined({ hint }) });

  const turn = turnsOf(o.requestsPerMinute);
  /** Errors: tune/teacher; the signal's reason. A refusal of the request itself is an answer. */
  const post = <S extends z.ZodType>(place: string, body: object, schema: S, signal: AbortSignal | undefined) =>
    postJson<z.output<S> | Refusal>({
      url: place,
      body: { model, ...body },
      key: o.key,
      signal,
      turn,
      timeoutMs: o.timeoutMs ?? defaultTimeoutMs,
      attempts,
      waitMs: (attempt, askedMs = 0) => {
        const ownMs = retryMs * 2 ** (attempt - 1);
        return askedMs > 0 ? Math.min(longestPauseMs, Math.max(ownMs, askedMs)) : ownMs;
      },
      read: ({ isOk, status, text, retryAfter }) => {
        if (isOk) return readAs(schema, text, place);
        const message = messageOf(text);
        if (status === 401 || status === 403)
          throw fail(place, "a key that may ask it", `${status} ${message}`, "`key:` names the variable of the environment that holds it.");
        if (status !== 429 && status < 500) return { status, message };
        return new HttpRetry(`${status} ${message}`, Number(retryAfter) * 1000);
      },
      failed: received =>
        fail(place, "an answer", received, "Is the server there? What it has answered is kept: the same command goes on from there."),
    });
  const port: TeacherPort = { url, topLogprobs, post };
  let known: Promise<ScoringMethod> | undefined;
  /** The first method that it answers in; found out once, by whoever asks first. */
  async function find(ids: readonly number[], places: readonly number[], signal: AbortSignal | undefined): Promise<ScoringMethod> {
    const refusals: string[] = [];
    for (const [name, open] of scoringMethods) {
      const method = open(port);
      const got = await method(ids, places.slice(0, 1), signal);
      if (!isRefusal(got)) return method;
      refusals.push(`${name}: ${got.status} ${got.message}`);
    }
    throw fail(
      url,
      "log-probabilities of given tokens by their ids (Loam's /v1/score, vLLM's prompt_logprobs, llama.cpp's completions)",
      refusals.join("; "),
    );
  }

  return {
    name: hashOf({ teacher: url, model }).slice(0, 32),
    place: `${url}#${model}`,
    topLogprobs,
    concurrency,
    async ask(ids, places, signal) {
      known ??= find(ids, places, signal);
      const got = await (await known)(ids, places, signal);
      if (isRefusal(got)) throw fail(url, "an answer", `${got.status} ${got.message}`);
      return got;
    },
    async textOf(ids, signal) {
      const got = await post(`${root}/detokenize`, { tokens: ids }, told, signal);
      if (isRefusal(got)) {
        if (got.status === 404 || got.status === 405)
          throw fail(
            `${root}/detokenize`,
            "the text of tokens, to see that they are the student's (Loam, vLLM, llama.cpp)",
            `${got.status} ${got.message}`,
          );
        return undefined;
      }
      return "prompt" in got ? (got as { prompt: string }).prompt : (got as { content: string }).content;
    },
  };
}
