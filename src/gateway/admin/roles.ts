/**
 * Who may administer. Two questions must both be answered with yes: the policies, by the endpoint `admin` (and the scopes of the key); and one of
 * the roles below, so that a policy that allows everything to everybody makes nobody an administrator.
 */
import { isLoamError } from "../../base/index.ts";
import type { Control } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Identity } from "../identity/contract.ts";

/** `admin`: everything. `viewer`: looks. `keys`: keys alone. `reviewer`: review cases alone. */
const adminRoles = ["admin", "viewer", "keys", "reviewer"] as const;
type AdminRole = (typeof adminRoles)[number];

/** What is done, and the roles that may. */
export const rights = {
  look: ["admin", "viewer"],
  lookAtKeys: ["admin", "viewer", "keys"],
  changeKeys: ["admin", "keys"],
  change: ["admin"],
  review: ["admin", "reviewer"],
} as const satisfies Record<string, readonly AdminRole[]>;
/** `appeal`: whoever has a key and the case's token. `own`: whoever has a key, about themselves. */
export type Right = keyof typeof rights | "appeal" | "own";

const rolesOf = (roles: readonly string[]): AdminRole[] => adminRoles.filter(r => roles.includes(r));

/** Errors: gateway/forbidden, which says what is missing. */
export function mayAdminister(control: Control, identity: Identity, right: Right): void {
  if (right === "appeal" || right === "own") return;
  const decision = control.decide(identity, { endpoint: "admin", model: null });
  if (!decision.allowed)
    throw gatewayErrors.fail("forbidden", {
      place: "admin",
      message: decision.reason,
      hint: "A policy must allow the endpoint admin; `loam gateway explain` says which rule decides.",
    });
  if (rights[right].some(role => identity.roles.includes(role))) return;
  throw gatewayErrors.fail("forbidden", {
    place: "admin",
    message: `this needs the role ${rights[right].join(" or ")}, and ${identity.subject} has ${identity.roles.join(", ") || "none"}`,
    hint: "Roles stand under principals in the configuration.",
  });
}

/** Of each right, why somebody has it not; null: they have it. */
export const missingRights = (control: Control, identity: Identity): Readonly<Record<keyof typeof rights, string | null>> =>
  Object.fromEntries(
    (Object.keys(rights) as (keyof typeof rights)[]).map(right => {
      try {
        mayAdminister(control, identity, right);
        return [right, null];
      } catch (error) {
        if (!isLoamError(error, "gateway/forbidden")) throw error;
        return [right, error.problem.message ?? error.message];
      }
    }),
  ) as Record<keyof typeof rights, string | null>;

/**
 * Whether somebody may read the metrics: whom a policy lets use the endpoint `admin`, and whoever may look at all else here, unless the key's scopes
 * or a policy that denies say otherwise. Errors: gateway/forbidden.
 */
export function mayReadMetrics(control: Control, identity: Identity): void {
  const decision = control.decide(identity, { endpoint: "admin", model: null });
  if (decision.allowed) return;
  const isInScope = identity.scopes.length === 0 || identity.scopes.includes("admin");
  if (decision.policy === null && isInScope && rights.look.some(role => identity.roles.includes(role))) return;
  throw gatewayErrors.fail("forbidden", {
    place: "admin",
    message: decision.reason,
    hint: `Metrics are for the roles ${rights.look.join(" and ")}, and for whom a policy allows the endpoint admin.`,
  });
}

/** Nobody makes, renews or takes a key of somebody who may administer more than they do. Errors: gateway/forbidden. */
export function mayHandleKeysOf(identity: Identity, subject: string, subjectsRoles: readonly string[]): void {
  if (identity.roles.includes("admin")) return;
  const own = rolesOf(identity.roles);
  const more = rolesOf(subjectsRoles).find(r => !own.includes(r));
  if (more === undefined) return;
  throw gatewayErrors.fail("forbidden", {
    place: "subject",
    message: `${subject} has the role ${more}, which ${identity.subject} has not; only an admin handles such keys`,
  });
}
