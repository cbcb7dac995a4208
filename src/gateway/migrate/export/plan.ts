/**
 * What another gateway has to do in place of this one, worked out of the configuration and free of any target's words: who calls, which addresses
 * each may use, and under which conditions. Callers with the same rights form an audience.
 */
import { canonicalJson, defined } from "../../../base/index.ts";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import type { ControlConfig } from "../../control-config.ts";
import type { Endpoint } from "../../endpoints.ts";
import { apis } from "../../http/apis.ts";
import type { Identity } from "../../identity/contract.ts";
import { addressParameters, bodyParameters } from "../../policy/parameters.ts";
import type { Bound, Policy, WhoKind } from "../../policy/rules.ts";

/** Somebody with a key. The target makes a key of its own: secrets are kept nowhere. */
export interface Consumer {
  /** Of the key, as policies and limits name it. */
  readonly id: string;
  readonly name: string;
  readonly identity: Identity;
}

/** One policy for one caller and address: all that is given must fit. */
export interface Clause {
  readonly policy: string;
  /** As requests may name them, aliases included; never empty. */
  readonly models: readonly string[];
  readonly labels?: readonly string[] | undefined;
  readonly dataClasses?: readonly string[] | undefined;
  /** A bound on `max_tokens` is on the largest of `answerTokens` that a body gives. */
  readonly parameters?: Readonly<Record<string, Bound>> | undefined;
  readonly when?: Policy["when"];
}

/** Open for what some `allow` fits and no `deny`. */
export interface Gate {
  readonly allow: readonly Clause[];
  readonly deny: readonly Clause[];
}

export interface ExportedAddress {
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly isStreamed: boolean;
}

export interface Audience {
  /** `a1`, `a2`, ... */
  readonly id: string;
  readonly consumers: readonly Consumer[];
  /** By path; a path that is not here is closed. */
  readonly gates: ReadonlyMap<string, Gate>;
}

/** What a target does otherwise than this gateway, or not at all. */
export interface ExportDifference {
  readonly place: string;
  readonly why: string;
}

export interface Plan {
  readonly addresses: readonly ExportedAddress[];
  readonly audiences: readonly Audience[];
  readonly differences: readonly ExportDifference[];
}

/** Conditions that not every target can ask. */
const conditionKinds = ["labels", "dataClasses", "parameters", "when"] as const;
export type ConditionKind = (typeof conditionKinds)[number];

const words: { readonly [K in ConditionKind]: string } = {
  labels: "version labels",
  dataClasses: "classes of data",
  parameters: "parameters of the request",
  when: "days and hours",
};

const addresses: readonly ExportedAddress[] = [
  ...apis.map(({ path, endpoint, streamed }) => ({ path: `/v1${path}`, endpoint, isStreamed: streamed !== undefined })),
  { path: "/v1/messages", endpoint: "messages", isStreamed: true },
];

const fitsName = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

const namesOf: { readonly [K in WhoKind]: (i: Identity) => readonly string[] } = {
  keys: i => [i.keyId],
  subjects: i => [i.subject],
  teams: i => i.teams,
  organisations: i => (i.organisation === null ? [] : [i.organisation]),
  roles: i => i.roles,
};

const isFor = (policy: Policy, identity: Identity, endpoint: Endpoint): boolean =>
  (policy.endpoints?.includes(endpoint) ?? true) &&
  (Object.keys(namesOf) as WhoKind[]).every(kind => policy.who[kind]?.some(name => namesOf[kind](identity).includes(name)) ?? true);

/** Undefined where nothing can fit: no model of the file, or a parameter that no body has. */
function clauseOf(policy: Policy, config: GatewayConfig): Clause | undefined {
  const { id, models: patterns, labels, dataClasses, parameters, when } = policy;
  const models = [...config.routes].filter(([, r]) => patterns?.some(p => fitsName(p, r.name)) ?? true).map(([called]) => called);
  const isOfAddress = (name: string) => addressParameters.some(a => a === name);
  if (models.length === 0 || Object.keys(parameters ?? {}).some(isOfAddress)) return undefined;
  const isBound = parameters !== undefined && Object.keys(parameters).length > 0;
  return {
    policy: id,
    models,
    ...defined({ labels, dataClasses }),
    ...(isBound ? { parameters } : {}),
    ...defined({ when }),
  };
}

/** No target asks for lists, or for words inside a body. */
const isPlain = ({ parameters = {} }: Clause): boolean => Object.keys(parameters).every(name => bodyParameters.includes(name));

/**
 * What a target can ask of a clause. An allowance whose condition it cannot ask is left out, a denial holds without it: a target never allows more
 * than this gateway does.
 */
function lowered(
  effect: "allow" | "deny",
  clause: Clause,
  cannot: readonly ConditionKind[],
  told: Map<string, ExportDifference>,
): Clause | undefined {
  if (cannot.length === 0) return clause;
  const place = `access.policies.${clause.policy}`;
  const what = cannot.map(k => words[k]).join(", ");
  const why =
    effect === "allow"
      ? `${what} cannot be asked there: what it allows is not allowed`
      : `${what} cannot be asked there: it denies whatever they are`;
  told.set(place, { place, why });
  if (effect === "allow") return undefined;
  const kept: { -readonly [K in keyof Clause]: Clause[K] } = { ...clause };
  for (const kind of cannot) delete kept[kind];
  return kept;
}

/** `cannot`: the conditions of a clause that the target cannot ask. */
export function planOf(
  config: GatewayConfig,
  access: ControlConfig,
  consumers: readonly Consumer[],
  cannot: (clause: Clause) => readonly ConditionKind[],
): Plan {
  const told = new Map<string, ExportDifference>();
  const clauses = new Map(access.policies.map(p => [p, clauseOf(p, config)]));
  const gateOf = (identity: Identity, endpoint: Endpoint): Gate | undefined => {
    if (identity.scopes.length > 0 && !identity.scopes.includes(endpoint)) return undefined;
    const gate = { allow: [] as Clause[], deny: [] as Clause[] };
    for (const [policy, clause] of clauses) {
      if (!clause || !isFor(policy, identity, endpoint)) continue;
      const asks = isPlain(clause) ? cannot(clause) : [...new Set([...cannot(clause), "parameters" as const])];
      const can = lowered(policy.effect, clause, asks, told);
      if (can) gate[policy.effect].push(can);
    }
    // what is denied in all cases opens nothing, whatever allows it
    const shut = new Set(gate.deny.filter(c => conditionKinds.every(kind => c[kind] === undefined)).flatMap(c => c.models));
    return gate.allow.some(c => c.models.some(model => !shut.has(model))) ? gate : undefined;
  };
  const groups = new Map<string, { consumers: Consumer[]; gates: Map<string, Gate> }>();
  for (const consumer of consumers) {
    const gates = new Map<string, Gate>();
    for (const { path, endpoint } of addresses) {
      const gate = gateOf(consumer.identity, endpoint);
      if (gate) gates.set(path, gate);
    }
    if (gates.size === 0) {
      told.set(consumer.id, { place: `key ${consumer.id}`, why: "nothing that can be said there allows it anything: it gets no key" });
      continue;
    }
    const mark = canonicalJson([...gates].map(([path, { allow, deny }]) => [path, allow, deny]));
    const group = groups.get(mark) ?? { consumers: [], gates };
    groups.set(mark, group);
    group.consumers.push(consumer);
  }
  return {
    addresses,
    audiences: [...groups.values()].map((g, i) => ({ id: `a${i + 1}`, ...g })),
    differences: [...told.values()],
  };
}
