/** Keys in the state: made, listed, revoked, rotated with an overlap, and looked up by their hash through a short cache. */
import { randomUUID } from "node:crypto";
import { nearest } from "../../base/index.ts";
import type { KeyGiven, KeyInfo, Keys } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Database, Sql, SqlValue } from "../state/sql.ts";
import { keyHash, newPrefix, newSecret } from "./api-key.ts";
import { appendChange } from "./changes.ts";
import { opens } from "./entry-checks.ts";
import { type FoundKey, type FoundSigning, infoOf, type KeyRow, keyByHash, keyByName, signingById } from "./key-rows.ts";
import { type LookupCache, lookupCache } from "./lookup-cache.ts";
import { accountOf, adminsOf, type Principals } from "./principals.ts";
import { isAccessKeyId, newAccessKeyId, newSigningSecret, openSeals, type Seals } from "./signing-secrets.ts";

interface KeyStoreOptions {
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

/** Keys whose last use is written in one statement. */
const flushedAtOnce = 200;
const defaultOverlapMs = 24 * 3_600_000;
/** Keys that a list gives. */
const mostListed = 10_000;

const secretsOf = ({ prefix }: KeyInfo): string => (isAccessKeyId(prefix) ? "gateway_signing" : "gateway_secrets");
const isLive = (key: KeyInfo, nowMs: number): boolean => key.revokedMs === null && (key.expiresMs === null || key.expiresMs > nowMs);

export class KeyStore implements Keys {
  readonly seals: Seals;
  readonly #options: KeyStoreOptions;
  readonly #database: Database;
  readonly #now: () => number;
  readonly #bearers: LookupCache<FoundKey>;
  readonly #signing: LookupCache<FoundSigning>;
  readonly #lastUse = new Map<string, number>();

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#database = options.database;
    this.#now = options.now;
    this.#bearers = lookupCache<FoundKey>(options);
    this.#signing = lookupCache<FoundSigning>(options);
    this.seals = openSeals(options.secrets);
  }

