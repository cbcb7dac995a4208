/**
 * Lists. Items that must be of a kind (`contains`) are counted in the states of the graph, beside the index; items that must differ are marked
 * and compared while a text is read. A list without either is as short as its schema.
 */
import { empty, type RegularExpression, repeatText, sequence, track } from "../expression.ts";
import type { ItemCount } from "./binding.ts";
import type { Compiler } from "./compiler.ts";
import { pointer } from "./document.ts";
import type { SchemaObject, SchemaOrBoolean } from "./keywords.ts";

/** States of a list's counts. */
const mostStates = 4000;

interface ListKeywords {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: SchemaOrBoolean;
  readonly prefixItems?: readonly SchemaOrBoolean[];
  readonly uniqueItems?: boolean;
  readonly "contains!"?: readonly ItemCount[];
}

type Edges = { by: RegularExpression; to: number }[][];

export function arrayExpression(schema: SchemaObject, place: string, c: Compiler): RegularExpression {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, uniqueItems = false, items = true, prefixItems = [] } = schema as ListKeywords;
  if (maxItems < minItems) return c.impossible(pointer(place, "minItems"), `at most maxItems, which is ${maxItems}`, `${minItems}`);
  const counts = countsOf(schema as ListKeywords, place, c);
  const isUnique = uniqueItems && canKeepApart(schema as ListKeywords, counts, place, c);
  if (isUnique && minItems > 1 && c.sizeOf(items, c.placeOf(items, place, "items"), minItems) < minItems)
    return c.impossible(pointer(place, "uniqueItems"), `at least ${minItems} different items (minItems)`, "fewer values");
  const inside =
    counts.length > 0 ? counted(schema as ListKeywords, counts, isUnique, place, c) : simple(schema as ListKeywords, isUnique, place, c);
  const { open, close } = c.punctuation;
  if (!isUnique) return sequence(open("["), inside, close("]"));
  const item = c.canonicalRule(items, c.placeOf(items, place, "items"));
  if (prefixItems.length > 0) throw new Error("items of different schemas are not kept apart");
  return sequence(open("["), { kind: "track", op: "enter", item }, inside, track("leave"), close("]"));
}

/** Items are kept apart where one schema describes them all, and what must be among them leaves no item without a choice. */
function canKeepApart({ prefixItems = [] }: ListKeywords, counts: readonly ItemCount[], place: string, c: Compiler): boolean {
  if (prefixItems.length === 0 && counts.every(k => k.min <= 1 && k.max === undefined) && counts.length <= 1) return true;
  c.relax(place, "uniqueItems");
  return false;
}

/** The counts that are kept: those with few states. */
function countsOf(
  { minItems = 0, maxItems, prefixItems = [], "contains!": given = [] }: ListKeywords,
  place: string,
  c: Compiler,
): ItemCount[] {
  const numIndices = 2 + Math.max(minItems, maxItems ?? 0, prefixItems.length, ...given.map(k => k.from));
  let states = numIndices;
  return given.filter(k => {
    states *= 1 + Math.max(k.min, k.max ?? 0);
    if (states <= mostStates) return true;
    states /= 1 + Math.max(k.min, k.max ?? 0);
    c.relax(place, "contains");
    return false;
  });
}

/** An item with its marks where items are kept apart. */
function marked(item: RegularExpression, isUnique: boolean): RegularExpression {
  return isUnique ? sequence(track("begin"), item, track("end")) : item;
}

const itemOf = (schema: SchemaOrBoolean, place: string, isUnique: boolean, c: Compiler): RegularExpression =>
  isUnique ? { kind: "rule", name: c.canonicalRule(schema, place) } : c.shared(schema, place);

