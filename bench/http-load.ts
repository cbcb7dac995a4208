/**
 * A served SmolLM2-135M under load through HTTP: 32 clients, 1,000 streamed requests (`--scale=0.1`: 100), prompts of 16 to 256 tokens, answers
 * of 8 to 64. Loam exact and with quantised weights beside llama.cpp's server over the same file, in turn and never at the same time.
 */
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { figures, type LoadFigures, runLoad, type Served } from "./serving/load.ts";
import { type LoadRequest, mailRequests, smolLm } from "./serving/model.ts";
import { findLlamaServer, llamaServer, llamaVersion, loamServer, type ServerProgram, startServer, threads } from "./serving/server.ts";

const clients = 32;
const requestCount = 1000;
const prompts = { least: 16, most: 256 } as const;
const answers = { least: 8, most: 64 } as const;
const choice = { slots: clients, context: prompts.most + answers.most } as const;
/** Each side runs its share of the requests in so many turns. */
const turns = 2;
/** Of the requests, what the exact form is asked: it is shown beside the others and has no bar. */
const exactShare = 0.1;
/**
 * Times a request is sent again where llama-server closed its connection before any answer, as OpenAI's client does by itself: among some
 * hundred new connections it takes one for broken. Loam gets none.
 */
const peerRetries = 2;
/** Answers before the clock runs. */
const warmUp = clients;

interface Side {
  readonly program: ServerProgram;
  readonly retries: number;
  readonly served: Served[];
  seconds: number;
  readyMs: number;
  /** Why it was left out, where it failed. */
  failure?: string;
}

/** One turn of a side with a server of its own: nothing of another side runs meanwhile. */
async function turn(side: Side, model: string, first: readonly LoadRequest[], requests: readonly LoadRequest[]): Promise<void> {
  await using server = await startServer(side.program);
  side.readyMs = server.readyMs;
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const name = data[0]?.id ?? model;
  await runLoad(server.url, name, first, clients, side);
  const began = performance.now();
  const served = await runLoad(server.url, name, requests, clients, side);
  side.seconds += (performance.now() - began) / 1000;
  const short = served.findIndex((s, i) => s.tokens !== requests[i]!.maxTokens);
  if (short >= 0)
    throw new Error(
      `${side.program.name}: expected ${requests[short]!.maxTokens} tokens of request ${short}, got ${served[short]!.tokens}`,
    );
  side.served.push(...served);
}

const rounded = (f: LoadFigures) => ({
  tokensPerSecond: digits(f.tokensPerSecond),
  requestsPerSecond: digits(f.requestsPerSecond),
  firstTokenMs: { p50: digits(f.firstTokenMs.p50), p99: digits(f.firstTokenMs.p99) },
  interTokenMs: { p50: digits(f.interTokenMs.p50), p99: digits(f.interTokenMs.p99) },
});

/** Ours beside theirs; more than 1 is better for us. */
const compared = (ours: LoadFigures, theirs: LoadFigures): Record<string, number> => ({
  "tokens/s": ours.tokensPerSecond / theirs.tokensPerSecond,
  "first token p50": theirs.firstTokenMs.p50 / ours.firstTokenMs.p50,
  "first token p99": theirs.firstTokenMs.p99 / ours.firstTokenMs.p99,
  "between tokens p50": theirs.interTokenMs.p50 / ours.interTokenMs.p50,
  "between tokens p99": theirs.interTokenMs.p99 / ours.interTokenMs.p99,
});

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const model = smolLm();
  const count = Math.max(turns * clients, Math.round(requestCount * scale));
  const drawn = await mailRequests(model, count + warmUp, prompts, answers);
  // others than those of the clock, or some prefixes would be known
  const [requests, first] = [drawn.slice(0, count), drawn.slice(count)];
  const llama = findLlamaServer(peers);
  const sideOf = (program: ServerProgram, retries = 0): Side => ({ program, retries, served: [], seconds: 0, readyMs: Number.NaN });
  const own = {
    exact: sideOf(loamServer(model, { ...choice, form: "exact" })),
    auto: sideOf(loamServer(model, { ...choice, form: "auto" })),
  };
  const theirs = llama === undefined ? undefined : sideOf(llamaServer(llama, model, choice), peerRetries);
  const sides = [own.exact, own.auto, ...(theirs ? [theirs] : [])];
  for (let t = 0; t < turns; t++) {
    const part = requests.slice((t * count) / turns, ((t + 1) * count) / turns);
    for (const side of t % 2 === 0 ? sides : sides.toReversed()) {
      if (side.failure !== undefined) continue;
      const asked = side === own.exact ? part.slice(0, Math.max(clients, Math.round(part.length * exactShare))) : part;
      say(`turn ${t + 1} of ${turns}: ${side.program.name}, ${asked.length} requests`);
      try {
        await turn(side, model, first, asked);
      } catch (error) {
        // a peer that fails is reported, ours must not
        if (side !== theirs) throw error;
        side.failure = error instanceof Error ? error.message : String(error);
      }
    }
  }
  const measured = (side: Side) => ({ ...rounded(figures(side.served, side.seconds)), readySeconds: digits(side.readyMs / 1000) });
  const isCompared = theirs !== undefined && theirs.failure === undefined;
  const against = (side: Side) => (isCompared ? compared(figures(side.served, side.seconds), figures(theirs.served, theirs.seconds)) : {});
  const quantised = against(own.auto);
  return {
    method: `SmolLM2-135M-Instruct from its Q4_1 file through HTTP, ${clients} clients, ${count} streamed greedy completions over mails (prompts ${prompts.least}-${prompts.most} tokens, answers ${answers.least}-${answers.most}), ${clients} slots of ${choice.context} tokens, ${threads} threads, a server at a time in ${turns} turns; exact is asked a tenth of them`,
    ours: { exact: measured(own.exact), "quantize auto": measured(own.auto) },
    peers: isCompared ? { "llama-server, Q4_1 as it is": { ...measured(theirs), version: llamaVersion(llama!) } } : {},
    ratios: Object.fromEntries(
      (["exact", "auto"] as const).flatMap(form => Object.entries(against(own[form])).map(([name, x]) => [`${form}: ${name}`, digits(x)])),
    ),
    bars: Object.entries(quantised).map(([name, x]) => ({
      name: `${name} of auto over llama-server`,
      want: "> 1",
      got: digits(x),
      holds: x > 1,
    })),
    notes: [
      ...(isCompared
        ? [
            `requests sent again to llama-server, which closed their connections unanswered: ${theirs.served.reduce((n, s) => n + s.retries, 0)}`,
          ]
        : []),
      ...(theirs === undefined ? ["no llama.cpp: neither LOAM_LLAMA_CPP, the search path nor bench/peers has a llama-server"] : []),
      ...(theirs?.failure === undefined ? [] : [`llama-server failed: ${theirs.failure}`]),
    ],
  };
}
