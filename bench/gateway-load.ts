/**
 * Requests a second that a gateway takes at most, everything of Loam's on (key, policy, two limits, log), beside LiteLLM (its master key), Portkey
 * (no keys) and a bare Hono with undici; 32 connections, an upstream that answers at once, a gateway at a time in turns, each on one core.
 */
import { separateCores } from "./gateway/cores.ts";
import { bare, type Load, litellm, load, loam, portkey, type Side, upstream } from "./gateway/sides.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const connections = 32;
const turns = 3;
/** On a busy machine compilers take seconds of it. */
const warmSeconds = 5;

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  if (peers === undefined) throw new Error("the load comes from bench/peers: npm run bench -- peers");
  const seconds = Math.max(2, Math.round(8 * scale));
  using cores = separateCores();
  const up = await upstream(0);
  const sides: Side[] = [];
  const notes: string[] = cores ? [] : ["no taskset, or one core: gateways share theirs with the load"];
  const got = new Map<string, Load[]>();
  try {
    for (const start of [
      () => loam(up, "memory:"),
      () => loam(up, "sqlite:"),
      () => bare(up),
      () => portkey(up, peers),
      () => litellm(up, peers),
    ])
      try {
        const side = await start();
        sides.push(side);
        cores?.gateway(side.pid);
      } catch (error) {
        notes.push(error instanceof Error ? error.message : String(error));
      }
    // the first turn warms up
    for (let turn = -1; turn < turns; turn++)
      for (const side of turn % 2 === 0 ? sides : sides.toReversed()) {
        const one = await load(side, peers, { seconds: turn < 0 ? warmSeconds : seconds, connections });
        if (turn < 0) continue;
        say(`${side.name}: ${Math.round(one.requestsPerSecond)} requests/s, p99 ${one.p99Ms} ms`);
        got.set(side.name, [...(got.get(side.name) ?? []), one]);
      }
  } finally {
    for (const side of sides) side.stop();
    up.stop();
  }
  const rate = (name: string) => median((got.get(name) ?? []).map(l => l.requestsPerSecond));
  const figures = (name: string) => ({
    requestsPerSecond: digits(rate(name)),
    p50Ms: median((got.get(name) ?? []).map(l => l.p50Ms)),
    p99Ms: median((got.get(name) ?? []).map(l => l.p99Ms)),
    failures: (got.get(name) ?? []).reduce((n, l) => n + l.failures, 0),
  });
  const ratios = Object.fromEntries(
    ["LiteLLM", "Portkey", "Hono and undici"].filter(n => got.has(n)).map(n => [`Loam over ${n}`, digits(rate("Loam") / rate(n))]),
  );
  const bars = (
    [
      ["LiteLLM", 30],
      ["Portkey", 4],
    ] as const
  )
    .filter(([n]) => got.has(n))
    .map(([n, want]) => ({
      name: `requests/s over ${n}`,
      want: `>= ${want}`,
      got: ratios[`Loam over ${n}`]!,
      holds: rate("Loam") / rate(n) >= want,
    }));
  return {
    method: `saturated by autocannon, ${connections} connections, ${turns} turns of ${seconds} s each, one process a side${cores ? " on a core of its own" : ""}, whole answers of 268 bytes`,
    ours: Object.fromEntries(["Loam", "Loam, SQLite"].filter(n => got.has(n)).map(n => [n, figures(n)])),
    peers: Object.fromEntries(["Hono and undici", "Portkey", "LiteLLM"].filter(n => got.has(n)).map(n => [n, figures(n)])),
    ratios,
    bars,
    notes,
  };
}
