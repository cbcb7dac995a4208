/** Keys as the state has them, found by a hash of their secret, by their access key id, by name. */
import { redact } from "../../base/index.ts";
import type { KeyInfo } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Sql } from "../state/sql.ts";

export interface KeyRow {
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
export const infoOf = (r: KeyRow): KeyInfo => ({
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

/** Null: there is none. */
export async function keyByHash(sql: Sql, hashes: readonly string[]): Promise<FoundKey | null> {
  const marks = hashes.map(() => "?").join(", ");
  const [row] = await sql.all<KeyRow & { secret_expires_ms: number | null }>(
    `select k.*, s.expires_ms as secret_expires_ms from gateway_secrets s join gateway_keys k on k.id = s.key_id where s.hash in (${marks})`,
    hashes,
  );
  return row ? { key: infoOf(row), secretExpiresMs: row.secret_expires_ms } : null;
}

/** Null: there is none. */
export async function signingById(sql: Sql, accessKeyId: string): Promise<FoundSigning | null> {
  const rows = await sql.all<KeyRow & { sealed: string | null; secret_expires_ms: number | null }>(
    "select k.*, s.sealed, s.expires_ms as secret_expires_ms from gateway_keys k left join gateway_signing s on s.key_id = k.id where k.prefix = ?",
    [accessKeyId],
  );
  const [row] = rows;
  if (!row) return null;
  const key = infoOf(row);
  return { key, secrets: rows.flatMap(r => (r.sealed === null ? [] : [{ sealed: r.sealed, expiresMs: r.secret_expires_ms }])) };
}

/** Errors: unknownKey. */
export async function keyByName(sql: Sql, keyOrPrefix: string): Promise<KeyInfo> {
  const [row] = await sql.all<KeyRow>("select * from gateway_keys where id = ? or prefix = ?", [keyOrPrefix, keyOrPrefix]);
  if (row) return infoOf(row);
  throw gatewayErrors.fail("unknownKey", {
    place: "key",
    expected: "the id of a key (key_...) or its beginning (sk-loam-..., LOAM...)",
    // a whole key typed by mistake must not stand in a sentence
    received: `"${keyOrPrefix.length > 40 ? `${keyOrPrefix.slice(0, 8)}...` : redact(keyOrPrefix)}"`,
    hint: "List the keys to see their ids.",
  });
}
