/**
 * Principals, policies and limits that the state keeps, beside those of the file: each an entry with a kind, a name and a revision. What holds is both
 * together, and a name stands in one of them only, so that nobody wonders which of two decides.
 */
import { canonicalJson, check } from "../../base/index.ts";
import type { ControlConfig } from "../control-config.ts";
import { gatewayErrors } from "../errors.ts";
import { type LimitRule, limitRule, mostLimits, writtenLimit } from "../limits/rules.ts";
import { mostPolicies, type Policy, policyPart } from "../policy/rules.ts";
import type { Sql } from "../state/sql.ts";
import { accessVersion, stateVersion } from "../state/tables.ts";
import { type AccessEntry, type EntryKind, type EntryValue, isPrincipal, principalKinds } from "./entry.ts";
import { type Principals, principalName, principalParts } from "./principals.ts";
import { strangers } from "./references.ts";

/** Of the state, by `entryKey`, in the order of their names. */
export type Stored = ReadonlyMap<string, AccessEntry>;

export const entryKey = (kind: EntryKind, name: string): string => `${kind}/${name}`;

const parts = { ...principalParts, policies: policyPart.unwrap().omit({ id: true }) } as const;

/** The value of a policy's entry, which was checked when it was written or read. */
export function policyOf(name: string, value: EntryValue): Policy {
  // checked by `policyPart` then, so it is one
  return { ...(value as unknown as Omit<Policy, "id">), id: name };
}

/** A limit's rule of its entry. Errors: base/config, base/unknownKey. */
const limitOf = (name: string, value: unknown, place: string): LimitRule =>
  check(limitRule, typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value, name } : value, place);

function limitValue(rule: LimitRule): EntryValue {
  const { name: _, ...value } = writtenLimit(rule);
  return JSON.parse(JSON.stringify(value)) as EntryValue;
}

/** A value with its defaults. `place` names it in errors. Errors: base/config, base/unknownKey. */
export function checkedValue(kind: EntryKind, name: string, value: unknown, place: string): EntryValue {
  if (kind === "limits") return limitValue(limitOf(name, value, place));
  check(kind === "policies" ? policyPart.unwrap().shape.id : principalName, name, `${place}: name`);
  return JSON.parse(JSON.stringify(check(parts[kind], value, place))) as EntryValue;
}

/** Entries of the file, or of both together. */
export function entriesOf(
  { principals, policies, limits }: Pick<ControlConfig, "principals" | "policies" | "limits">,
  stored: Stored,
): AccessEntry[] {
  const entry = (kind: EntryKind, name: string, value: object): AccessEntry =>
    stored.get(entryKey(kind, name)) ?? {
      kind,
      name,
      origin: "file",
      revision: null,
      value: JSON.parse(JSON.stringify(value)) as EntryValue,
    };
  return [
    ...principalKinds.flatMap(kind => Object.entries(principals[kind]).map(([name, value]) => entry(kind, name, value))),
    ...policies.map(({ id, ...value }) => entry("policies", id, value)),
    ...limits.map(rule => entry("limits", rule.name, limitValue(rule))),
  ];
}

/** Whether the file has this name for something that the entry would clash with. */
export function inFile({ principals, policies, limits }: ControlConfig, kind: EntryKind, name: string): boolean {
  if (kind === "limits") return limits.some(l => l.name === name);
  if (kind === "policies") return policies.some(p => p.id === name);
  // users and service accounts share their names
  const kinds = kind === "users" || kind === "serviceAccounts" ? (["users", "serviceAccounts"] as const) : [kind];
  return kinds.some(k => Object.hasOwn(principals[k], name));
}

