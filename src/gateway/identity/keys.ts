/** Keys in the state: made, listed, revoked, rotated with an overlap, and looked up by their hash through a short cache. */
import { randomUUID } from "node:crypto";
import { nearest, redact } from "../../base/index.ts";
import type { KeyGiven, KeyInfo, Keys } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Database, Sql, SqlValue } from "../state/sql.ts";
import { keyHash, newPrefix, newSecret } from "./api-key.ts";
import { appendChange } from "./changes.ts";
import { accountOf, adminsOf, type Principals } from "./principals.ts";

interface KeyRow {
  readonly id: string;
  readonly prefix: string;
  readonly name: string;
  readonly subject: string;
  readonly scopes: string;
  readonly created_ms: number;
  readonly expires_ms: number | null;
  readonly revoked_ms: number | null;
  readonly last_used_ms: number | null;
}
const infoOf = (r: KeyRow): KeyInfo => ({
  id: r.id,
  prefix: r.prefix,
  name: r.name,
  subject: r.subject,
  scopes: r.scopes === "" ? [] : r.scopes.split(" "),
  createdMs: r.created_ms,
  expiresMs: r.expires_ms,
  revokedMs: r.revoked_ms,
  lastUsedMs: r.last_used_ms,
});

/** A key found by its hash, and when that secret of it ends. */
export interface FoundKey {
  readonly key: KeyInfo;
  readonly secretExpiresMs: number | null;
}

export interface KeyStoreOptions {
  readonly database: Database;
  /** The first hashes new keys; keys hashed under the others still open. */
  readonly secrets: readonly string[];
  readonly principals: () => Principals;
  /** Whether somebody may come in without a key of ours (by a token). */
  readonly othersMayEnter: () => boolean;
  readonly now: () => number;
  /** How long a found key, or that there is none, is believed. */
  readonly cacheMs: number;
  /** How long a found key is believed while the state does not answer. */
  readonly staleMs: number;
}

export interface KeyStore extends Keys {
  /** Null: there is none. At once where it is believed from an earlier look. Errors: stateLost. */
  find(key: string): FoundKey | null | Promise<FoundKey | null>;
  used(keyId: string): void;
  /** Writes when keys were last used. */
  flush(): Promise<void>;
}

interface Cached {
  readonly found: Promise<FoundKey | null>;
  /** What that came to; undefined until then. */
  known: FoundKey | null | undefined;
  /** Believed for `cacheMs` from here. */
  readonly atMs: number;
  /** When the state said so. */
  readonly readMs: number;
}

/** Entries of the cache, good and bad keys alike: about 30 MB. */
const mostCached = 50_000;
/** Keys whose last use is written in one statement. */
const flushedAtOnce = 200;
const defaultOverlapMs = 24 * 3_600_000;
/** Keys that a list gives. */
const mostListed = 10_000;

const isLive = (key: KeyInfo, nowMs: number): boolean => key.revokedMs === null && (key.expiresMs === null || key.expiresMs > nowMs);

