/**
 * A writer behind an OpenAI-compatible server (`POST /chat/completions`): Loam's own, vLLM, Ollama, a cloud. Failures that may pass (no
 * connection, time, 408, 425, 429, 5xx, an unreadable answer) are tried again, later each time; others are told at once. Not streamed.
 */
import { z } from "zod";
import { canonicalJson, environment, random } from "../../../base/index.ts";
import { type HttpAnswer, HttpRetry, postJson, statedError } from "../../../protocols/index.ts";
import { dataErrors } from "../../errors.ts";
import type { WriterEndpointOptions } from "./options.ts";
import type { Writer, WriterAnswer } from "./writer.ts";

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

export interface UpstreamSurroundings {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Errors: `data/resource` where the key's variable is empty; of `write`: `data/upstream`, the signal's reason. */
export function openAiCompatible(
  o: WriterEndpointOptions,
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
  const failed = (failure: string, attempts: number, hint: string) =>
    dataErrors.fail("upstream", {
      place: `${url} (${o.model})`,
      expected: "an answer",
      received: `${failure}${attempts > 1 ? `, after ${attempts} attempts` : ""}`,
      hint,
    });
  return {
    identity: canonicalJson({ baseUrl: o.baseUrl, model: o.model }),
    write(ask) {
      const body = {
        model: o.model,
        messages: [...(ask.system === undefined ? [] : [{ role: "system", content: ask.system }]), { role: "user", content: ask.user }],
        max_tokens: ask.maxTokens,
        temperature: ask.temperature,
        seed: ask.seed,
      };
      const jitter = random(`${ask.seed}/${JSON.stringify(body).length}`);
      const finalAt = (attempt: number) => (failure: string) => failed(failure, attempt, "Check baseUrl, model and key.");
      return postJson<WriterAnswer>({
        url,
        body,
        key,
        signal,
        timeoutMs: o.timeoutMs,
        redirect: "error",
        attempts: o.retries + 1,
        waitMs: (attempt, askedMs) => Math.min(maxWaitMs, askedMs ?? o.backoffMs * 2 ** (attempt - 1) * (0.5 + jitter.uniform())),
        bodyOf: (response, attempt) => boundedText(response, finalAt(attempt)),
        read: (answer, attempt) => readAnswer(answer, finalAt(attempt)),
        said: (error, isTimeout) => (isTimeout ? `nothing within ${o.timeoutMs} ms` : reasonOf(error)),
        failed: (failure, tried) =>
          failed(failure, tried, "Start the server or try later; what was answered is kept, and the next run goes on from there."),
      });
    },
  };
}

function reasonOf({ cause, message }: Error): string {
  const { code, message: own } = (cause ?? {}) as Partial<NodeJS.ErrnoException>;
  return code ?? own ?? message;
}

/** Errors: `final`, where no further attempt changes what the server says. */
function readAnswer({ isOk, status, text, retryAfter }: HttpAnswer, final: (failure: string) => Error): WriterAnswer | HttpRetry {
  if (!isOk) {
    const reason = statedError(text)?.slice(0, maxReason);
    const told = `status ${status}${reason ? `: ${reason}` : ""}`;
    if (isRefusal(status)) return { text: "", isCut: false, tokens: 0, isCached: false, refusal: told };
    if (!mayPass(status)) throw final(told);
    return new HttpRetry(told, retryAfter !== null && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new HttpRetry(`status ${status} with ${text.length} characters that are no JSON`);
  }
  const answer = answerSchema.safeParse(value);
  if (!answer.success) return new HttpRetry(`status ${status} with JSON that is no chat completion`);
  const [choice] = answer.data.choices;
  return {
    text: choice!.message.content ?? "",
    isCut: choice!.finish_reason === "length",
    tokens: answer.data.usage?.total_tokens ?? 0,
    isCached: false,
  };
}

/** The text of a body. Errors: `final` where it is too long to be an answer. */
async function boundedText(response: Response, final: (failure: string) => Error): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > maxAnswerBytes) throw final(`an answer of more than ${maxAnswerBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
