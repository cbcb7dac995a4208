/** Opens the store that the configuration names; an adapter is loaded only when it is asked for. */
import { isAbsolute, join } from "node:path";
import { memoryStore } from "./memory.ts";
import { type CacheSql, cacheTables, sqlStore } from "./sql-store.ts";
import type { CacheStore, StoreBounds } from "./store.ts";

/** Longest wait for a store: a request must not wait for its cache longer than a person notices. */
const timeoutMs = 1_000;

export interface CacheStoreOptions extends StoreBounds {
  /** `memory`, `state`, or a URL. */
  readonly store: string;
  /** What `state` stands for. */
  readonly state: string;
  /** The folder in which a relative path is. */
  readonly root: string;
}

/** Errors: stateLost; readOnly (base). */
export async function openCacheStore({ store, state, root, entries, bytes }: CacheStoreOptions): Promise<CacheStore> {
  const url = store === "state" ? state : store;
  const bounds = { entries, bytes };
  if (url === "memory" || url === "memory:") return memoryStore(bounds);
  return sqlStore(url.startsWith("sqlite:") ? await sqliteFile(url.slice("sqlite:".length), root) : await postgres(url), bounds);
}

async function sqliteFile(given: string, root: string): Promise<CacheSql> {
  const { SqliteFile } = await import("../state/sqlite.ts");
  const file = new SqliteFile(isAbsolute(given) ? given : join(root, given), timeoutMs, false);
  if (file.path !== ":memory:") await file.retried(() => file.run("pragma journal_mode = wal"));
  await file.transaction(() => {
    for (const statement of cacheTables) file.run(statement);
  });
  return {
    kind: "sqlite",
    all: (text, parameters) => file.retried(() => file.run(text, parameters)),
    close: async () => file.close(),
  };
}

async function postgres(url: string): Promise<CacheSql> {
  const { PostgresPool } = await import("../state/postgres.ts");
  const parsed = new URL(url);
  const schema = parsed.searchParams.get("schema") ?? "loam_gateway";
  parsed.searchParams.delete("schema");
  const pool = new PostgresPool(parsed.href, schema, { timeoutMs, flushes: false, connections: 4 });
  try {
    await pool.transaction(async sql => {
      await sql.all(`create schema if not exists ${schema}`);
      for (const statement of cacheTables) await sql.all(statement);
    });
  } catch (error) {
    await pool.close();
    throw error;
  }
  const numbered = (text: string): string => {
    let n = 0;
    return text.replaceAll("?", () => `$${++n}`);
  };
  return {
    kind: "postgres",
    // the planner may look at all rows where it must rank them
    all: (text, parameters) => pool.ask(undefined, numbered(text), parameters),
    close: () => pool.close(),
  };
}
