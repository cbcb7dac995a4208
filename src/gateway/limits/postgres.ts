/** Buckets in PostgreSQL that many processes share: a decision, or several that came at once, is one statement. */
import type { PostgresPool } from "../state/postgres.ts";
import { usageValues } from "../usage/usage.ts";
import { askText, type BucketStore, type BucketStoreOptions, bucketPage, type ReserveOutcome } from "./bucket-store.ts";

interface Answer {
  readonly n: number;
  readonly o: readonly { readonly g: boolean; readonly l: readonly (readonly [number, number, boolean])[] | null }[];
}

/** To forget empty buckets all are read. */
const forgetEveryMs = 60_000;

/** The schema's tables and functions are there already (`state/postgres.ts`); the pool is closed with the store. */
export function postgresBuckets(pool: PostgresPool, options: BucketStoreOptions): BucketStore {
  const now = () => options.now?.() ?? null;
  let forgotMs = Number.NEGATIVE_INFINITY;
  return {
    async reserve(asks) {
      const [row] = await pool.ask<{ answer: Answer }>("gateway_reserve", "select gateway_reserve($1, $2::jsonb, $3) as answer", [
        options.owner,
        askText(asks),
        now(),
      ]);
      const { n, o } = row!.answer;
      return o.map(
        (one): ReserveOutcome => ({
          granted: one.g,
          nowMs: n,
          lines: (one.l ?? []).map(([level, held, fits]) => ({ level, held, fits })),
        }),
      );
    },
    async settle(asks) {
      const given = asks.map(ask => ({
        id: ask.id,
        d: ask.deltas === "cancel" ? null : ask.deltas,
        k: ask.tookLines,
        u: ask.usage && usageValues(ask.usage),
      }));
      await pool.ask("gateway_settle", "select gateway_settle($1::jsonb, $2)", [JSON.stringify(given), now()]);
    },
    async sweep() {
      const nowMs = now() ?? Date.now();
      const forgets = nowMs - forgotMs >= forgetEveryMs;
      await pool.ask("gateway_sweep", "select gateway_sweep($1, $2, $3::boolean, $4)", [
        options.owner,
        options.leaseMs,
        String(forgets),
        now(),
      ]);
      if (forgets) forgotMs = nowMs;
    },
    async list(after, most) {
      const found = await pool.ask<{ id: string; level: number; held: number; at_ms: number; now_ms: number }>(
        "gateway_list",
        `select id, level, held, at_ms, coalesce($3, extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms
         from gateway_buckets where id > $1 order by id limit $2`,
        [after, most, now()],
      );
      const rows = found.map(({ id, level, held, at_ms }) => ({ id, level, held, atMs: at_ms }));
      return bucketPage(found[0]?.now_ms ?? now() ?? Date.now(), rows, most);
    },
    close: () => pool.close(),
  };
}
