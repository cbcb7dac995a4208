/**
 * Policies as an index, so that a decision looks at those few that could concern it, however many there are: by whom (the most telling of the
 * policy's `who` lists, each name an entry), then by model (its whole name, and its beginnings of those lengths that policies have). Within a
 * candidate list deny stands before allow. The idea is that of packet classifiers: hash on the exact fields, check the rest (Srinivasan et al., tuple space search).
 */
import type { Identity } from "../identity/contract.ts";
import type { Policy, WhoKind } from "./rules.ts";

export interface PolicyIndex {
  readonly policies: readonly Policy[];
  /** `kind:name`, or `anyone`; then a model as policies write it: a name, a beginning and `*`, or `*`. */
  readonly byWho: ReadonlyMap<string, ReadonlyMap<string, readonly Policy[]>>;
  /** Lengths that beginnings have. */
  readonly lengths: readonly number[];
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
  const byWho = new Map<string, Map<string, Policy[]>>();
  const lengths = new Set<number>();
  // deny first, so that whatever list a policy lands in has them before
  for (const policy of [...policies.filter(p => p.effect === "deny"), ...policies.filter(p => p.effect === "allow")]) {
    const by = telling.find(({ kind }) => policy.who[kind] !== undefined);
    const atoms = by ? policy.who[by.kind]!.map(name => `${by.atom}:${name}`) : ["anyone"];
    for (const atom of new Set(atoms)) {
      const byModel = byWho.get(atom) ?? new Map<string, Policy[]>();
      byWho.set(atom, byModel);
      for (const model of new Set(policy.models ?? ["*"])) {
        if (model.endsWith("*")) lengths.add(model.length - 1);
        const list = byModel.get(model);
        if (list) list.push(policy);
        else byModel.set(model, [policy]);
      }
    }
  }
  lengths.delete(0);
  return { policies, byWho, lengths: [...lengths].sort((a, b) => a - b), order: new Map(policies.map((p, i) => [p, i])) };
}

function atomsOf(identity: Identity): string[] {
  const atoms = ["anyone", `key:${identity.keyId}`, `subject:${identity.subject}`];
  for (const team of identity.teams) atoms.push(`team:${team}`);
  for (const role of identity.roles) atoms.push(`role:${role}`);
  if (identity.organisation !== null) atoms.push(`organisation:${identity.organisation}`);
  return atoms;
}

type Lists = readonly (readonly Policy[])[];

/** Of an index, what was looked up: identities and policies stay as they are, and whoever asks asks again. */
const lookedUp = new WeakMap<PolicyIndex, WeakMap<Identity, Map<string | null, Lists>>>();
/** Models that are remembered of an identity; with one more, all that were go. */
const mostModels = 1_000;

/** Lists of policies that could concern this identity and model; together they hold every one that applies. */
export function candidatePolicies(index: PolicyIndex, identity: Identity, model: string | null): Lists {
  let ofIndex = lookedUp.get(index);
  if (!ofIndex) {
    ofIndex = new WeakMap();
    lookedUp.set(index, ofIndex);
  }
  let byModel = ofIndex.get(identity);
  if (!byModel) {
    byModel = new Map();
    ofIndex.set(identity, byModel);
  }
  const known = byModel.get(model);
  if (known) return known;
  if (byModel.size >= mostModels) byModel.clear();
  const lists = lookUp(index, identity, model);
  byModel.set(model, lists);
  return lists;
}

function lookUp(index: PolicyIndex, identity: Identity, model: string | null): Lists {
  const lists: (readonly Policy[])[] = [];
  // made once, so that each is hashed once for all atoms
  const names = ["*"];
  if (model !== null) {
    names.push(model);
    for (const length of index.lengths) if (length <= model.length) names.push(`${model.slice(0, length)}*`);
  }
  for (const atom of atomsOf(identity)) {
    const byModel = index.byWho.get(atom);
    if (byModel)
      for (const name of names) {
        const list = byModel.get(name);
        if (list) lists.push(list);
      }
  }
  return lists;
}
