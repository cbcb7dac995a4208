/**
 * Principals, policies and limits as administrators read and write them: the value with its kind, name, origin and revision beside it, so that what was
 * shown can be changed and sent back, and its revision then guards it.
 */
import { defined, nearest } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { AccessEntry, EntryKind, EntryValue, PrincipalKind } from "../identity/entry.ts";
import { isPrincipal, principalKinds } from "../identity/entry.ts";
import { accountOf, type Principals } from "../identity/principals.ts";

/** What `GET` shows of one, `PUT` takes back, and `--json` prints. */
export type ShownEntry = Readonly<Record<string, unknown>> & { readonly origin: AccessEntry["origin"]; readonly revision: number | null };

export const shownEntry = ({ kind, name, origin, revision, value }: AccessEntry): ShownEntry =>
  kind === "policies" ? { id: name, ...value, origin, revision } : { kind, name, ...value, origin, revision };

const wrong = (place: string, expected: string, received: unknown, hint?: string) =>
  gatewayErrors.fail("parameter", {
    place,
    expected,
    received: (JSON.stringify(received) ?? "nothing").slice(0, 80),
    ...defined({ hint }),
  });

/** The value in what somebody wrote, and the revision that they saw, where they say one. Errors: parameter. */
export function givenEntry(kind: EntryKind, name: string, body: Readonly<Record<string, unknown>>): { value: object; revision?: number } {
  const { origin: _, revision, ...given } = body;
  const rest: Record<string, unknown> = given;
  const own: Record<string, string> = kind === "policies" ? { id: name } : { kind, name };
  for (const [key, expected] of Object.entries(own)) {
    if (rest[key] !== undefined && rest[key] !== expected) throw wrong(key, `"${expected}", as the address says, or nothing`, rest[key]);
    delete rest[key];
  }
  if (revision === undefined || revision === null) return { value: rest };
  if (typeof revision !== "number" || !Number.isSafeInteger(revision) || revision < 0) throw wrong("revision", "a whole number", revision);
  return { value: rest, revision };
}

/** Errors: parameter. */
export function principalKind(text: string): PrincipalKind {
  const kind = principalKinds.find(k => k === text);
  if (kind) return kind;
  const near = nearest(text, principalKinds);
  throw wrong("kind", `one of ${principalKinds.join(", ")}`, text, near ? `Did you mean "${near}"?` : undefined);
}

/**
 * A model that a policy or a limit names whole must be offered, by its own name: decisions go by that, so that an alias would never fit. A beginning with `*`
 * may be of models to come. Errors: parameter.
 */
export function checkModels(kind: EntryKind, value: EntryValue | object, routes: ReadonlyMap<string, { readonly name: string }>): void {
  if (isPrincipal(kind)) return;
  const { models } = (kind === "limits" ? ((value as { readonly for?: object }).for ?? {}) : value) as { readonly models?: unknown };
  if (!Array.isArray(models)) return;
  for (const [i, model] of models.entries()) {
    if (typeof model !== "string" || model.endsWith("*")) continue;
    const route = routes.get(model);
    if (route?.name === model) continue;
    const names = [...new Set([...routes.values()].map(r => r.name))];
    const near = route?.name ?? nearest(model, names);
    throw wrong(
      `${kind === "limits" ? "for." : ""}models[${i}]`,
      `a model of this gateway (${names.slice(0, 10).join(", ")}), or its beginning and "*"`,
      model,
      route ? `It is an alias: ${kind} go by the name "${route.name}".` : near ? `Did you mean "${near}"?` : undefined,
    );
  }
}

interface PrincipalMember {
  readonly kind: PrincipalKind;
  readonly name: string;
  /** Of a role: the team that brings it; null where it is the member's own. */
  readonly through: string | null;
}

/** Who is in a team or an organisation, or has a role. */
export function membersOf(all: Principals, of: "organisations" | "teams" | "roles", name: string): PrincipalMember[] {
  const members: PrincipalMember[] = [];
  for (const kind of ["users", "serviceAccounts"] as const)
    for (const [account, own] of Object.entries(all[kind])) {
      if (of === "teams") {
        if (own.teams.includes(name)) members.push({ kind, name: account, through: null });
      } else if (of === "organisations") {
        if (accountOf(all, account)?.organisation === name) members.push({ kind, name: account, through: null });
      } else {
        const team = own.teams.find(t => !all.teams[t]!.disabled && all.teams[t]!.roles.includes(name));
        if (own.roles.includes(name)) members.push({ kind, name: account, through: null });
        else if (team !== undefined) members.push({ kind, name: account, through: team });
      }
    }
  return members;
}
