/**
 * Opens the gateway's state by its URL: `memory:`, `sqlite:PATH`, `postgres://...?schema=NAME`; buckets alone may be in a Redis server beside it. An adapter is
 * loaded only when it is asked for.
 */
import { randomUUID } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { defined, nearest } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { BucketStore, BucketStoreOptions } from "../limits/bucket-store.ts";
import type { Database, Sql } from "./sql.ts";

export interface State {
  readonly kind: "memory" | "sqlite" | "postgres";
  /** For sentences, without credentials. */
  readonly place: string;
  readonly database: Database;
  readonly buckets: BucketStore;
  /** Where those are. */
  readonly bucketsIn: "memory" | "sqlite" | "postgres" | "redis";
  /** For what may be lost with the power: nothing waits for the disk. */
  readonly journal: Sql;
  close(): Promise<void>;
}

interface StateOptions {
  readonly url: string;
  /** `redis://...?prefix=NAME`: where buckets are, if not with the rest. */
  readonly limitsUrl?: string;
  /** The folder in which a relative path is. */
  readonly root: string;
  /** See `limits/bucket-store.ts`; 30 s when absent. */
  readonly leaseMs?: number;
  /** Longest wait for a decision about limits; 2 s when absent. */
  readonly timeoutMs?: number;
  readonly now?: () => number;
}

const defaultLeaseMs = 30_000;
const defaultTimeoutMs = 2_000;
/** People's changes and look-ups of keys may wait longer than a decision. */
const databaseTimeoutMs = 10_000;
const kinds = ["memory", "sqlite", "postgres"];

const badUrl = (expected: string, received: string, hint: string) =>
  gatewayErrors.fail("state", { place: "state", expected, received, hint });

const schemeOf = (url: string): string => /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
const isRedis = (scheme: string): boolean => scheme === "redis" || scheme === "rediss";

/** Errors: state, stateLost, stateNewer; readOnly (base). */
export async function openState(options: StateOptions): Promise<State> {
  const bucketOptions = {
    owner: `${process.pid}-${randomUUID()}`,
    leaseMs: options.leaseMs ?? defaultLeaseMs,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    ...defined({ now: options.now }),
  };
  const { limitsUrl } = options;
  if (limitsUrl === undefined) return openRecords(options, bucketOptions);
  if (!isRedis(schemeOf(limitsUrl)))
    throw gatewayErrors.fail("state", {
      place: "limitsState",
      expected: "redis://... or rediss://...",
      received: `"${schemeOf(limitsUrl)}:..."`,
      hint: "Leave it out, and limits are counted in `state`.",
    });
  const { RedisServer } = await import("./redis.ts");
  const { redisBuckets, waitingIn } = await import("../limits/redis.ts");
  const { usageMovedTo } = await import("../usage/moved.ts");
  const server = new RedisServer(limitsUrl, bucketOptions.timeoutMs);
  await server.open();
  const own = await openRecords(options, bucketOptions).catch(error => {
    server.close();
    throw error;
  });
  try {
    const { database, move } = await usageMovedTo(own.database, waitingIn(server), options.now ?? Date.now);
    const buckets = redisBuckets(server, bucketOptions, move);
    return { ...own, database, buckets, bucketsIn: "redis", close: () => buckets.close().then(() => own.close()) };
  } catch (error) {
    server.close();
    await own.close();
    throw error;
  }
}

async function openRecords({ url, root }: StateOptions, bucketOptions: BucketStoreOptions): Promise<State> {
  const scheme = schemeOf(url);
  if (scheme === "memory" || scheme === "sqlite") {
    const { SqliteFile, sqliteDatabase } = await import("./sqlite.ts");
    const rest = url.slice(url.indexOf(":") + 1);
    if (scheme === "sqlite" && rest === "") throw badUrl("a path after the colon", `"${url}"`, 'Try "sqlite:.loam/gateway.db".');
    const path = scheme === "memory" ? ":memory:" : isAbsolute(rest) ? rest : join(root, rest);
    const database = await sqliteDatabase(new SqliteFile(path, databaseTimeoutMs, true));
    if (scheme === "memory") {
      const { memoryBuckets } = await import("../limits/memory.ts");
      const { countedIn } = await import("../usage/counted.ts");
      const counted = countedIn(database);
      const buckets = memoryBuckets(bucketOptions, counted.add);
      const close = () => database.close();
      return { kind: "memory", place: "memory", database: counted.database, buckets, bucketsIn: "memory", journal: database, close };
    }
    const { sqliteBuckets } = await import("../limits/sqlite.ts");
    const buckets = sqliteBuckets(new SqliteFile(path, bucketOptions.timeoutMs, false), bucketOptions);
    const notes = new SqliteFile(path, databaseTimeoutMs, false);
    const journal: Sql = { all: (text, parameters) => notes.retried(() => notes.run(text, parameters)) };
    const close = async () => {
      notes.close();
      await buckets.close();
      await database.close();
    };
    return { kind: "sqlite", place: path, database, buckets, bucketsIn: "sqlite", journal, close };
  }
  if (isRedis(scheme))
    throw badUrl(
      "memory:, sqlite:PATH or postgres://..., where keys, usage and changes can be kept",
      `"${scheme}://..."`,
      'Redis keeps limits alone: write it as limitsState beside state, "sqlite:.loam/gateway.db" or postgres://...',
    );
  if (scheme !== "postgres" && scheme !== "postgresql") {
    const near = nearest(scheme, kinds);
    throw badUrl(
      "memory:, sqlite:PATH or postgres://...",
      `"${url}"`,
      near ? `Did you mean "${near}:"?` : 'Try "sqlite:.loam/gateway.db".',
    );
  }
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw badUrl("a URL", "one that cannot be read", 'Try "postgres://user@host/database?schema=gateway".');
  }
  const schema = parsed.searchParams.get("schema") ?? "loam_gateway";
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw badUrl("a schema of small letters, digits and _", `"${schema}"`, "Try ?schema=gateway.");
  parsed.searchParams.delete("schema");
  const { numbered, PostgresPool, postgresDatabase } = await import("./postgres.ts");
  const { postgresBuckets } = await import("../limits/postgres.ts");
  const pool = new PostgresPool(parsed.href, schema, { timeoutMs: databaseTimeoutMs, flushes: true, connections: 4 });
  const database = await postgresDatabase(pool, schema).catch(async error => {
    await pool.close();
    throw error;
  });
  const decisions = new PostgresPool(parsed.href, schema, { timeoutMs: bucketOptions.timeoutMs, flushes: false, connections: 4 });
  const buckets = postgresBuckets(decisions, bucketOptions);
  const journal: Sql = { all: (text, parameters) => decisions.ask(undefined, numbered(text), parameters) };
  const close = () => buckets.close().then(() => database.close());
  return { kind: "postgres", place: pool.place, database, buckets, bucketsIn: "postgres", journal, close };
}
