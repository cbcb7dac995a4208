/** A change must leave somebody who may administer: with the role, and whom the policies let. */

import type { ControlConfig } from "../control-config.ts";
import { gatewayErrors } from "../errors.ts";
import type { PolicyIndex } from "../policy/compile.ts";
import { decide } from "../policy/decide.ts";
import type { Identity } from "./contract.ts";
import { accountOf, adminsOf, keepsAdmin } from "./principals.ts";

const hourMs = 3_600_000;
/** Policies may hold at some hours only: within a week each has come. */
const hours = 7 * 24;

/** Whether a key of one of the admins may use the endpoint `admin` at some time of the next week. */
function someoneAdministers({ principals }: ControlConfig, index: PolicyIndex, nowMs: number): boolean {
  return adminsOf(principals).some(subject => {
    const { kind, teams, organisation, roles } = accountOf(principals, subject)!;
    const identity: Identity = { kind: "key", keyId: "", subject, subjectKind: kind, teams, organisation, roles, scopes: [] };
    for (let h = 0; h < hours; h++)
      if (decide(index, identity, { endpoint: "admin", model: null }, nowMs + h * hourMs).allowed) return true;
    return false;
  });
}

interface Access {
  readonly config: ControlConfig;
  readonly index: PolicyIndex;
}

/** Errors: lastAdmin, where there was somebody and would be nobody. */
export function keepsAdministration(before: Access, after: Access, nowMs: number): void {
  keepsAdmin(before.config.principals, after.config.principals);
  if (!someoneAdministers(before.config, before.index, nowMs) || someoneAdministers(after.config, after.index, nowMs)) return;
  throw gatewayErrors.fail("lastAdmin", {
    place: "policies",
    expected: "a policy that lets somebody with the role admin use the endpoint admin",
    received: "none",
    hint: "Keep one such as { id: admins, effect: allow, who: { roles: [admin] } }, and no denial above it.",
  });
}

/** Errors: config, where nobody may administer and nobody could come to. */
export function hasAdministrator({ principals, issuers }: ControlConfig, place: string): void {
  if (issuers.length > 0 || adminsOf(principals).length > 0) return;
  throw gatewayErrors.fail("config", {
    place: `${place}: principals`,
    expected: "somebody with the role admin, who may change the rest",
    received: "nobody",
    hint: 'Write users: { NAME: { roles: [admin] } } there, or: loam gateway principals put users/NAME --value "{ roles: [admin] }".',
  });
}
