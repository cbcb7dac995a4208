/**
 * Cedar's policies as policies here. What is allowed here was allowed there: a permit that cannot be said exactly is left out, and of a forbid what
 * cannot be said is no condition any more, so that it forbids more. Everything of that kind is listed with its line and its text.
 */

import type { Policy } from "../../policy/rules.ts";
import { type CedarClause, distinct, product } from "./cedar-clauses.ts";
import { mostClauses, sidesOf } from "./cedar-conditions.ts";
import { type CedarPolicy, readCedar } from "./cedar-text.ts";
import { isTruth } from "./cedar-words.ts";

/** What is otherwise than in the file. */
export interface CedarDifference {
  /** `FILE:LINE`, and the policy's `@id` where it has one. */
  readonly place: string;
  /** `narrower`: less is allowed here; `stricter`: more is denied here; `never`: nothing here could meet it. */
  readonly what: "narrower" | "stricter" | "never";
  readonly why: string;
}

export interface ImportedCedar {
  /** As people write them, in the file's order. */
  readonly policies: readonly PolicyGiven[];
  readonly differences: readonly CedarDifference[];
}
type PolicyGiven = Pick<Policy, "id" | "effect"> & Readonly<Record<string, unknown>>;

const idPattern = /^[a-z0-9][a-z0-9._-]{0,99}$/;
/** What is told to whoever is denied. */
const longestReason = 300;

/** Errors: config, at the line and column where the file is not Cedar. `namespace`: of the file's types (`Acme`), if they have one. */
export function importCedar(source: string, file: string, namespace = ""): ImportedCedar {
  const policies: PolicyGiven[] = [];
  const differences: CedarDifference[] = [];
  const taken = new Set<string>();
  const prefix = namespace === "" ? "" : `${namespace}::`;
  for (const [i, policy] of readCedar(source, file).entries()) {
    const named = policy.annotations.get("id");
    const base = named !== undefined && idPattern.test(named) ? named : `cedar-${i + 1}`;
    const place = `${file}:${policy.line}${named === undefined ? "" : ` (${named})`}`;
    const { clauses, differing } = policy.effect === "permit" ? permitted(policy, source, prefix) : forbidden(policy, source, prefix);
    for (const one of differing) differences.push({ place, ...one });
    for (const [k, clause] of clauses.entries()) {
      let id = clauses.length === 1 ? base : `${base}-${k + 1}`;
      while (taken.has(id)) id += "-x";
      taken.add(id);
      policies.push(written(id, policy, clause));
    }
  }
  return { policies, differences };
}

interface Carried {
  readonly clauses: readonly CedarClause[];
  readonly differing: readonly Omit<CedarDifference, "place">[];
}

function alternatives({ conditions }: CedarPolicy, source: string, prefix: string): CedarClause[] {
  let all: CedarClause[] = [{}];
  for (const condition of conditions) {
    all = product(all, sidesOf(condition, source, prefix).yes);
    if (all.length > mostClauses) return [{ unknown: [`more than ${mostClauses} alternatives`] }];
  }
  return orAbsent(distinct(all)).map(saidPresent);
}

/** An alternative without a parameter and one with a bound on it, otherwise the same, are one: within the bound, or left out. */
function orAbsent(clauses: readonly CedarClause[]): CedarClause[] {
  let all = [...clauses];
  for (const clause of clauses)
    for (const name of clause.absent ?? []) {
      const without = (c: CedarClause) => {
        const { [name]: _, ...bounds } = c.bounds ?? {};
        const rest = { ...c, bounds, present: c.present?.filter(p => p !== name) ?? [], absent: c.absent?.filter(p => p !== name) ?? [] };
        return JSON.stringify(product([rest], [{}]));
      };
      const other = all.find(c => c !== clause && c.bounds?.[name] && !c.absent?.includes(name) && without(c) === without(clause));
      if (!all.includes(clause) || !other) continue;
      const bounds = { ...other.bounds, [name]: { ...other.bounds![name]!, orAbsent: true } };
      all = all.filter(c => c !== clause).map(c => (c === other ? { ...other, bounds } : c));
    }
  return all;
}

/** That something is there can be said by its bound, of a truth by both its values; that it is not there, by `orAbsent` alone. */
function saidPresent(clause: CedarClause): CedarClause {
  const bounds = { ...clause.bounds };
  const unknown = [...(clause.unknown ?? []), ...(clause.absent ?? []).map(name => `!(context has ${name})`)];
  for (const name of clause.present ?? [])
    if (!bounds[name] && !(name === "label" && clause.labels) && !(name === "dataClass" && clause.dataClasses)) {
      if (isTruth(name)) bounds[name] = { oneOf: [true, false] };
      else unknown.push(`context has ${name}`);
    }
  return { ...clause, bounds, unknown };
}

const listed = (texts: readonly string[]): string =>
  [...new Set(texts)].map(t => (t.length > 200 ? `${t.slice(0, 200)}...` : t)).join("; ");
const nothing: Omit<CedarDifference, "place"> = { what: "never", why: "its conditions contradict each other, or are false" };

function permitted(policy: CedarPolicy, source: string, prefix: string): Carried {
  const all = alternatives(policy, source, prefix);
  const clauses = all.filter(c => c.unknown?.length === 0);
  const left = all.flatMap(c => c.unknown ?? []);
  if (all.length === 0) return { clauses, differing: [nothing] };
  if (left.length === 0) return { clauses, differing: [] };
  const how = clauses.length === 0 ? "it is left out" : "what it allows by that is left out";
  return { clauses, differing: [{ what: "narrower", why: `${how}: ${listed(left)}` }] };
}

function forbidden(policy: CedarPolicy, source: string, prefix: string): Carried {
  const all = alternatives(policy, source, prefix);
  const left = all.flatMap(c => c.unknown ?? []);
  if (all.length === 0) return { clauses: [], differing: [nothing] };
  if (left.length === 0) return { clauses: all, differing: [] };
  const bare = all.map(c => ({ ...c, unknown: [], present: [], absent: [] }));
  const everything = bare.find(c => conditionsOf(c).length === 0);
  const how = everything ? "it denies everything to everybody now, without" : "it denies more now, without";
  return { clauses: everything ? [everything] : distinct(bare), differing: [{ what: "stricter", why: `${how}: ${listed(left)}` }] };
}

function conditionsOf(clause: CedarClause): [string, unknown][] {
  const { subjects, teams, organisations, roles, endpoints, models, labels, dataClasses, bounds } = clause;
  const who = Object.entries({ subjects, teams, organisations, roles }).filter(([, names]) => names !== undefined);
  return [
    ...(who.length > 0 ? [["who", Object.fromEntries(who)] as [string, unknown]] : []),
    ...Object.entries({ endpoints, models, labels, dataClasses }).filter(([, names]) => names !== undefined),
    ...(bounds && Object.keys(bounds).length > 0 ? [["parameters", bounds] as [string, unknown]] : []),
  ];
}

function written(id: string, { effect, annotations }: CedarPolicy, clause: CedarClause): PolicyGiven {
  const reason = effect === "forbid" ? annotations.get("reason")?.slice(0, longestReason) : undefined;
  return {
    id,
    effect: effect === "permit" ? "allow" : "deny",
    ...Object.fromEntries(conditionsOf(clause)),
    ...(reason ? { reason } : {}),
  };
}
