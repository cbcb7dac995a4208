/** Who there is: organisations, teams, users and service accounts as configuration names them; what keys and tokens speak for. */
import { z } from "zod";
import { gatewayErrors } from "../errors.ts";

/** What an organisation, a team, an account or a role is called. */
export const principalName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,126}$/, "a name of letters, digits and . _ : @ + -");
const id = principalName;
const base = {
  roles: z.array(id).max(100).default([]).describe("Roles."),
  disabled: z.boolean().default(false).describe("Refuse all requests."),
};
const account = z.lazy(() =>
  z.strictObject({
    ...base,
    teams: z.array(id).max(100).default([]).describe("Teams. Their roles are inherited."),
    organisation: id.optional().describe("Organisation."),
  }),
);

/** One entry of each kind. */
export const principalParts = {
  organisations: z.strictObject({ disabled: z.boolean().default(false).describe("Refuse all requests.") }),
  /** A team's roles are its members' too. */
  teams: z.strictObject({ ...base, organisation: id.optional().describe("Organisation.") }),
  users: account,
  serviceAccounts: account,
};

export const principalsPart = z.lazy(() =>
  z
    .strictObject({
      organisations: z.record(id, principalParts.organisations).default({}).describe("Organisations by name."),
      teams: z.record(id, principalParts.teams).default({}).describe("Teams by name."),
      users: z.record(id, principalParts.users).default({}).describe("Users by name."),
      serviceAccounts: z.record(id, principalParts.serviceAccounts).default({}).describe("Service accounts by name."),
    })
    .superRefine((all, context) => {
      const bad = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
      const has = (table: object, name: string) => Object.hasOwn(table, name);
      for (const [name, team] of Object.entries(all.teams))
        if (team.organisation !== undefined && !has(all.organisations, team.organisation))
          bad(["teams", name, "organisation"], "an organisation under principals.organisations");
      for (const kind of ["users", "serviceAccounts"] as const)
        for (const [name, who] of Object.entries(all[kind])) {
          if (who.organisation !== undefined && !has(all.organisations, who.organisation))
            bad([kind, name, "organisation"], "an organisation under principals.organisations");
          who.teams.forEach((team, i) => {
            if (!has(all.teams, team)) bad([kind, name, "teams", i], "a team under principals.teams");
          });
          if (kind === "serviceAccounts" && has(all.users, name)) bad([kind, name], "a name that no user has");
        }
    }),
);
export type Principals = z.output<typeof principalsPart>;

const adminRole = "admin";

interface Account {
  readonly kind: "user" | "serviceAccount";
  readonly teams: readonly string[];
  readonly organisation: string | null;
  readonly roles: readonly string[];
  readonly disabled: boolean;
}

/** With what follows from its teams; undefined where nobody has this name. Whoever is in a disabled organisation is disabled; a disabled team is left out. */
export function accountOf(all: Principals, subject: string): Account | undefined {
  const kind = Object.hasOwn(all.users, subject) ? "user" : Object.hasOwn(all.serviceAccounts, subject) ? "serviceAccount" : undefined;
  if (!kind) return undefined;
  const own = (kind === "user" ? all.users : all.serviceAccounts)[subject]!;
  const teams = own.teams.filter(team => !all.teams[team]!.disabled);
  const organisation = own.organisation ?? teams.map(team => all.teams[team]!.organisation).find(o => o !== undefined) ?? null;
  return {
    kind,
    teams,
    organisation,
    roles: [...new Set([...own.roles, ...teams.flatMap(team => all.teams[team]!.roles)])],
    disabled: own.disabled || (organisation !== null && (all.organisations[organisation]?.disabled ?? false)),
  };
}

/** Accounts with the role `admin` that are not disabled. */
export const adminsOf = (all: Principals): string[] =>
  [...Object.keys(all.users), ...Object.keys(all.serviceAccounts)].filter(name => {
    const account = accountOf(all, name);
    return account !== undefined && !account.disabled && account.roles.includes(adminRole);
  });

/** Errors: lastAdmin, where there was an admin and would be none. */
export function keepsAdmin(before: Principals, after: Principals): void {
  const were = adminsOf(before);
  if (were.length === 0 || adminsOf(after).length > 0) return;
  throw gatewayErrors.fail("lastAdmin", {
    place: "principals",
    expected: `somebody with the role ${adminRole}`,
    received: "nobody",
    hint: `Give another user or service account the role before ${were.slice(0, 3).join(", ")} lose it.`,
  });
}