export function createKeys(options: KeyStoreOptions): KeyStore {
  const { database, secrets, now } = options;
  const cache = new Map<string, Cached>();
  const lastUse = new Map<string, number>();

  const lookUp = async (hashes: readonly string[]): Promise<FoundKey | null> => {
    const marks = hashes.map(() => "?").join(", ");
    const [row] = await database.all<KeyRow & { secret_expires_ms: number | null }>(
      `select k.*, s.expires_ms as secret_expires_ms from gateway_secrets s join gateway_keys k on k.id = s.key_id where s.hash in (${marks})`,
      hashes,
    );
    return row ? { key: infoOf(row), secretExpiresMs: row.secret_expires_ms } : null;
  };

  const find = (key: string): FoundKey | null | Promise<FoundKey | null> => {
    const at = keyHash(secrets[0]!, key);
    const kept = cache.get(at);
    if (kept && now() - kept.atMs < options.cacheMs) return kept.known === undefined ? kept.found : kept.known;
    return lookedUp(key, at, kept);
  };

  const lookedUp = async (key: string, at: string, kept: Cached | undefined): Promise<FoundKey | null> => {
    const nowMs = now();
    const found = lookUp(secrets.map(secret => keyHash(secret, key)));
    const entry: Cached = { found, known: undefined, atMs: nowMs, readMs: nowMs };
    cache.delete(at);
    cache.set(at, entry);
    if (cache.size > mostCached) cache.delete(cache.keys().next().value!);
    try {
      entry.known = await entry.found;
      return entry.known;
    } catch (error) {
      if (cache.get(at) === entry) cache.delete(at);
      if (!kept || now() - kept.readMs > options.staleMs) throw error;
      const stale = await kept.found.catch(() => null);
      if (!stale) throw error;
      // believed again for the cache's time, so that not every request waits for a state that does not answer
      cache.set(at, { ...kept, known: stale, atMs: now() });
      return stale;
    }
  };

  /** Changes are heard here at once, elsewhere when the cache there is over. */
  const forget = (): void => cache.clear();

  const byName = async (sql: Sql, keyOrPrefix: string): Promise<KeyInfo> => {
    const [row] = await sql.all<KeyRow>("select * from gateway_keys where id = ? or prefix = ?", [keyOrPrefix, keyOrPrefix]);
    if (row) return infoOf(row);
    throw gatewayErrors.fail("unknownKey", {
      place: "key",
      expected: "the id of a key (key_...) or its beginning (sk-loam-...)",
      // a whole key typed by mistake must not stand in a sentence
      received: `"${keyOrPrefix.length > 40 ? `${keyOrPrefix.slice(0, 8)}...` : redact(keyOrPrefix)}"`,
      hint: "List the keys to see their ids.",
    });
  };

  const insertSecret = async (sql: Sql, keyId: string, prefix: string): Promise<string> => {
    const secret = newSecret(prefix);
    await sql.all("insert into gateway_secrets (hash, key_id, expires_ms) values (?, ?, null)", [keyHash(secrets[0]!, secret), keyId]);
    return secret;
  };

  const accountFor = (subject: string) => {
    const all = options.principals();
    const account = accountOf(all, subject);
    if (account) return account;
    const near = nearest(subject, [...Object.keys(all.users), ...Object.keys(all.serviceAccounts)]);
    throw gatewayErrors.fail("unknownSubject", {
      place: "subject",
      expected: "a user or service account under principals",
      received: `"${subject}"`,
      hint: near ? `Did you mean "${near}"?` : "Add it to the configuration first.",
    });
  };

  const keepsAdminKey = async (sql: Sql, leaving: KeyInfo): Promise<void> => {
    if (options.othersMayEnter() || !isLive(leaving, now())) return;
    const all = options.principals();
    const admins = adminsOf(all);
    if (!admins.includes(leaving.subject)) return;
    for (const admin of admins) {
      const [row] = await sql.all<KeyRow>(
        "select * from gateway_keys where subject = ? and id <> ? and revoked_ms is null and (expires_ms is null or expires_ms > ?) limit 1",
        [admin, leaving.id, now()],
      );
      if (row) return;
    }
    throw gatewayErrors.fail("lastAdmin", {
      place: `key ${leaving.prefix}`,
      expected: "another live key of somebody with the role admin",
      received: "none",
      hint: "Make one first; or, if this one has leaked, rotate it without an overlap.",
    });
  };

  return {
    find,
    info: keyOrPrefix => byName(database, keyOrPrefix),
    async create(given: KeyGiven, by) {
      accountFor(given.subject);
      const prefix = newPrefix();
      const row = {
        id: `key_${randomUUID().replaceAll("-", "").slice(0, 20)}`,
        prefix,
        name: given.name,
        subject: given.subject,
        scopes: (given.scopes ?? []).join(" "),
        created_ms: now(),
        expires_ms: given.expiresMs ?? null,
        revoked_ms: null,
        last_used_ms: null,
      };
      const secret = await database.write(async sql => {
        await sql.all(
          "insert into gateway_keys (id, prefix, name, subject, scopes, created_ms, expires_ms, revoked_ms, last_used_ms) values (?, ?, ?, ?, ?, ?, ?, null, null)",
          [row.id, row.prefix, row.name, row.subject, row.scopes, row.created_ms, row.expires_ms],
        );
        await appendChange(sql, row.created_ms, by, "key.create", {
          id: row.id,
          prefix,
          name: row.name,
          subject: row.subject,
          scopes: [...(given.scopes ?? [])],
          expiresMs: row.expires_ms,
        });
        return insertSecret(sql, row.id, prefix);
      });
      forget();
      return { key: infoOf(row), secret };
    },
    async ending(withinMs) {
      const nowMs = now();
      const rows = await database.all<KeyRow>(
        "select * from gateway_keys where revoked_ms is null and expires_ms > ? and expires_ms <= ? order by expires_ms, id limit 1000",
        [nowMs, nowMs + withinMs],
      );
      return rows.map(infoOf);
    },
    async list(filter = {}) {
      const [where, values]: [string, SqlValue[]] = filter.subject === undefined ? ["", []] : ["where subject = ?", [filter.subject]];
      const rows = await database.all<KeyRow>(
        `select * from gateway_keys ${where} order by created_ms desc, id limit ${mostListed}`,
        values,
      );
      return rows.map(infoOf);
    },
    async revoke(keyOrPrefix, by) {
      const key = await database.write(async sql => {
        const found = await byName(sql, keyOrPrefix);
        if (found.revokedMs !== null) return found;
        await keepsAdminKey(sql, found);
        const atMs = now();
        await sql.all("update gateway_keys set revoked_ms = ? where id = ?", [atMs, found.id]);
        await sql.all("delete from gateway_secrets where key_id = ?", [found.id]);
        await appendChange(sql, atMs, by, "key.revoke", { id: found.id, prefix: found.prefix });
        return { ...found, revokedMs: atMs };
      });
      forget();
      return key;
    },
    async rotate(keyOrPrefix, by, overlapMs = defaultOverlapMs) {
      const result = await database.write(async sql => {
        const key = await byName(sql, keyOrPrefix);
        const atMs = now();
        if (!isLive(key, atMs))
          throw gatewayErrors.fail("keyRevoked", {
            place: `key ${key.prefix}`,
            expected: "a live key",
            received: key.revokedMs === null ? "one that has expired" : "one that is revoked",
            hint: "Create a new one.",
          });
        if (overlapMs <= 0) await sql.all("delete from gateway_secrets where key_id = ?", [key.id]);
        // an earlier rotation's secret keeps its own, nearer end
        else
          await sql.all("update gateway_secrets set expires_ms = ? where key_id = ? and (expires_ms is null or expires_ms > ?)", [
            atMs + overlapMs,
            key.id,
            atMs + overlapMs,
          ]);
        await sql.all("delete from gateway_secrets where key_id = ? and expires_ms <= ?", [key.id, atMs]);
        await appendChange(sql, atMs, by, "key.rotate", { id: key.id, prefix: key.prefix, overlapMs: Math.max(0, overlapMs) });
        return { key, secret: await insertSecret(sql, key.id, key.prefix) };
      });
      forget();
      return result;
    },
    used(keyId) {
      lastUse.set(keyId, now());
    },
    async flush() {
      const uses = [...lastUse];
      lastUse.clear();
      for (let from = 0; from < uses.length; from += flushedAtOnce) {
        const part = uses.slice(from, from + flushedAtOnce);
        const cases = part.map(() => "when ? then ?").join(" ");
        const marks = part.map(() => "?").join(", ");
        await database.all(`update gateway_keys set last_used_ms = cast(case id ${cases} end as bigint) where id in (${marks})`, [
          ...part.flat(),
          ...part.map(([id]) => id),
        ]);
      }
    },
  };
}
