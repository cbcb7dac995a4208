/** Whether somebody may do something, and why: the scopes of the key first, then any policy that denies, then any that allows, else denied. */
import type { Action, Decision, Explanation } from "../contract.ts";
import type { Identity } from "../identity/contract.ts";
import { candidatePolicies, type PolicyIndex } from "./compile.ts";
import { isWithinHours } from "./hours.ts";
import type { RequestParameter } from "./parameter.ts";
import type { Bound, Policy, WhoKind } from "./rules.ts";

export const fitsName = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

export function inBound(bound: Bound, value: number | string | boolean | undefined): boolean {
  if (value === undefined) return bound.orAbsent ?? false;
  if (bound.oneOf !== undefined && !bound.oneOf.includes(value)) return false;
  if (bound.min === undefined && bound.max === undefined) return true;
  return typeof value === "number" && value >= (bound.min ?? Number.NEGATIVE_INFINITY) && value <= (bound.max ?? Number.POSITIVE_INFINITY);
}

export const namesOf: { readonly [K in WhoKind]: (identity: Identity) => readonly string[] } = {
  keys: i => [i.keyId],
  subjects: i => [i.subject],
  teams: i => i.teams,
  organisations: i => (i.organisation === null ? [] : [i.organisation]),
  roles: i => i.roles,
};

const whoKinds = Object.keys(namesOf) as WhoKind[];

/** Of several values an allowance needs all within, a denial strikes for one. */
function isBound(effect: Policy["effect"], bound: Bound, value: RequestParameter | readonly RequestParameter[] | undefined): boolean {
  if (typeof value !== "object") return inBound(bound, value);
  return effect === "allow" ? value.every(v => inBound(bound, v)) : value.some(v => inBound(bound, v));
}

const boundText = (b: Bound): string =>
  [
    ...(b.min === undefined ? [] : [`at least ${b.min}`]),
    ...(b.max === undefined ? [] : [`at most ${b.max}`]),
    ...(b.oneOf === undefined ? [] : [`one of ${b.oneOf.join(", ")}`]),
  ].join(" and ") + (b.orAbsent ? ", or left out" : "");

const valueText = (value: RequestParameter | readonly RequestParameter[] | undefined): string =>
  value === undefined ? "none" : typeof value === "object" ? value.join(", ") || "none" : String(value);

/** Why a policy does not apply, in words; null where it does. */
function misfit(policy: Policy, identity: Identity, action: Action, nowMs: number): string | null {
  for (const kind of whoKinds) {
    const wanted = policy.who[kind];
    if (wanted && !namesOf[kind](identity).some(name => wanted.includes(name))) return `is for other ${kind}`;
  }
  if (policy.endpoints && !policy.endpoints.includes(action.endpoint))
    return `is for ${policy.endpoints.join(", ")}, not ${action.endpoint}`;
  if (policy.models && (action.model === null || !policy.models.some(p => fitsName(p, action.model!)))) return "is for other models";
  if (policy.labels && !policy.labels.includes(action.label ?? "")) return `is for the labels ${policy.labels.join(", ")}`;
  if (policy.dataClasses && !policy.dataClasses.includes(action.dataClass ?? ""))
    return `is for data that is ${policy.dataClasses.join(", ")}`;
  if (policy.parameters) {
    const { parameters } = action;
    for (const [name, bound] of Object.entries(policy.parameters)) {
      const value = parameters?.[name];
      if (!isBound(policy.effect, bound, value)) return `wants ${name} to be ${boundText(bound)}, got ${valueText(value)}`;
    }
  }
  if (policy.when && !isWithinHours(policy.when, nowMs)) return "is for other times";
  return null;
}

const because = (policy: Policy): string => (policy.reason ? `: ${policy.reason}` : "");

function scopeDecision(identity: Identity, action: Action): Decision | undefined {
  if (identity.scopes.length === 0 || identity.scopes.includes(action.endpoint)) return undefined;
  return {
    allowed: false,
    policy: null,
    reason: `this key is for ${identity.scopes.join(", ")} only, not for ${action.endpoint}`,
  };
}

const ofWhat = (action: Action): string =>
  `${action.endpoint}${action.model === null ? "" : ` with model "${action.model}${action.label ? `@${action.label}` : ""}"`}`;

/** Pure; takes as long with ten policies as with ten thousand, as long as those that name this identity and model are few. */
export function decide(index: PolicyIndex, identity: Identity, action: Action, nowMs: number): Decision {
  const scoped = scopeDecision(identity, action);
  if (scoped) return scoped;
  let allow: Policy | undefined;
  for (const list of candidatePolicies(index, identity, action.model))
    for (const policy of list) {
      // every list begins with its denials
      if (policy.effect === "allow" && allow) break;
      if (misfit(policy, identity, action, nowMs) !== null) continue;
      if (policy.effect === "deny")
        return { allowed: false, policy: policy.id, reason: `policy "${policy.id}" denies ${ofWhat(action)}${because(policy)}` };
      allow = policy;
    }
  if (allow) return { allowed: true, policy: allow.id, reason: `policy "${allow.id}" allows ${ofWhat(action)}` };
  return { allowed: false, policy: null, reason: `no policy allows ${ofWhat(action)}` };
}

/** The decision and every policy that could have concerned it, in the order of the configuration. */
export function explainPolicies(index: PolicyIndex, identity: Identity, action: Action, nowMs: number): Omit<Explanation, "limits"> {
  const seen = new Set(candidatePolicies(index, identity, action.model).flat());
  const considered = [...seen]
    .sort((a, b) => index.order.get(a)! - index.order.get(b)!)
    .map(policy => {
      const why = misfit(policy, identity, action, nowMs);
      return { policy: policy.id, effect: policy.effect, applies: why === null, why: why ?? `applies${because(policy)}` };
    });
  return { decision: decide(index, identity, action, nowMs), considered };
}