/** The file's configuration and what the state has beside it. Errors: gateway/config, which names the entry that does not fit. */
export function mergedEntries(file: ControlConfig, stored: Stored, place: string): ControlConfig {
  if (stored.size === 0) return file;
  const bad = (entry: AccessEntry, expected: string, received: string, hint: string) =>
    gatewayErrors.fail("config", { place: `${place}: the stored entry ${entryKey(entry.kind, entry.name)}`, expected, received, hint });
  const away = ({ kind, name }: AccessEntry) =>
    `loam gateway ${isPrincipal(kind) ? `principals delete ${kind}/${name}` : `${kind} delete ${name}`}`;
  const principals: Principals = {
    organisations: { ...file.principals.organisations },
    teams: { ...file.principals.teams },
    users: { ...file.principals.users },
    serviceAccounts: { ...file.principals.serviceAccounts },
  };
  const policies = [...file.policies];
  const limits = [...file.limits];
  const inPolicies = new Set(file.policies.map(p => p.id));
  for (const entry of stored.values()) {
    const { kind, name, value } = entry;
    const isTaken = kind === "policies" ? inPolicies.has(name) : inFile(file, kind, name);
    if (isTaken)
      throw bad(
        entry,
        "a name that the file does not have",
        "one that it has",
        `Take it out of the file, or away from the state: ${away(entry)}.`,
      );
    if (kind === "policies") policies.push(policyOf(name, value));
    else if (kind === "limits") limits.push(limitOf(name, value, `the stored entry ${entryKey(kind, name)}`));
    // of this kind, as it was checked when it was written or read
    else principals[kind][name] = value as never;
  }
  if (policies.length > mostPolicies)
    throw gatewayErrors.fail("config", {
      place: `${place}: policies`,
      expected: `at most ${mostPolicies}, those of the state among them`,
      received: `${policies.length}`,
    });
  if (limits.length > mostLimits)
    throw gatewayErrors.fail("config", {
      place: `${place}: limits`,
      expected: `at most ${mostLimits}, those of the state among them`,
      received: `${limits.length}`,
    });
  for (const entry of stored.values()) {
    const { kind, name } = entry;
    if (!isPrincipal(kind)) continue;
    const [lacking] = strangers(principals, kind, principals[kind][name]!);
    if (lacking)
      throw bad(
        entry,
        `the ${lacking.what} "${lacking.name}"`,
        "none of that name",
        `Put it back, or take the entry away from the state: ${away(entry)}.`,
      );
  }
  return { ...file, principals, policies, limits };
}

interface Row {
  readonly kind: EntryKind;
  readonly name: string;
  readonly value: string;
  readonly revision: number;
}

/** The same on every database. */
export const inOrder = (stored: Stored): Stored => new Map([...stored].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Entries of the state, and the position of their newest change. */
export interface Read {
  readonly stored: Stored;
  readonly position: number;
}

/** Of a state that has none. */
export const noEntries: Read = { stored: new Map(), position: -1 };

/** What the state has; `before` where nothing has changed since. Errors: stateLost, gateway/config. */
export async function readEntries(sql: Sql, before: Read): Promise<Read> {
  const [at] = await sql.all<{ position: number }>("select position from gateway_entries_at where one = 1");
  const position = at?.position ?? noEntries.position;
  if (position === before.position) return before;
  const rows = await sql.all<Row>("select kind, name, value, revision from gateway_entries");
  const stored = new Map<string, AccessEntry>();
  for (const { kind, name, value, revision } of rows) {
    const key = entryKey(kind, name);
    const known = before.stored.get(key);
    stored.set(
      key,
      known?.revision === revision
        ? known
        : { kind, name, origin: "store", revision, value: checkedValue(kind, name, JSON.parse(value), `the stored entry ${key}`) },
    );
  }
  return { stored: inOrder(stored), position };
}

/** Writes one entry, or takes it away where `value` is undefined. In the transaction that noted the change at `position`. */
export async function writeEntry(sql: Sql, kind: EntryKind, name: string, value: EntryValue | undefined, position: number): Promise<void> {
  if (value === undefined) await sql.all("delete from gateway_entries where kind = ? and name = ?", [kind, name]);
  else
    await sql.all(
      `insert into gateway_entries (kind, name, value, revision) values (?, ?, ?, ?)
      on conflict (kind, name) do update set value = excluded.value, revision = excluded.revision`,
      [kind, name, canonicalJson(value), position],
    );
  await sql.all(
    "insert into gateway_entries_at (one, position) values (1, ?) on conflict (one) do update set position = excluded.position",
    [position],
  );
  await sql.all("insert into gateway_schema (version) values (?) on conflict (version) do nothing", [
    kind === "limits" ? stateVersion : accessVersion,
  ]);
}
