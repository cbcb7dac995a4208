/**
 * A writer behind an OpenAI-compatible server (`POST /chat/completions`): Loam's own, vLLM, Ollama, a cloud. Failures that may pass (no
 * connection, time, 408, 425, 429, 5xx, an unreadable answer) are tried again, later each time; others are told at once. Not streamed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { canonicalJson, environment, random } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import type { EndpointOptions } from "./options.ts";
import type { Answer, Writer } from "./writer.ts";

/** An answer larger than this is no answer of `maxTokens` tokens. */
const maxAnswerBytes = 8 << 20;
/** Longest wait between attempts, also where a server asks for more. */
const maxWaitMs = 60_000;
/** Of what a server says about an error. */
const maxReason = 200;

/** The request itself is at fault: too long, not allowed. Another may be answered. */
const isRefusal = (status: number) => status === 400 || status === 413 || status === 422;
const mayPass = (status: number) => status === 408 || status === 425 || status === 429 || status >= 500;

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }), finish_reason: z.string().nullish() })).min(1),
  usage: z.object({ total_tokens: z.number() }).nullish(),
});
const errorSchema = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** Why an attempt failed, and whether another one may not. */
class Failed extends Error {
  readonly mayPass: boolean;
  readonly waitMs: number | undefined;
  constructor(reason: string, passes: boolean, waitMs?: number) {
    super(reason);
    this.mayPass = passes;
    this.waitMs = waitMs;
  }
}

export interface UpstreamSurroundings {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Errors: `data/resource` where the key's variable is empty; of `write`: `data/upstream`, the signal's reason. */
export function openAiCompatible(
  o: EndpointOptions,
  { environment: variables = environment(), signal }: UpstreamSurroundings = {},
): Writer {
  const url = `${o.baseUrl.replace(/\/+$/, "")}/chat/completions`;
  const key = o.keyFrom === undefined ? undefined : variables[o.keyFrom];
  if (o.keyFrom !== undefined && !key)
    throw dataErrors.fail("resource", {
      place: `augment.endpoint.keyFrom`,
      expected: `a key in the environment variable ${o.keyFrom}`,
      received: "nothing",
      hint: `Set it, for example: export ${o.keyFrom}=...`,
    });
  const headers = { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
  return {
    identity: canonicalJson({ baseUrl: o.baseUrl, model: o.model }),
    async write(ask) {
      const body = JSON.stringify({
        model: o.model,
        messages: [...(ask.system === undefined ? [] : [{ role: "system", content: ask.system }]), { role: "user", content: ask.user }],
        max_tokens: ask.maxTokens,
        temperature: ask.temperature,
        seed: ask.seed,
      });
      const jitter = random(`${ask.seed}/${body.length}`);
      for (let attempt = 0; ; attempt++) {
        signal?.throwIfAborted();
        try {
          return await attemptOnce(url, headers, body, o.timeoutMs, signal);
        } catch (error) {
          signal?.throwIfAborted();
          if (!(error instanceof Failed)) throw error;
          if (!error.mayPass || attempt >= o.retries)
            throw dataErrors.fail(
              "upstream",
              {
                place: `${url} (${o.model})`,
                expected: "an answer",
                received: `${error.message}${attempt > 0 ? `, after ${attempt + 1} attempts` : ""}`,
                hint: error.mayPass
                  ? "Start the server or try later; what was answered is kept, and the next run goes on from there."
                  : "Check baseUrl, model and key.",
              },
              error,
            );
          const wait = error.waitMs ?? o.backoffMs * 2 ** attempt * (0.5 + jitter.uniform());
          await sleep(Math.min(maxWaitMs, wait), undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
        }
      }
    },
  };
}

async function attemptOnce(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let status: number;
  let text: string;
  let later: string | null;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "error",
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    });
    status = response.status;
    later = response.headers.get("retry-after");
    text = await limited(response);
  } catch (error) {
    if (error instanceof Failed) throw error;
    if (timeout.aborted) throw new Failed(`nothing within ${timeoutMs} ms`, true);
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw new Failed(cause?.code ?? cause?.message ?? (error as Error).message, true);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (status >= 200 && status < 300) throw new Failed(`status ${status} with ${text.length} characters that are no JSON`, true);
  }
  if (status < 200 || status >= 300) {
    const said = errorSchema.safeParse(value);
    const reason = !said.success ? "" : typeof said.data.error === "string" ? said.data.error : said.data.error.message;
    const told = `status ${status}${reason ? `: ${reason.slice(0, maxReason)}` : ""}`;
    if (isRefusal(status)) return { text: "", isCut: false, tokens: 0, isCached: false, refusal: told };
    const seconds = later !== null && /^\d{1,6}$/.test(later) ? Number(later) : undefined;
    throw new Failed(told, mayPass(status), seconds === undefined ? undefined : seconds * 1000);
  }
  const answer = answerSchema.safeParse(value);
  if (!answer.success) throw new Failed(`status ${status} with JSON that is no chat completion`, true);
  const [choice] = answer.data.choices;
  return {
    text: choice!.message.content ?? "",
    isCut: choice!.finish_reason === "length",
    tokens: answer.data.usage?.total_tokens ?? 0,
    isCached: false,
  };
}

async function limited(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > maxAnswerBytes) throw new Failed(`an answer of more than ${maxAnswerBytes} bytes`, false);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
