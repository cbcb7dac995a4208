/** How long a decision about limits takes, one at a time and 64 under way, in memory, in a SQLite file, and in PostgreSQL and Redis on loopback. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, openControl } from "../src/gateway/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { startBenchPostgres } from "./limits/postgres.ts";
import { startBenchRedis } from "./limits/redis.ts";

/** Five limits of five kinds, as a deployment would have them. */
const config = {
  prices: { models: { "*": { input: 0.15, cachedInput: 0.075, output: 0.6 } } },
  limits: [
    { name: "requests", per: ["key"], measure: "requests", limit: 1e9, window: "1m" },
    { name: "tokens", per: ["key", "model"], measure: "tokens", limit: 1e12, window: "1m" },
    { name: "at-once", per: ["key"], measure: "concurrency", limit: 1e6 },
    { name: "team", per: ["team"], measure: "cost", limit: 1e6, period: "month" },
    { name: "everybody", measure: "requests", limit: 1e9, window: "1m" },
  ],
};
const keys = 1_000;
const atOnce = 64;

const identity = (n: number): Identity => ({
  kind: "key",
  keyId: `key_${n % keys}`,
  subject: `user-${n % keys}`,
  subjectKind: "user",
  teams: [`team-${n % 20}`],
  organisation: "acme",
  roles: [],
  scopes: [],
});
const percentile = (sorted: readonly number[], p: number): number =>
  digits(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]!);

async function measure(state: string, count: number, limitsState?: string) {
  const options = { state, root: tmpdir(), config, secrets: ["a secret of the bench, 32 letters"] };
  const control = await openControl({ ...options, ...(limitsState === undefined ? {} : { limitsState }) });
  let n = 0;
  const reserveMs: number[] = [];
  const settleMs: number[] = [];
  const one = async (): Promise<void> => {
    const subjects = { identity: identity(n++), model: "mail", ip: null };
    const began = performance.now();
    const r = await control.limits.reserve(subjects, { inputTokens: 200, maxOutputTokens: 500, bytes: 1_000 });
    const took = performance.now();
    if (r.denial) throw new Error(r.denial.message);
    await r.settle({ inputTokens: 200, cachedTokens: 50, outputTokens: 120, status: 200 });
    reserveMs.push(took - began);
    settleMs.push(performance.now() - took);
  };
  for (let i = 0; i < Math.min(500, count); i++) await one();
  reserveMs.length = 0;
  settleMs.length = 0;
  for (let i = 0; i < count; i++) await one();
  const alone = [reserveMs, settleMs].map(all => [...all].sort((a, b) => a - b));
  reserveMs.length = 0;
  const began = performance.now();
  let left = count * 2;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await one();
    }),
  );
  const perSecond = (count * 2_000) / (performance.now() - began);
  const together = [...reserveMs].sort((a, b) => a - b);
  await control.close();
  return {
    reserveMs: { p50: percentile(alone[0]!, 0.5), p99: percentile(alone[0]!, 0.99) },
    settleMs: { p50: percentile(alone[1]!, 0.5), p99: percentile(alone[1]!, 0.99) },
    [`reserveMs${atOnce}UnderWay`]: { p50: percentile(together, 0.5), p99: percentile(together, 0.99) },
    requestsPerSecond: Math.round(perSecond),
  };
}

export async function run(context: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-limits-"));
  const postgres = await startBenchPostgres();
  const redis = await startBenchRedis();
  const count = (n: number): number => Math.max(200, Math.round(n * context.scale));
  try {
    const ours: Record<string, unknown> = {};
    ours.memory = await measure("memory:", count(20_000));
    ours.sqlite = await measure(`sqlite:${join(folder, "gateway.db")}`, count(5_000));
    if (postgres) ours.postgres = await measure(postgres.url("bench"), count(2_000));
    if (redis) ours.redis = await measure(`sqlite:${join(folder, "records.db")}`, count(5_000), redis.url("bench"));
    return {
      method: `five limits a request (requests, tokens, concurrency, money, one bucket that all share) of ${keys} keys and 20 teams: reserved, then settled with its usage counted; one after the other, then ${atOnce} under way`,
      ours,
      peers: {},
      ratios: {},
      bars: [],
      notes: [...(postgres ? [] : ["PostgreSQL is not installed here"]), ...(redis ? [] : ["redis-server is not installed here"])],
    };
  } finally {
    await redis?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
