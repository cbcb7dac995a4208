/**
 * Policies as an index, so that a decision looks at those few that could concern it, however many there are: by whom (the most telling of the
 * policy's `who` lists, each name an entry), then by model (exact names in a map, beginnings in a map by length). Within a candidate list deny
 * stands before allow. The idea is that of packet classifiers: hash on the exact fields, check the rest (Srinivasan et al., tuple space search).
 */
import type { Identity } from "../contract.ts";
import type { Policy, WhoKind } from "./rules.ts";

/** By model: exact, by beginning, or every model. */
interface ByModel {
  readonly exact: Map<string, Policy[]>;
  /** Length of the beginning, then the beginning. */
  readonly beginnings: Map<number, Map<string, Policy[]>>;
  readonly every: Policy[];
}

export interface PolicyIndex {
  readonly policies: readonly Policy[];
  /** `kind:name`, or `anyone`. */
  readonly byWho: ReadonlyMap<string, ByModel>;
  /** Place of each in the configuration, for a stable order. */
  readonly order: ReadonlyMap<Policy, number>;
}

/** Of a policy that names several kinds, the first of these is looked up and the rest checked: narrow kinds first. */
const telling: readonly { readonly kind: WhoKind; readonly atom: string }[] = [
  { kind: "keys", atom: "key" },
  { kind: "subjects", atom: "subject" },
  { kind: "teams", atom: "team" },
  { kind: "roles", atom: "role" },
  { kind: "organisations", atom: "organisation" },
];

export function compilePolicies(policies: readonly Policy[]): PolicyIndex {
  const byWho = new Map<string, ByModel>();
  const listAt = <K>(map: Map<K, Policy[]>, key: K): Policy[] => {
    const found = map.get(key);
    if (found) return found;
    const list: Policy[] = [];
    map.set(key, list);
    return list;
  };
  const insert = (by: ByModel, model: string, policy: Policy): void => {
    if (!model.endsWith("*")) return void listAt(by.exact, model).push(policy);
    const beginning = model.slice(0, -1);
    if (beginning === "") return void by.every.push(policy);
    const lengths = by.beginnings.get(beginning.length) ?? new Map<string, Policy[]>();
    by.beginnings.set(beginning.length, lengths);
    listAt(lengths, beginning).push(policy);
  };
  // deny first, so that whatever list a policy lands in has them before
  for (const policy of [...policies.filter(p => p.effect === "deny"), ...policies.filter(p => p.effect === "allow")]) {
    const by = telling.find(({ kind }) => policy.who[kind] !== undefined);
    const atoms = by ? policy.who[by.kind]!.map(name => `${by.atom}:${name}`) : ["anyone"];
    for (const atom of new Set(atoms)) {
      const entry = byWho.get(atom) ?? { exact: new Map(), beginnings: new Map(), every: [] };
      byWho.set(atom, entry);
      for (const model of new Set(policy.models ?? ["*"])) insert(entry, model, policy);
    }
  }
  return { policies, byWho, order: new Map(policies.map((p, i) => [p, i])) };
}

const atomsOf = (identity: Identity): string[] => [
  "anyone",
  `key:${identity.keyId}`,
  `subject:${identity.subject}`,
  ...identity.teams.map(t => `team:${t}`),
  ...identity.roles.map(r => `role:${r}`),
  ...(identity.organisation === null ? [] : [`organisation:${identity.organisation}`]),
];

/** Lists of policies that could concern this identity and model; together they hold every one that applies. */
export function candidates(index: PolicyIndex, identity: Identity, model: string | null): readonly (readonly Policy[])[] {
  const lists: Policy[][] = [];
  for (const atom of atomsOf(identity)) {
    const by = index.byWho.get(atom);
    if (!by) continue;
    if (by.every.length > 0) lists.push(by.every);
    if (model === null) continue;
    const exact = by.exact.get(model);
    if (exact) lists.push(exact);
    for (const [length, beginnings] of by.beginnings) {
      const found = length <= model.length ? beginnings.get(model.slice(0, length)) : undefined;
      if (found) lists.push(found);
    }
  }
  return lists;
}
