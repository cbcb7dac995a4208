/**
 * What one key's idle streams cost another key on the same upstream: 200 requests beside 530 streams that begin and say no more, against the same 200
 * without them, in rounds that alternate. The gateway and the server are processes of their own; the limits are the gateway's defaults.
 */
import { Agent, request } from "node:http";
import { type Isolated, isolated, upstream } from "./gateway/sides.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const numStreams = 530;
const numRequests = 200;
/** What the server takes for a whole answer. */
const serverMs = 20;
/** A stream's next token is further away than the bench is long. */
const tokenMs = 3_600_000;
/** Requests of the other key at once. */
const atOnce = 8;

interface Asked {
  readonly status: number;
  readonly ms: number;
}

function post(side: Isolated, key: string, body: object, agent: Agent, onStatus?: (status: number) => void): Promise<Asked> {
  const text = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }], ...body });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text), authorization: `Bearer ${key}` };
  const began = performance.now();
  return new Promise(resolve => {
    const asked = request(`${side.url}/v1/chat/completions`, { method: "POST", agent, headers }, reply => {
      const status = reply.statusCode ?? 0;
      onStatus?.(status);
      reply.resume();
      reply.on("close", () => resolve({ status, ms: performance.now() - began }));
    });
    asked.on("error", () => resolve({ status: 0, ms: performance.now() - began }));
    asked.end(text);
  });
}

/** The requests of the other key, so many at once. */
async function requests(side: Isolated): Promise<Asked[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const all: Asked[] = [];
  let left = numRequests;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) all.push(await post(side, side.keys[1]!, {}, agent));
    }),
  );
  agent.destroy();
  return all;
}

/** Opens the streams; returns what the gateway answered by the time that they have settled, and what ends them. */
async function idleStreams(side: Isolated): Promise<{ readonly counts: Readonly<Record<string, number>>; end(): Promise<void> }> {
  const agent = new Agent({ keepAlive: false, maxSockets: numStreams });
  const counts: Record<string, number> = {};
  let answered = 0;
  const all = Array.from({ length: numStreams }, () =>
    post(side, side.keys[0]!, { stream: true, max_tokens: 100 }, agent, status => {
      counts[status] = (counts[status] ?? 0) + 1;
      answered++;
    }),
  );
  for (let last = -1; last !== answered || answered === 0; ) {
    last = answered;
    await new Promise(next => setTimeout(next, 1_000));
  }
  return {
    counts,
    end: async () => {
      agent.destroy();
      await Promise.all(all);
      await new Promise(next => setTimeout(next, 500));
    },
  };
}

const p50 = (all: readonly Asked[]): number => median(all.map(a => a.ms));

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const rounds = Math.max(3, Math.round(7 * scale));
  const up = await upstream(serverMs, tokenMs);
  const side = await isolated(up);
  const alone: Asked[] = [];
  const beside: Asked[] = [];
  const counts: Record<string, number> = {};
  const ratios: number[] = [];
  try {
    // compiled code and connections
    await requests(side);
    for (let i = 0; i < rounds; i++) {
      const without = await requests(side);
      const streams = await idleStreams(side);
      const withThem = await requests(side);
      await streams.end();
      alone.push(...without);
      beside.push(...withThem);
      for (const [status, n] of Object.entries(streams.counts)) counts[status] = (counts[status] ?? 0) + n;
      ratios.push(p50(withThem) / p50(without));
      say(`round ${i + 1}: p50 ${digits(p50(without))} ms alone, ${digits(p50(withThem))} ms beside the streams`);
    }
  } finally {
    side.stop();
    up.stop();
  }
  const answered = beside.filter(a => a.status === 200).length / rounds;
  const ratio = p50(beside) / p50(alone);
  return {
    method: `${rounds} rounds: ${numRequests} requests of one key (${atOnce} at once, the server takes ${serverMs} ms), then the same beside ${numStreams} idle streams of another key on the same upstream; limits as they are by default (512 connections, 128 for a key, 100 wait up to 30 s)`,
    ours: {
      p50AloneMs: digits(p50(alone)),
      p50BesideMs: digits(p50(beside)),
      answeredOf200: digits(answered),
      roundRatios: ratios.map(r => digits(r)),
      streamStatuses: counts,
    },
    peers: {},
    ratios: { "p50 beside the streams over alone": digits(ratio) },
    bars: [
      {
        name: `requests answered beside the streams, of ${numRequests}`,
        want: `${numRequests}`,
        got: digits(answered),
        holds: answered === numRequests,
      },
      { name: "p50 beside the streams over alone", want: "<= 1.2", got: digits(ratio), holds: ratio <= 1.2 },
    ],
  };
}
