/** Who is named where: what an entry names that is not there, and what names an entry that somebody would take away. */
import type { ControlConfig } from "../control-config.ts";
import type { LimitRule } from "../limits/rules.ts";
import type { Policy } from "../policy/rules.ts";
import { type EntryKind, isPrincipal, type PrincipalKind } from "./entry.ts";
import type { Principals } from "./principals.ts";

export interface Stranger {
  /** Where it stands in the entry: `teams[1]`. */
  readonly place: string;
  readonly what: string;
  readonly name: string;
  /** Names that would have been right. */
  readonly known: readonly string[];
}

interface Named {
  readonly organisation?: string | undefined;
  readonly teams?: readonly string[];
}

const has = (table: object, name: string): boolean => Object.hasOwn(table, name);

/** Teams and organisations that a principal names and that are not there. */
export function strangers(all: Principals, kind: PrincipalKind, value: object): Stranger[] {
  if (kind === "organisations") return [];
  const { organisation, teams = [] } = value as Named;
  const found: Stranger[] = [];
  if (organisation !== undefined && !has(all.organisations, organisation))
    found.push({ place: "organisation", what: "organisation", name: organisation, known: Object.keys(all.organisations) });
  teams.forEach((team, i) => {
    if (!has(all.teams, team)) found.push({ place: `teams[${i}]`, what: "team", name: team, known: Object.keys(all.teams) });
  });
  return found;
}

/** Whom a policy is for and who is not there. Where tokens are let in, their issuer knows names that nobody has written here. */
export function strangersOfPolicy({ principals, issuers }: ControlConfig, { who }: Pick<Policy, "who">): Stranger[] {
  if (issuers.length > 0) return [];
  const accounts = [...Object.keys(principals.users), ...Object.keys(principals.serviceAccounts)];
  const known = {
    subjects: { what: "user or service account", names: accounts },
    teams: { what: "team", names: Object.keys(principals.teams) },
    organisations: { what: "organisation", names: Object.keys(principals.organisations) },
  } as const;
  return (Object.keys(known) as (keyof typeof known)[]).flatMap(kind => {
    const { what, names } = known[kind];
    const there = new Set(names);
    return (who[kind] ?? []).flatMap((name, i) => (there.has(name) ? [] : [{ place: `who.${kind}[${i}]`, what, name, known: names }]));
  });
}

/** Whom a limit is for and who is not there; as of policies. */
export function strangersOfLimit({ principals, issuers }: ControlConfig, limited: LimitRule["for"]): Stranger[] {
  if (issuers.length > 0) return [];
  const accounts = [...Object.keys(principals.users), ...Object.keys(principals.serviceAccounts)];
  const known = {
    users: { what: "user or service account", names: accounts },
    teams: { what: "team", names: Object.keys(principals.teams) },
    organisations: { what: "organisation", names: Object.keys(principals.organisations) },
  } as const;
  return (Object.keys(known) as (keyof typeof known)[]).flatMap(kind => {
    const { what, names } = known[kind];
    return (limited[kind] ?? []).flatMap((name, i) =>
      names.includes(name) ? [] : [{ place: `for.${kind}[${i}]`, what, name, known: names }],
    );
  });
}

/** What names this entry, as `users/bob`, `policies/writers` or `limits/tokens`. */
export function referrers({ principals, policies, limits }: ControlConfig, kind: EntryKind, name: string): string[] {
  const found: string[] = [];
  if (!isPrincipal(kind)) return found;
  for (const from of ["teams", "users", "serviceAccounts"] as const)
    for (const [other, value] of Object.entries(principals[from])) {
      const { organisation, teams = [] } = value as Named;
      if (kind === "organisations" ? organisation === name : kind === "teams" && teams.includes(name)) found.push(`${from}/${other}`);
    }
  const called = kind === "organisations" || kind === "teams" ? kind : "subjects";
  for (const { id, who } of policies) if (who[called]?.includes(name)) found.push(`policies/${id}`);
  const limited = called === "subjects" ? "users" : called;
  for (const limit of limits) if (limit.for[limited]?.includes(name)) found.push(`limits/${limit.name}`);
  return found;
}
