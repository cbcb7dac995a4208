/**
 * 10,000 requests to a served SmolLM2-135M over HTTP (`--scale=0.1`: 1,000), a third of which go wrong in some way: every finished answer is
 * what it is alone, to the bit, and memory, handles and slots are where they were.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { type LoadRequest, mailRequests, smolLm } from "./serving/model.ts";
import { loamServer, type RunningServer, startServer } from "./serving/server.ts";
import { askedAlone, runSoak, type SoakResult, untilIdle } from "./soak/run-soak.ts";

const requestCount = 10_000;
/** Most on the form with the most code of our own (machine code, where the processor has its units), the rest on the one that is served by default. */
const shareOf = { int8: 0.9, exact: 0.1 } as const;
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

interface Soaked {
  readonly seconds: number;
  readonly parts: readonly SoakResult[];
  readonly before: State;
  readonly after: State;
  /** The known requests are answered alone as they were before. */
  readonly isSame: boolean;
}

/** One server of one form from its start to its end. */
async function soakForm(
  form: string,
  count: number,
  model: string,
  drawn: readonly LoadRequest[],
  say: BenchContext["say"],
): Promise<Soaked> {
  await using server = await startServer(loamServer(model, { slots, context, form }));
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const bodies = drawn.map(d => ({
    model: data[0]!.id,
    prompt: d.prompt,
    max_tokens: d.maxTokens,
    temperature: 0,
    logprobs: 1,
    ignore_eos: true,
  }));
  say(`${form}: ${knownRequests} requests alone`);
  const known = await askedAlone(server.url, bodies);
  const first = Math.round(count * settledAfter);
  const began = performance.now();
  const parts: SoakResult[] = [];
  const soak = async (seed: string, requests: number) => parts.push(await runSoak({ url: server.url, known, requests, clients, seed }));
  say(`${form}: ${first} of ${count} requests`);
  await soak("soak, first", first);
  const before = await settled(server);
  say(`${form}: the other ${count - first}`);
  await soak("soak, then", count - first);
  const after = await settled(server);
  const seconds = (performance.now() - began) / 1000;
  const again = await askedAlone(server.url, bodies.slice(0, 8));
  return { seconds, parts, before, after, isSame: again.every((k, i) => k.expected === known[i]!.expected) };
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const model = smolLm();
  const drawn = await mailRequests(model, knownRequests, prompts, answers);
  const ours: Record<string, unknown> = {};
  const bars: Bar[] = [];
  const notes: string[] = [];
  let all = 0;
  for (const [form, share] of Object.entries(shareOf)) {
    const count = Math.max(100, Math.round(requestCount * share * scale));
    all += count;
    const { seconds, parts, before, after, isSame } = await soakForm(form, count, model, drawn, say);
    const mixed = parts.flatMap(p => p.mixed);
    const lost = parts.flatMap(p => p.lost);
    const went: Record<string, number> = {};
    for (const p of parts) for (const [name, n] of Object.entries(p.went)) went[name] = (went[name] ?? 0) + n;
    const growth = before.residentBytes && after.residentBytes ? after.residentBytes / before.residentBytes - 1 : Number.NaN;
    const handles = (after.handles ?? 0) - (before.handles ?? 0);
    ours[form] = {
      requests: count,
      requestsPerSecond: digits(count / seconds),
      "went as they should": went,
      "mixed up": mixed.length,
      lost: lost.length,
      "resident MB after a fifth / at the end": [megabytes(before.residentBytes), megabytes(after.residentBytes)],
      "open handles after a fifth / at the end": [before.handles ?? null, after.handles ?? null],
    };
    const isTold = !Number.isNaN(growth);
    const bar = (name: string, want: string, got: Bar["got"], holds: boolean) => bars.push({ name: `${form}: ${name}`, want, got, holds });
    bar("answers that are another's, or not those of the request alone", "0", mixed.length, mixed.length === 0);
    bar("answers lost, or nonsense not refused", "0", lost.length, lost.length === 0);
    bar("known requests answered alone as before", "true", isSame, isSame);
    bar("requests that still wait or run", "0", after.busy, after.busy === 0);
    const grown = isTold ? digits(growth) : "not told by this system";
    bar("growth of resident memory", `<= ${allowedGrowth}`, grown, !(growth > allowedGrowth));
    bar("growth of open handles", "0", handles, handles <= 0);
    notes.push(...[...mixed, ...lost].slice(0, 10).map(text => `${form}: ${text}`));
  }
  return {
    method: `SmolLM2-135M-Instruct, ${slots} slots, a server a form; ${all} requests of ${clients} clients over HTTP, drawn by a seed from ${knownRequests} known ones: answered whole, streamed, read slowly, left by their clients, broken off in the body, nonsense; each finished answer beside the one it got alone (text and log-probabilities)`,
    ours,
    peers: {},
    ratios: {},
    bars,
    notes,
  };
}
