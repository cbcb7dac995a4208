/** Opens the store that the configuration names; an adapter is loaded only when it is asked for. */
import { isAbsolute, join } from "node:path";
import { gatewayErrors } from "../errors.ts";
import { memoryStore } from "./memory.ts";
import { type CacheSql, cacheTables, sqlStore } from "./sql-store.ts";
import type { CacheStore, StoreBounds } from "./store.ts";

/** A request must not wait for its cache longer than a person notices. */
const defaultTimeoutMs = 1_000;
/** At a start others may be making the tables. */
const openingMs = 10_000;

interface CacheStoreOptions extends StoreBounds {
  /** `memory`, `state`, or a URL. */
  readonly store: string;
  /** What `state` stands for. */
  readonly state: string;
  /** The folder in which a relative path is. */
  readonly root: string;
  /** Longest wait of a request for the store; 1 s when absent. */
  readonly timeoutMs?: number;
}

/** Errors: state, stateLost; readOnly (base). */
export async function openCacheStore({
  store,
  state,
  root,
  entries,
  bytes,
  timeoutMs = defaultTimeoutMs,
}: CacheStoreOptions): Promise<CacheStore> {
  const url = store === "state" ? state : store;
  const bounds = { entries, bytes };
  if (url === "memory" || url === "memory:") return memoryStore(bounds);
  return sqlStore(
    url.startsWith("sqlite:") ? await sqliteFile(url.slice("sqlite:".length), root, timeoutMs) : await postgres(url, timeoutMs),
    bounds,
  );
}

async function sqliteFile(given: string, root: string, timeoutMs: number): Promise<CacheSql> {
  const { SqliteFile } = await import("../state/sqlite.ts");
  const path = isAbsolute(given) ? given : join(root, given);
  const first = new SqliteFile(path, openingMs, false);
  try {
    await first.retried(() => first.run("pragma journal_mode = wal"));
    await first.transaction(() => {
      for (const statement of cacheTables) first.run(statement);
    });
  } finally {
    first.close();
  }
  const file = new SqliteFile(path, timeoutMs, false);
  return {
    kind: "sqlite",
    all: (text, parameters) => file.retried(() => file.run(text, parameters)),
    close: async () => file.close(),
  };
}

async function postgres(url: string, timeoutMs: number): Promise<CacheSql> {
  const { PostgresPool } = await import("../state/postgres.ts");
  const parsed = new URL(url);
  const schema = parsed.searchParams.get("schema") ?? "loam_gateway";
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw gatewayErrors.fail("state", {
      place: "cache.store",
      expected: "a schema of small letters, digits and _",
      received: JSON.stringify(schema.slice(0, 80)),
      hint: "Try ?schema=gateway.",
    });
  parsed.searchParams.delete("schema");
  const first = new PostgresPool(parsed.href, schema, { timeoutMs: openingMs, flushes: true, connections: 1 });
  try {
    await first.transaction(async sql => {
      await sql.all(`create schema if not exists ${schema}`);
      for (const statement of cacheTables) await sql.all(statement);
    });
  } finally {
    await first.close();
  }
  const pool = new PostgresPool(parsed.href, schema, { timeoutMs, flushes: false, connections: 4 });
  const numbered = (text: string): string => {
    let n = 0;
    return text.replaceAll("?", () => `$${++n}`);
  };
  return {
    kind: "postgres",
    all: (text, parameters) => pool.ask(undefined, numbered(text), parameters),
    close: () => pool.close(),
  };
}
