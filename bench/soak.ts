/**
 * 10,000 requests to a served SmolLM2-135M over HTTP (`--scale=0.1`: 1,000), a third of which go wrong in some way: every finished answer is
 * what it is alone, to the bit, and memory, handles and slots are where they were.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { mailRequests, smolLm } from "./serving/model.ts";
import { loamServer, type RunningServer, startServer } from "./serving/server.ts";
import { askedAlone, runSoak, type SoakResult, untilIdle } from "./soak/run-soak.ts";

const requestCount = 10_000;
const clients = 24;
const slots = 16;
const context = 128;
/** Different requests that are asked again and again. */
const knownRequests = 64;
const prompts = { least: 4, most: 48 } as const;
const answers = { least: 2, most: 12 } as const;
/** Share of the requests after which memory is what it will be. */
const settledAfter = 0.2;
/** Sockets of clients that left are closed by then. */
const settleMs = 2000;
/** What memory may grow between then and the end: the heap breathes. */
const allowedGrowth = 0.1;

interface State {
  readonly residentBytes: number | undefined;
  readonly handles: number | undefined;
  readonly busy: number;
}

async function settled(server: RunningServer): Promise<State> {
  const busy = await untilIdle(server.url);
  await wait(settleMs);
  return { residentBytes: server.memory()?.residentBytes, handles: server.handles(), busy };
}

const megabytes = (bytes: number | undefined) => (bytes === undefined ? null : Math.round(bytes / 1e6));

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const model = smolLm();
  const count = Math.max(100, Math.round(requestCount * scale));
  const drawn = await mailRequests(model, knownRequests, prompts, answers);
  await using server = await startServer(loamServer(model, { slots, context, form: "exact" }));
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const bodies = drawn.map(d => ({
    model: data[0]!.id,
    prompt: d.prompt,
    max_tokens: d.maxTokens,
    temperature: 0,
    logprobs: 1,
    ignore_eos: true,
  }));
  say(`${knownRequests} requests alone`);
  const known = await askedAlone(server.url, bodies);
  const first = Math.round(count * settledAfter);
  const began = performance.now();
  const parts: SoakResult[] = [];
  const soak = async (seed: string, requests: number) => parts.push(await runSoak({ url: server.url, known, requests, clients, seed }));
  say(`${first} of ${count} requests`);
  await soak("soak, first", first);
  const before = await settled(server);
  say(`the other ${count - first}`);
  await soak("soak, then", count - first);
  const after = await settled(server);
  const seconds = (performance.now() - began) / 1000;
  const again = await askedAlone(server.url, bodies.slice(0, 8));
  const isSame = again.every((k, i) => k.expected === known[i]!.expected);
  const mixed = parts.flatMap(p => p.mixed);
  const lost = parts.flatMap(p => p.lost);
  const went: Record<string, number> = {};
  for (const p of parts) for (const [name, n] of Object.entries(p.went)) went[name] = (went[name] ?? 0) + n;
  const growth = before.residentBytes && after.residentBytes ? after.residentBytes / before.residentBytes - 1 : Number.NaN;
  return {
    method: `SmolLM2-135M-Instruct, exact, ${slots} slots; ${count} requests of ${clients} clients over HTTP, drawn by a seed from ${knownRequests} known ones: answered whole, streamed, read slowly, left by their clients, broken off in the body, nonsense; each finished answer beside the one it got alone (text and log-probabilities)`,
    ours: {
      requests: count,
      requestsPerSecond: digits(count / seconds),
      "went as they should": went,
      "mixed up": mixed.length,
      lost: lost.length,
      "resident MB after a fifth / at the end": [megabytes(before.residentBytes), megabytes(after.residentBytes)],
      "open handles after a fifth / at the end": [before.handles ?? null, after.handles ?? null],
    },
    peers: {},
    ratios: {},
    bars: [
      { name: "answers that are another's, or not those of the request alone", want: "0", got: mixed.length, holds: mixed.length === 0 },
      { name: "answers lost, or nonsense not refused", want: "0", got: lost.length, holds: lost.length === 0 },
      { name: "known requests answered alone as before", want: "true", got: isSame, holds: isSame },
      { name: "requests that still wait or run", want: "0", got: after.busy, holds: after.busy === 0 },
      {
        name: "growth of resident memory",
        want: `<= ${allowedGrowth}`,
        got: Number.isNaN(growth) ? "not told by this system" : digits(growth),
        holds: !(growth > allowedGrowth),
      },
      {
        name: "growth of open handles",
        want: "0",
        got: (after.handles ?? 0) - (before.handles ?? 0),
        holds: (after.handles ?? 0) <= (before.handles ?? 0),
      },
    ],
    notes: [...mixed, ...lost].slice(0, 10),
  };
}
