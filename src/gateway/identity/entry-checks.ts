/** What is checked of an entry before it is changed: its revision, the names in it, and whether anything still needs it. */
import { nearest } from "../../base/index.ts";
import type { ControlConfig } from "../control-config.ts";
import { gatewayErrors } from "../errors.ts";
import type { LimitRule } from "../limits/rules.ts";
import type { Sql } from "../state/sql.ts";
import { entryKey, policyOf } from "./entries.ts";
import type { AccessEntry, EntryKind, EntryValue, Match } from "./entry.ts";
import { adminsOf } from "./principals.ts";
import { referrers, type Stranger, strangers, strangersOfLimit, strangersOfPolicy } from "./references.ts";

type LimitSubjects = LimitRule["for"];

const unknownName = ({ place, what, name, known }: Stranger) => {
  const near = nearest(name, known);
  return gatewayErrors.fail("parameter", {
    place,
    expected: known.length === 0 ? `a ${what} that is there` : `a ${what} that is there (${known.slice(0, 10).join(", ")})`,
    received: `"${name}"`,
    hint: near ? `Did you mean "${near}"?` : `Make the ${what} first.`,
  });
};

/** Errors: unknownEntry. */
export function foundIn(entries: readonly AccessEntry[], kind: EntryKind, name: string): AccessEntry {
  const found = entries.find(e => e.kind === kind && e.name === name);
  if (found) return found;
  const near = nearest(
    name,
    entries.filter(e => e.kind === kind).map(e => e.name),
  );
  throw gatewayErrors.fail("unknownEntry", {
    place: kind,
    message: `there is no "${name.slice(0, 127)}" among the ${kind}`,
    hint: near ? `Did you mean "${near}"?` : "List them to see their names.",
  });
}

/** Errors: entryChanged, entryRevision. */
export function matches(before: AccessEntry | undefined, key: string, match: Match, isPut: boolean): void {
  const now = before === undefined ? "no such entry" : `revision ${before.revision}`;
  if (match === undefined) {
    if (before === undefined || !isPut) return;
    throw gatewayErrors.fail("entryRevision", {
      place: key,
      expected: "the revision that is replaced",
      received: "none",
      hint: `It is ${now} now: send If-Match: "${before.revision}" (--revision ${before.revision}) after you have looked at it.`,
    });
  }
  if (match === "any" ? before !== undefined : match === "none" ? before === undefined : before?.revision === match) return;
  const expected = match === "any" ? "an entry that is there" : match === "none" ? "a name that is free" : `revision ${match}`;
  throw gatewayErrors.fail("entryChanged", { place: key, expected, received: now, hint: "Somebody else changed it: look at it again." });
}

const isLive = "subject = ? and revoked_ms is null and (expires_ms is null or expires_ms > ?)";
/** Of a subject, now: keys that open however the gateway is configured, so not those by which requests are signed. */
export const opens = `${isLive} and prefix like 'sk-loam-%'`;

/** Keys of somebody who would be gone. */
const liveKeys = (sql: Sql, subject: string, nowMs: number) =>
  sql.all<{ id: string }>(`select id from gateway_keys where ${isLive} order by id limit 100`, [subject, nowMs]);

/** Of the keys that a policy names, those of ours must be there; whoever comes by a token or a certificate has an id of another form. Errors: parameter. */
async function checkKeys(sql: Sql, keys: readonly string[], place: string): Promise<void> {
  for (const [i, id] of keys.entries()) {
    if (!id.startsWith("key_")) continue;
    const [row] = await sql.all("select id from gateway_keys where id = ?", [id]);
    if (row) continue;
    throw gatewayErrors.fail("parameter", {
      place: `${place}.keys[${i}]`,
      expected: "the id of a key",
      received: `"${id.slice(0, 40)}"`,
      hint: "List the keys to see their ids.",
    });
  }
}

/** Errors: parameter, where the value names what is not there; entryTaken. */
export async function checkNames(sql: Sql, config: ControlConfig, kind: EntryKind, name: string, value: EntryValue): Promise<void> {
  if (kind === "policies") {
    const policy = policyOf(name, value);
    const [stranger] = strangersOfPolicy(config, policy);
    if (stranger) throw unknownName(stranger);
    return checkKeys(sql, policy.who.keys ?? [], "who");
  }
  if (kind === "limits") {
    const limited = (value.for ?? {}) as LimitSubjects;
    const [stranger] = strangersOfLimit(config, limited);
    if (stranger) throw unknownName(stranger);
    return checkKeys(sql, limited.keys ?? [], "for");
  }
  const [stranger] = strangers(config.principals, kind, value);
  if (stranger) throw unknownName(stranger);
  if (kind !== "users" && kind !== "serviceAccounts") return;
  const other = kind === "users" ? "serviceAccounts" : "users";
  if (!Object.hasOwn(config.principals[other], name)) return;
  throw gatewayErrors.fail("entryTaken", {
    place: entryKey(kind, name),
    expected: "a name that no other account has",
    received: `that of ${other}/${name}`,
  });
}

/** Entries that a sentence names. */
const mostNamed = 5;

/** Errors: entryInUse. */
export async function checkUnused(sql: Sql, config: ControlConfig, kind: EntryKind, name: string, nowMs: number): Promise<void> {
  const keys = kind === "users" || kind === "serviceAccounts" ? await liveKeys(sql, name, nowMs) : [];
  const users = [...referrers(config, kind, name), ...keys.map(k => `key ${k.id}`)];
  if (users.length === 0) return;
  const more = users.length > mostNamed ? ` and ${users.length - mostNamed} more` : "";
  throw gatewayErrors.fail("entryInUse", {
    place: entryKey(kind, name),
    expected: "an entry that nothing refers to",
    received: `one that is named by ${users.slice(0, mostNamed).join(", ")}${more}`,
    hint: keys.length > 0 ? "Change those and revoke the keys first, or disable the account instead." : "Change those first.",
  });
}

/** Whether one of them has a key that opens. */
async function someKeyOpens(sql: Sql, subjects: readonly string[], nowMs: number): Promise<boolean> {
  for (const subject of subjects)
    if ((await sql.all(`select id from gateway_keys where ${opens} limit 1`, [subject, nowMs])).length > 0) return true;
  return false;
}

/** An admin who has a role and no key administers nothing. Errors: lastAdmin, where a key of an admin opened and none would. */
export async function keepsAdminKeys(sql: Sql, before: ControlConfig, after: ControlConfig, nowMs: number): Promise<void> {
  if (after.issuers.length > 0) return;
  const [were, are] = [adminsOf(before.principals), adminsOf(after.principals)];
  if (were.every(name => are.includes(name))) return;
  if ((await someKeyOpens(sql, are, nowMs)) || !(await someKeyOpens(sql, were, nowMs))) return;
  throw gatewayErrors.fail("lastAdmin", {
    place: "principals",
    expected: "a live key of somebody who has the role admin then",
    received: "none",
    hint: `Make one for ${are.slice(0, 3).join(", ")} first.`,
  });
}
