/** Keys in the state: made, listed, revoked, rotated with an overlap, and looked up by their hash through a short cache. */
import { randomUUID } from "node:crypto";
import { nearest, redact } from "../../base/index.ts";
import type { KeyGiven, KeyInfo, Keys } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Database, Sql, SqlValue } from "../state/sql.ts";
import { keyHash, newPrefix, newSecret } from "./api-key.ts";
import { believed } from "./believed.ts";
import { appendChange } from "./changes.ts";
import { opens } from "./entry-checks.ts";
import { accountOf, adminsOf, type Principals } from "./principals.ts";
import { isAccessKeyId, newAccessKeyId, newSigningSecret, openSeals, type Seals } from "./signing-secrets.ts";

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

/** A key found by its access key id, and what its requests may be signed with: none where it is revoked. */
export interface FoundSigning {
  readonly key: KeyInfo;
  readonly secrets: readonly { readonly sealed: string; readonly expiresMs: number | null }[];
}

export interface KeyStoreOptions {
  readonly database: Database;
  /** The first hashes new keys; keys hashed under the others still open. */
  readonly secrets: readonly string[];
  readonly principals: () => Principals;
  /** Whether somebody may come in without a key of ours (by a token). */
  readonly othersMayEnter: () => boolean;
  /** Whether requests that are signed are let in. */
  readonly mayHaveSignatures: () => boolean;
  readonly now: () => number;
  /** How long a found key, or that there is none, is believed. */
  readonly cacheMs: number;
  /** How long a found key is believed while the state does not answer. */
  readonly staleMs: number;
}

export interface KeyStore extends Keys {
  /** Null: there is none. At once where it is believed from an earlier look. Errors: stateLost. */
  find(key: string): FoundKey | null | Promise<FoundKey | null>;
  /** The same by an access key id. */
  findSigning(accessKeyId: string): FoundSigning | null | Promise<FoundSigning | null>;
  readonly seals: Seals;
  used(keyId: string): void;
  /** Writes when keys were last used. */
  flush(): Promise<void>;
}

/** Keys whose last use is written in one statement. */
const flushedAtOnce = 200;
const defaultOverlapMs = 24 * 3_600_000;
/** Keys that a list gives. */
const mostListed = 10_000;

const secretsOf = ({ prefix }: KeyInfo): string => (isAccessKeyId(prefix) ? "gateway_signing" : "gateway_secrets");
const isLive = (key: KeyInfo, nowMs: number): boolean => key.revokedMs === null && (key.expiresMs === null || key.expiresMs > nowMs);

export function createKeys(options: KeyStoreOptions): KeyStore {
  const { database, secrets, now } = options;
  const bearers = believed<FoundKey>(options);
  const signing = believed<FoundSigning>(options);
  const seals = openSeals(secrets);
  const lastUse = new Map<string, number>();

  const lookUp = async (hashes: readonly string[]): Promise<FoundKey | null> => {
    const marks = hashes.map(() => "?").join(", ");
    const [row] = await database.all<KeyRow & { secret_expires_ms: number | null }>(
      `select k.*, s.expires_ms as secret_expires_ms from gateway_secrets s join gateway_keys k on k.id = s.key_id where s.hash in (${marks})`,
      hashes,
    );
    return row ? { key: infoOf(row), secretExpiresMs: row.secret_expires_ms } : null;
  };

  const find = (key: string): FoundKey | null | Promise<FoundKey | null> =>
    bearers.find(keyHash(secrets[0]!, key), () => lookUp(secrets.map(secret => keyHash(secret, key))));

  const findSigning = (accessKeyId: string): FoundSigning | null | Promise<FoundSigning | null> =>
    signing.find(accessKeyId, async () => {
      const rows = await database.all<KeyRow & { sealed: string | null; secret_expires_ms: number | null }>(
        "select k.*, s.sealed, s.expires_ms as secret_expires_ms from gateway_keys k left join gateway_signing s on s.key_id = k.id where k.prefix = ?",
        [accessKeyId],
      );
      const [row] = rows;
      if (!row) return null;
      const key = infoOf(row);
      return { key, secrets: rows.flatMap(r => (r.sealed === null ? [] : [{ sealed: r.sealed, expiresMs: r.secret_expires_ms }])) };
    });

  /** Changes are heard here at once, elsewhere when the cache there is over. */
  const forget = (): void => {
    bearers.forget();
    signing.forget();
  };

  const byName = async (sql: Sql, keyOrPrefix: string): Promise<KeyInfo> => {
    const [row] = await sql.all<KeyRow>("select * from gateway_keys where id = ? or prefix = ?", [keyOrPrefix, keyOrPrefix]);
    if (row) return infoOf(row);
    throw gatewayErrors.fail("unknownKey", {
      place: "key",
      expected: "the id of a key (key_...) or its beginning (sk-loam-..., LOAM...)",
      // a whole key typed by mistake must not stand in a sentence
      received: `"${keyOrPrefix.length > 40 ? `${keyOrPrefix.slice(0, 8)}...` : redact(keyOrPrefix)}"`,
      hint: "List the keys to see their ids.",
    });
  };

  const insertSecret = async (sql: Sql, keyId: string, prefix: string): Promise<string> => {
    if (isAccessKeyId(prefix)) {
      const secret = newSigningSecret();
      const sealed = seals.seal(secret, keyId);
      await sql.all("insert into gateway_signing (sealed, key_id, expires_ms) values (?, ?, null)", [sealed, keyId]);
      return secret;
    }
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
      const [row] = await sql.all<KeyRow>(`select * from gateway_keys where ${opens} and id <> ? limit 1`, [admin, now(), leaving.id]);
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
    findSigning,
    seals,
    info: keyOrPrefix => byName(database, keyOrPrefix),
    async create(given: KeyGiven, by) {
      accountFor(given.subject);
      if (given.kind === "sigv4" && !options.mayHaveSignatures())
        throw gatewayErrors.fail("parameter", {
          place: "kind",
          expected: "a gateway that lets in by signature",
          received: "one whose access has no part sigv4",
          hint: "Write access: { sigv4: { regions: [eu-central-1], services: [bedrock] } } in its file first.",
        });
      const prefix = given.kind === "sigv4" ? newAccessKeyId() : newPrefix();
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
        await sql.all(`delete from ${secretsOf(found)} where key_id = ?`, [found.id]);
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
        const table = secretsOf(key);
        if (overlapMs <= 0) await sql.all(`delete from ${table} where key_id = ?`, [key.id]);
        // an earlier rotation's secret keeps its own, nearer end
        else
          await sql.all(`update ${table} set expires_ms = ? where key_id = ? and (expires_ms is null or expires_ms > ?)`, [
            atMs + overlapMs,
            key.id,
            atMs + overlapMs,
          ]);
        await sql.all(`delete from ${table} where key_id = ? and expires_ms <= ?`, [key.id, atMs]);
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
