/** A hold is a policy of the state that denies: of a key, an account, a team, an organisation, or a model. Releasing it deletes the policy. */
import type { GatewayPolicy } from "../generated/gateway.ts";

export type HoldKind = "key" | "users" | "serviceAccounts" | "teams" | "organisations" | "model";

const prefix = "hold-";

/** The policy's id: what ids may not hold becomes `-`. */
export const holdId = (kind: HoldKind, name: string): string =>
  `${prefix}${kind.toLowerCase()}-${name}`
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, "-")
    .slice(0, 127);

/** The policy's value. */
export function holdValue(kind: HoldKind, name: string, reason: string): object {
  const who = { key: "keys", users: "subjects", serviceAccounts: "subjects", teams: "teams", organisations: "organisations" } as const;
  return {
    effect: "deny",
    ...(kind === "model" ? { models: [name] } : { who: { [who[kind]]: [name] } }),
    reason: reason === "" ? "on hold" : `on hold: ${reason}`,
  };
}

export const isHold = ({ id, effect, origin }: Pick<GatewayPolicy, "id" | "effect" | "origin">): boolean =>
  id.startsWith(prefix) && effect === "deny" && origin === "store";