  /** Null: there is none. At once where it is believed from an earlier look. Errors: stateLost. */
  find(key: string): FoundKey | null | Promise<FoundKey | null> {
    const { secrets } = this.#options;
    return this.#bearers.find(keyHash(secrets[0]!, key), () =>
      keyByHash(
        this.#database,
        secrets.map(secret => keyHash(secret, key)),
      ),
    );
  }

  /** The same by an access key id. */
  findSigning(accessKeyId: string): FoundSigning | null | Promise<FoundSigning | null> {
    return this.#signing.find(accessKeyId, () => signingById(this.#database, accessKeyId));
  }

  /** Changes are heard here at once, elsewhere when the cache there is over. */
  #forget(): void {
    this.#bearers.forget();
    this.#signing.forget();
  }

  info(keyOrPrefix: string): Promise<KeyInfo> {
    return keyByName(this.#database, keyOrPrefix);
  }

  async #insertSecret(sql: Sql, keyId: string, prefix: string): Promise<string> {
    if (isAccessKeyId(prefix)) {
      const secret = newSigningSecret();
      const sealed = this.seals.seal(secret, keyId);
      await sql.all("insert into gateway_signing (sealed, key_id, expires_ms) values (?, ?, null)", [sealed, keyId]);
      return secret;
    }
    const secret = newSecret(prefix);
    await sql.all("insert into gateway_secrets (hash, key_id, expires_ms) values (?, ?, null)", [
      keyHash(this.#options.secrets[0]!, secret),
      keyId,
    ]);
    return secret;
  }

  /** Errors: unknownSubject. */
  #checkSubject(subject: string): void {
    const all = this.#options.principals();
    if (accountOf(all, subject)) return;
    const near = nearest(subject, [...Object.keys(all.users), ...Object.keys(all.serviceAccounts)]);
    throw gatewayErrors.fail("unknownSubject", {
      place: "subject",
      expected: "a user or service account under principals",
      received: `"${subject}"`,
      hint: near ? `Did you mean "${near}"?` : "Add it to the configuration first.",
    });
  }

  async #keepsAdminKey(sql: Sql, leaving: KeyInfo): Promise<void> {
    if (this.#options.othersMayEnter() || !isLive(leaving, this.#now())) return;
    const all = this.#options.principals();
    const admins = adminsOf(all);
    if (!admins.includes(leaving.subject)) return;
    for (const admin of admins) {
      const [row] = await sql.all<KeyRow>(`select * from gateway_keys where ${opens} and id <> ? limit 1`, [
        admin,
        this.#now(),
        leaving.id,
      ]);
      if (row) return;
    }
    throw gatewayErrors.fail("lastAdmin", {
      place: `key ${leaving.prefix}`,
      expected: "another live key of somebody with the role admin",
      received: "none",
      hint: "Make one first; or, if this one has leaked, rotate it without an overlap.",
    });
  }

  async create(given: KeyGiven, by: string): Promise<{ readonly key: KeyInfo; readonly secret: string }> {
    this.#checkSubject(given.subject);
    if (given.kind === "sigv4" && !this.#options.mayHaveSignatures())
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
      created_ms: this.#now(),
      expires_ms: given.expiresMs ?? null,
      revoked_ms: null,
      last_used_ms: null,
    };
    const secret = await this.#database.write(async sql => {
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
      return this.#insertSecret(sql, row.id, prefix);
    });
    this.#forget();
    return { key: infoOf(row), secret };
  }

  async ending(withinMs: number): Promise<readonly KeyInfo[]> {
    const nowMs = this.#now();
    const rows = await this.#database.all<KeyRow>(
      "select * from gateway_keys where revoked_ms is null and expires_ms > ? and expires_ms <= ? order by expires_ms, id limit 1000",
      [nowMs, nowMs + withinMs],
    );
    return rows.map(infoOf);
  }

  async list(filter: { readonly subject?: string } = {}): Promise<readonly KeyInfo[]> {
    const [where, values]: [string, SqlValue[]] = filter.subject === undefined ? ["", []] : ["where subject = ?", [filter.subject]];
    const rows = await this.#database.all<KeyRow>(
      `select * from gateway_keys ${where} order by created_ms desc, id limit ${mostListed}`,
      values,
    );
    return rows.map(infoOf);
  }

  async revoke(keyOrPrefix: string, by: string): Promise<KeyInfo> {
    const key = await this.#database.write(async sql => {
      const found = await keyByName(sql, keyOrPrefix);
      if (found.revokedMs !== null) return found;
      await this.#keepsAdminKey(sql, found);
      const atMs = this.#now();
      await sql.all("update gateway_keys set revoked_ms = ? where id = ?", [atMs, found.id]);
      await sql.all(`delete from ${secretsOf(found)} where key_id = ?`, [found.id]);
      await appendChange(sql, atMs, by, "key.revoke", { id: found.id, prefix: found.prefix });
      return { ...found, revokedMs: atMs };
    });
    this.#forget();
    return key;
  }

  async rotate(keyOrPrefix: string, by: string, overlapMs = defaultOverlapMs): Promise<{ readonly key: KeyInfo; readonly secret: string }> {
    const result = await this.#database.write(async sql => {
      const key = await keyByName(sql, keyOrPrefix);
      const atMs = this.#now();
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
      return { key, secret: await this.#insertSecret(sql, key.id, key.prefix) };
    });
    this.#forget();
    return result;
  }

  used(keyId: string): void {
    this.#lastUse.set(keyId, this.#now());
  }

  /** Writes when keys were last used. */
  async flush(): Promise<void> {
    const uses = [...this.#lastUse];
    this.#lastUse.clear();
    for (let from = 0; from < uses.length; from += flushedAtOnce) {
      const part = uses.slice(from, from + flushedAtOnce);
      const cases = part.map(() => "when ? then ?").join(" ");
      const marks = part.map(() => "?").join(", ");
      await this.#database.all(`update gateway_keys set last_used_ms = cast(case id ${cases} end as bigint) where id in (${marks})`, [
        ...part.flat(),
        ...part.map(([id]) => id),
      ]);
    }
  }
}
