/**
 * Answers in a table that SQLite and PostgreSQL share, so that they outlive a start and serve all replicas. What was used longest ago goes
 * first, to within a minute: a use is written only where the last one was longer ago.
 */
import type { SqlValue } from "../state/sql.ts";
import { type CacheStore, keptShare, type StoreBounds, storedSize } from "./store.ts";

/** A use within this time of the last is not written. */
const usedEveryMs = 60_000;

export const cacheTables: readonly string[] = [
  `create table if not exists gateway_cache (key text primary key, tenant text not null, model text not null, target text not null,
    is_stream bigint not null, body text not null, input_tokens bigint not null, output_tokens bigint not null, cached_tokens bigint not null,
    at_ms bigint not null, expires_ms bigint not null, used_ms bigint not null, size_bytes bigint not null)`,
  "create index if not exists gateway_cache_expires on gateway_cache (expires_ms)",
  // both bounds are sums over it alone
  "create index if not exists gateway_cache_used on gateway_cache (used_ms, size_bytes)",
  "create index if not exists gateway_cache_model on gateway_cache (model)",
];

const insert = `insert into gateway_cache (key, tenant, model, target, is_stream, body, input_tokens, output_tokens, cached_tokens, at_ms, expires_ms,
  used_ms, size_bytes) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (key) do update set tenant = excluded.tenant, model = excluded.model, target = excluded.target, is_stream = excluded.is_stream,
  body = excluded.body, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cached_tokens = excluded.cached_tokens,
  at_ms = excluded.at_ms, expires_ms = excluded.expires_ms, used_ms = excluded.used_ms, size_bytes = excluded.size_bytes`;

/** The newest by use stay, that of the first parameter before all, as many and as large as fit. */
const evict = `delete from gateway_cache where key in (select key from (select key, row_number() over best as n, sum(size_bytes) over best as total
  from gateway_cache window best as (order by case when key = ? then 0 else 1 end, used_ms desc, key)) as ranked where n > ? or total > ?)
  returning key`;

const sums = "select count(*) as entries, coalesce(sum(size_bytes), 0) as bytes from gateway_cache";

interface Row {
  readonly tenant: string;
  readonly model: string;
  readonly target: string;
  readonly is_stream: number;
  readonly body: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly at_ms: number;
  readonly expires_ms: number;
  readonly used_ms: number;
}

export interface CacheSql {
  readonly kind: "sqlite" | "postgres";
  /** Statements carry `?`. */
  all<R extends object>(text: string, parameters?: readonly SqlValue[]): Promise<R[]>;
  close(): Promise<void>;
}

export function sqlStore(sql: CacheSql, bounds: StoreBounds): CacheStore {
  const size = async () => {
    const [row] = await sql.all<{ entries: number; bytes: number }>(sums);
    return { entries: Number(row?.entries ?? 0), bytes: Number(row?.bytes ?? 0) };
  };
  return {
    kind: sql.kind,
    get: async (key, nowMs) => {
      const [row] = await sql.all<Row>("select * from gateway_cache where key = ? and expires_ms > ?", [key, nowMs]);
      if (!row) return undefined;
      if (nowMs - row.used_ms > usedEveryMs) await sql.all("update gateway_cache set used_ms = ? where key = ?", [nowMs, key]);
      return {
        tenant: row.tenant,
        model: row.model,
        target: row.target,
        isStream: row.is_stream === 1,
        body: row.body,
        usage: { inputTokens: row.input_tokens, outputTokens: row.output_tokens, cachedTokens: row.cached_tokens },
        atMs: row.at_ms,
        expiresMs: row.expires_ms,
      };
    },
    put: async (key, a, nowMs) => {
      const sizeBytes = storedSize(a);
      const { length: expired } = await sql.all("delete from gateway_cache where expires_ms <= ? returning key", [nowMs]);
      if (sizeBytes > bounds.bytes) {
        await sql.all("delete from gateway_cache where key = ?", [key]);
        return { evicted: 0, expired };
      }
      const { inputTokens, outputTokens, cachedTokens } = a.usage;
      const flag = a.isStream ? 1 : 0;
      const counts = [inputTokens, outputTokens, cachedTokens, a.atMs, a.expiresMs, nowMs, sizeBytes];
      await sql.all(insert, [key, a.tenant, a.model, a.target, flag, a.body, ...counts]);
      const now = await size();
      if (now.entries <= bounds.entries && now.bytes <= bounds.bytes) return { evicted: 0, expired };
      // the newest always fits: it is within the bounds by itself
      const most = (bound: number, least: number) => Math.max(least, Math.floor(bound * keptShare));
      const { length: evicted } = await sql.all(evict, [key, most(bounds.entries, 1), most(bounds.bytes, sizeBytes)]);
      return { evicted, expired };
    },
    clear: async ({ tenant, model }) => {
      const wanted = Object.entries({ tenant, model }).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
      const where = wanted.length === 0 ? "" : ` where ${wanted.map(w => `${w.name} = ?`).join(" and ")}`;
      const gone = await sql.all(
        `delete from gateway_cache${where} returning key`,
        wanted.map(w => w.value),
      );
      return gone.length;
    },
    size,
    close: () => sql.close(),
  };
}
