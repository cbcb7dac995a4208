/**
 * A closed-loop load over HTTP: so many clients, each of which sends its next request when its response has ended. It speaks OpenAI's completions, streamed, so
 * that any server of them can be measured. Prompts begin differently, so that no prefix is computed once for two.
 */
import { type Random, random } from "../../../base/index.ts";
import { deployErrors } from "../../../deploy/index.ts";
import { cutEvents, isDoneData } from "../../../protocols/index.ts";

/** Where a server is, and the model and key of requests to it. */
export interface LoadTarget {
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string | undefined;
  readonly signal: AbortSignal;
}

interface LoadRequest {
  readonly prompt: string;
  readonly completionTokens: number;
}

export interface LoadResponse {
  readonly sentMs: number;
  readonly pieceMs: readonly number[];
  readonly endedMs: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

const words =
  "the a of to and in on for with as by at from that this river stone letter garden window answer morning paper winter road".split(" ");

/** Text of so many characters, whose beginning no other has. */
function loadText(r: Random, characters: number): string {
  let text = r.below(2 ** 31).toString(36);
  while (text.length < characters) text += ` ${words[r.below(words.length)]}`;
  return text.slice(0, Math.max(1, characters));
}

interface Chunk {
  readonly choices?: readonly { readonly text?: string }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
  readonly error?: { readonly message?: string };
}

const failed = (target: LoadTarget, expected: string, received: string, cause?: unknown) =>
  deployErrors.fail("measure", { place: `${target.url}/v1/completions`, expected, received: received.slice(0, 300) }, cause);

/** Sends one request and reads its response to the end. Errors: deploy/measure; the signal's reason. */
async function complete(target: LoadTarget, { prompt, completionTokens }: LoadRequest): Promise<LoadResponse> {
  const { url, model, apiKey, signal } = target;
  const sentMs = performance.now();
  let response: Response;
  try {
    response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      signal,
      headers: { "content-type": "application/json", ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
      body: JSON.stringify({
        model,
        prompt,
        max_tokens: completionTokens,
        temperature: 0,
        stream: true,
        stream_options: { include_usage: true },
        // as vLLM and llama.cpp name it: every response has the same length
        ignore_eos: true,
      }),
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failed(target, "a response", (error as Error).message, error);
  }
  if (response.status !== 200 || response.body === null)
    throw failed(target, "status 200", `${response.status}: ${await response.text().catch(() => "")}`);
  const pieceMs: number[] = [];
  const cutter = cutEvents();
  let isDone = false;
  let usage: Chunk["usage"];
  for await (const bytes of response.body) {
    for (const { data } of cutter.push(Buffer.from(bytes))) {
      if (data === undefined) continue;
      if (isDoneData(data)) {
        isDone = true;
        continue;
      }
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) throw failed(target, "a whole stream", chunk.error.message ?? "an error");
      if ((chunk.choices?.[0]?.text ?? "") !== "") pieceMs.push(performance.now());
      usage = chunk.usage ?? usage;
    }
  }
  if (!isDone || usage?.completion_tokens === undefined)
    throw failed(target, "a stream to its [DONE], with usage", "one that ended before");
  return {
    sentMs,
    pieceMs,
    endedMs: performance.now(),
    promptTokens: usage.prompt_tokens ?? 0,
    completionTokens: usage.completion_tokens,
  };
}

/** All requests, by so many clients at once. The first failure ends them all. Errors: deploy/measure; the signal's reason. */
export async function runLoad(target: LoadTarget, requests: readonly LoadRequest[], clients: number): Promise<readonly LoadResponse[]> {
  const responses: LoadResponse[] = [];
  const stop = new AbortController();
  const signal = AbortSignal.any([target.signal, stop.signal]);
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requests.length) responses.push(await complete({ ...target, signal }, requests[next++]!));
  };
  try {
    await Promise.all(Array.from({ length: Math.min(clients, requests.length) }, client));
  } catch (error) {
    stop.abort(error);
    throw error;
  }
  return responses;
}

/** Characters of the text by which tokens are counted. */
const mostProbed = 512;

/** Requests whose prompts have about so many tokens, by what a prompt of this server's tokens takes in characters. */
export async function loadRequests(
  target: LoadTarget,
  { count, promptTokens, completionTokens, seed }: { count: number; promptTokens: number; completionTokens: number; seed: string },
): Promise<readonly LoadRequest[]> {
  const r = random(seed);
  // a character is a token at most
  const probe = Math.min(mostProbed, promptTokens);
  const { promptTokens: took } = await complete(target, { prompt: loadText(r, probe), completionTokens: 1 });
  // prompts are not longer than asked for, where texts differ in their tokens
  const characters = Math.max(1, Math.floor((0.9 * probe * promptTokens) / Math.max(1, took)));
  return Array.from({ length: count }, () => ({ prompt: loadText(r, characters), completionTokens }));
}
