/**
 * What a policy here can ask, as a clause; a condition of Cedar's is alternatives of such, those for which it is true and those for which it is false.
 * What has no counterpart stands in its clause by its text, for whoever decides what that means.
 */
import type { Endpoint } from "../../endpoints.ts";
import type { Bound } from "../../policy/rules.ts";
import type { Expression } from "./cedar-text.ts";

export interface CedarClause {
  readonly subjects?: readonly string[];
  readonly organisations?: readonly string[];
  readonly teams?: readonly string[];
  readonly roles?: readonly string[];
  readonly endpoints?: readonly Endpoint[];
  readonly models?: readonly string[];
  readonly labels?: readonly string[];
  readonly dataClasses?: readonly string[];
  readonly bounds?: Readonly<Record<string, Bound>>;
  /** Parameters that must be there, and that must not. */
  readonly present?: readonly string[];
  readonly absent?: readonly string[];
  /** What could not be carried over: texts of the source. */
  readonly unknown?: readonly string[];
}

export interface Sides {
  readonly yes: readonly CedarClause[];
  readonly no: readonly CedarClause[];
  /** Never fails: one of the two holds. */
  readonly isTotal: boolean;
}

export const unknownAt = (e: Expression, source: string): CedarClause => ({ unknown: [source.slice(e.from, e.to).replace(/\s+/g, " ")] });
export const unknownSides = (e: Expression, source: string, isTotal = false): Sides => {
  const clause = unknownAt(e, source);
  return { yes: [clause], no: [clause], isTotal };
};

const both = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined): readonly T[] | undefined =>
  a && b ? a.filter(x => b.includes(x)) : (a ?? b);

/** Names that fit a pattern of each. */
function bothPatterns(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  if (!a || !b) return a ?? b;
  const fits = (wide: string, narrow: string): boolean =>
    wide === narrow || (wide.endsWith("*") && narrow.replace(/\*$/, "").startsWith(wide.slice(0, -1)));
  return [...new Set(a.flatMap(x => b.flatMap(y => (fits(x, y) ? [y] : fits(y, x) ? [x] : []))))];
}

function bothBounds(a: Bound, b: Bound): Bound | undefined {
  const min = Math.max(a.min ?? Number.NEGATIVE_INFINITY, b.min ?? Number.NEGATIVE_INFINITY);
  const max = Math.min(a.max ?? Number.POSITIVE_INFINITY, b.max ?? Number.POSITIVE_INFINITY);
  const isIn = (value: unknown) =>
    (min === Number.NEGATIVE_INFINITY && max === Number.POSITIVE_INFINITY) || (typeof value === "number" && value >= min && value <= max);
  const oneOf = both(a.oneOf, b.oneOf)?.filter(isIn);
  if (oneOf) return oneOf.length > 0 ? { oneOf: [...oneOf] } : undefined;
  if (min > max) return undefined;
  return { ...(min === Number.NEGATIVE_INFINITY ? {} : { min }), ...(max === Number.POSITIVE_INFINITY ? {} : { max }) };
}

/** Somebody may be in several teams and have several roles: of two lists one must be within the other. Null: nobody can say. */
function bothGroups(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | null | undefined {
  if (!a || !b) return a ?? b;
  if (a.every(x => b.includes(x))) return a;
  return b.every(x => a.includes(x)) ? b : null;
}

/** Where both hold; undefined: nowhere. */
function meet(a: CedarClause, b: CedarClause): CedarClause | undefined {
  const made: { -readonly [K in keyof CedarClause]: CedarClause[K] } = {};
  for (const key of ["subjects", "organisations", "labels", "dataClasses"] as const) {
    const names = both(a[key], b[key]);
    if (names?.length === 0) return undefined;
    if (names) made[key] = names;
  }
  const unknown = [...(a.unknown ?? []), ...(b.unknown ?? [])];
  for (const key of ["teams", "roles"] as const) {
    const names = bothGroups(a[key], b[key]);
    if (names === null) unknown.push(`in one of the ${key} ${a[key]!.join(", ")} and in one of ${b[key]!.join(", ")}`);
    const kept = names === null ? a[key] : names;
    if (kept) made[key] = kept;
  }
  const asked = both(a.endpoints, b.endpoints);
  const models = bothPatterns(a.models, b.models);
  if (asked?.length === 0 || models?.length === 0) return undefined;
  if (asked) made.endpoints = asked;
  if (models) made.models = models;
  const bounds: Record<string, Bound> = { ...a.bounds };
  for (const [name, bound] of Object.entries(b.bounds ?? {})) {
    const one = bounds[name] ? bothBounds(bounds[name], bound) : bound;
    if (!one) return undefined;
    bounds[name] = one;
  }
  const present = [...new Set([...(a.present ?? []), ...(b.present ?? []), ...Object.keys(bounds)])];
  if (made.labels) present.push("label");
  if (made.dataClasses) present.push("dataClass");
  const absent = [...new Set([...(a.absent ?? []), ...(b.absent ?? [])])];
  if (absent.some(name => present.includes(name))) return undefined;
  if (Object.keys(bounds).length > 0) made.bounds = bounds;
  if (present.length > 0) made.present = [...new Set(present)].sort();
  if (absent.length > 0) made.absent = absent.sort();
  if (unknown.length > 0) made.unknown = [...new Set(unknown)].sort();
  return made;
}

export const product = (a: readonly CedarClause[], b: readonly CedarClause[]): CedarClause[] =>
  distinct(a.flatMap(x => b.flatMap(y => meet(x, y) ?? [])));

export const distinct = (clauses: readonly CedarClause[]): CedarClause[] => [...new Map(clauses.map(c => [JSON.stringify(c), c])).values()];

/**
 * In Cedar what fails (something that is not there, another type) is neither true nor false, and its policy then does not apply. So `A && B` is false
 * where A is, or where A is true and B false; where A cannot fail, wherever one of them is.
 */
export const conjunction = (a: Sides, b: Sides): Sides => ({
  yes: product(a.yes, b.yes),
  no: distinct([...a.no, ...(a.isTotal ? b.no : product(a.yes, b.no))]),
  isTotal: a.isTotal && b.isTotal,
});
export const negation = ({ yes, no, isTotal }: Sides): Sides => ({ yes: no, no: yes, isTotal });