function simple(schema: ListKeywords, isUnique: boolean, place: string, c: Compiler): RegularExpression {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items = true, prefixItems = [] } = schema;
  const comma = isUnique ? sequence(track("more"), c.punctuation.comma) : c.punctuation.comma;
  const ends = new Set<number>();
  const edges: Edges = [];
  const first = prefixItems.slice(0, Math.min(prefixItems.length, maxItems));
  for (const [i, s] of first.entries()) {
    const item = c.expression(s, c.placeOf(s, place, "prefixItems", i));
    edges.push([{ by: i === 0 ? item : sequence(comma, item), to: i + 1 }]);
    if (i >= minItems) ends.add(i);
  }
  const n = first.length;
  const most = maxItems - n;
  const least = Math.max(0, minItems - n);
  const rest: { by: RegularExpression; to: number }[] = [];
  if (least === 0) ends.add(n);
  if (most > 0 && items !== false) {
    const item = marked(itemOf(items, c.placeOf(items, place, "items"), isUnique, c), isUnique);
    const more = (min: number, max: number) => repeatText(sequence(comma, item), min, max);
    if (n > 0) rest.push({ by: more(Math.max(1, least), most), to: n + 1 });
    else rest.push({ by: most === 1 ? item : sequence(item, more(Math.max(0, least - 1), most - 1)), to: n + 1 });
    ends.add(n + 1);
  }
  edges.push(rest, []);
  return { kind: "graph", edges, ends };
}

/** Which counts an item adds to, by index: every way to choose among those that are still counted. */
function* waysOf(counts: readonly ItemCount[], so: readonly number[], index: number): Generator<readonly boolean[], void, undefined> {
  const isOpen = counts.map((k, i) => index >= k.from && (k.max !== undefined || so[i]! < k.min));
  for (let bits = 0; bits < 2 ** counts.length; bits++) {
    const adds = counts.map((_, i) => (bits & (1 << i)) !== 0);
    if (adds.every((is, i) => !is || isOpen[i])) yield adds;
  }
}

function counted(schema: ListKeywords, counts: readonly ItemCount[], isUnique: boolean, place: string, c: Compiler): RegularExpression {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items = true, prefixItems = [] } = schema;
  // indices beyond this one are alike
  const last = Math.max(1, maxItems < Number.POSITIVE_INFINITY ? maxItems : minItems, prefixItems.length, ...counts.map(k => k.from));
  const { comma } = c.punctuation;
  const indices = new Map<string, number>();
  const queue: { readonly at: number; readonly so: readonly number[] }[] = [];
  const index = (at: number, so: readonly number[]): number => {
    const key = `${at} ${so.join()}`;
    const known = indices.get(key);
    if (known !== undefined) return known;
    indices.set(key, queue.length);
    return queue.push({ at, so }) - 1;
  };
  index(
    0,
    counts.map(() => 0),
  );
  const edges: Edges = [];
  const ends = new Set<number>();
  for (let q = 0; q < queue.length; q++) {
    const { at, so } = queue[q]!;
    const out: Edges[number] = [];
    edges.push(out);
    if (at >= minItems && counts.every((k, i) => so[i]! >= k.min)) ends.add(q);
    if (at >= maxItems) continue;
    const base = at < prefixItems.length ? prefixItems[at]! : items;
    if (base === false) continue;
    const basePlace = c.placeOf(base, place, at < prefixItems.length ? "prefixItems" : "items");
    for (const adds of waysOf(counts, so, at)) {
      const after = counts.map((k, i) => Math.min(so[i]! + (adds[i] ? 1 : 0), Math.max(k.min, (k.max ?? 0) + 1)));
      if (counts.some((k, i) => k.max !== undefined && after[i]! > k.max)) continue;
      const also = counts.flatMap((k, i): SchemaOrBoolean[] =>
        adds[i] ? [k.schema] : k.max !== undefined && at >= k.from ? [{ not: k.schema }] : [],
      );
      const item = marked(itemOf(also.length === 0 ? base : { allOf: [base, ...also] }, basePlace, isUnique, c), isUnique);
      const next = index(Math.min(at + 1, last), after);
      out.push({ by: at === 0 ? item : sequence(isUnique ? track("more") : empty, comma, item), to: next });
    }
  }
  return { kind: "graph", edges, ends };
}
