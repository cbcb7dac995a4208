/**
 * A load of streamed completions over HTTP: so many clients, each of which asks again as soon as it has its answer. Notes when each piece
 * comes. Reads what OpenAI's contract says and nothing else, so that any server of it can stand on the other side.
 */
import { Agent, request } from "node:http";
import type { LoadRequest } from "./model.ts";

export interface Served {
  /** Milliseconds of the clock: when it was asked, and when each piece of text came. */
  readonly askedMs: number;
  readonly pieceMs: readonly number[];
  readonly endedMs: number;
  /** Tokens written, as the server counts them. */
  readonly tokens: number;
  readonly text: string;
  /** Times it was asked anew, as the connection was closed before any answer. */
  readonly retries: number;
}

/** The server closed the connection before it answered. */
class ClosedBeforeAnswer extends Error {}

interface Chunk {
  readonly choices?: readonly { readonly text?: string }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
  readonly error?: { readonly message?: string };
}

/** Asks once for one answer and reads it to its end. Errors: with what the server said, where the answer is none or not whole. */
function askOnce(url: string, agent: Agent, model: string, { prompt, maxTokens }: LoadRequest): Promise<Omit<Served, "retries">> {
  const body = JSON.stringify({
    model,
    prompt,
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ignore_eos: true,
    // llama.cpp's word: every prompt is read whole, as no two of the load begin alike
    cache_prompt: false,
  });
  return new Promise((resolve, reject) => {
    const askedMs = performance.now();
    let isAnswered = false;
    const asking = request(
      `${url}/v1/completions`,
      { method: "POST", agent, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) } },
      answer => {
        isAnswered = true;
        const pieceMs: number[] = [];
        let [text, rest, tokens, isDone] = ["", "", 0, false];
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          const lines = (rest + part).split("\n");
          rest = lines.pop()!;
          for (const line of lines) {
            if (!line.startsWith("data: ")) continue;
            if (line === "data: [DONE]") {
              isDone = true;
              continue;
            }
            const chunk = JSON.parse(line.slice("data: ".length)) as Chunk;
            if (chunk.error) reject(new Error(chunk.error.message));
            const piece = chunk.choices?.[0]?.text ?? "";
            if (piece !== "") {
              pieceMs.push(performance.now());
              text += piece;
            }
            tokens = chunk.usage?.completion_tokens ?? tokens;
          }
        });
        answer.on("end", () => {
          if (isDone && answer.statusCode === 200) resolve({ askedMs, pieceMs, endedMs: performance.now(), tokens, text });
          else reject(new Error(`expected a stream to its [DONE], got status ${answer.statusCode}: ${(text || rest).slice(0, 300)}`));
        });
        answer.on("error", reject);
      },
    );
    asking.on("error", error => reject(isAnswered ? error : new ClosedBeforeAnswer(error.message)));
    asking.end(body);
  });
}

/**
 * Asks for one answer and reads it to its end; asks again, at most `retries` times, where the connection was closed before any answer, as
 * official clients do, on the clock of the first time. Errors: with what the server said, where the answer is none or not whole.
 */
async function complete(url: string, agent: Agent, model: string, request: LoadRequest, retries: number): Promise<Served> {
  const askedMs = performance.now();
  for (let tried = 0; ; tried++)
    try {
      return { ...(await askOnce(url, agent, model, request)), askedMs, retries: tried };
    } catch (error) {
      if (!(error instanceof ClosedBeforeAnswer) || tried === retries) throw error;
    }
}

/** All requests, by so many clients at once; answers in the order of requests. */
export async function runLoad(
  url: string,
  model: string,
  requests: readonly LoadRequest[],
  clients: number,
  { retries = 0 }: { readonly retries?: number } = {},
): Promise<Served[]> {
  // A connection an answer: llama-server closes kept ones, at times just as the next request is on its way.
  const agent = new Agent({ keepAlive: false, maxSockets: clients });
  const served = new Array<Served>(requests.length);
  let next = 0;
  const client = async () => {
    for (let i = next++; i < requests.length; i = next++) served[i] = await complete(url, agent, model, requests[i]!, retries);
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return served;
}

/** The smallest value that at least the share `p` of all is not above. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

export interface LoadFigures {
  readonly tokensPerSecond: number;
  readonly requestsPerSecond: number;
  readonly firstTokenMs: { readonly p50: number; readonly p99: number };
  /** Between two pieces of one answer. */
  readonly interTokenMs: { readonly p50: number; readonly p99: number };
}

/** Figures of answers of one or several loads; `seconds` is the clock of all loads together. */
export function figures(served: readonly Served[], seconds: number): LoadFigures {
  const first = served.map(s => (s.pieceMs[0] ?? s.endedMs) - s.askedMs);
  const gaps = served.flatMap(s => s.pieceMs.slice(1).map((t, i) => t - s.pieceMs[i]!));
  const both = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99) });
  return {
    tokensPerSecond: served.reduce((n, s) => n + s.tokens, 0) / seconds,
    requestsPerSecond: served.length / seconds,
    firstTokenMs: both(first),
    interTokenMs: both(gaps),
  };
}
