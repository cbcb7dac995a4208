/** Requests drawn from an OpenAPI document: what its schemas allow, and the same with something wrong in it. */
import fc from "fast-check";
import type { JsonSchema, OpenApiDocument } from "../../src/base/index.ts";

export interface DrawnRequest {
  readonly method: string;
  /** As the document has it. */
  readonly operation: string;
  readonly path: string;
  readonly type: string | undefined;
  readonly body: string | undefined;
}

/** Of zod's JSON Schemas, what bounds a value. */
interface Bounded extends JsonSchema {
  readonly oneOf?: readonly Bounded[];
  readonly allOf?: readonly Bounded[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly propertyNames?: Bounded;
}
type Value = unknown;
type Body = Record<string, unknown>;

const most = { items: 3, characters: 12, depth: 4 };

interface Pools {
  /** Values of properties and parameters by their names, that mean something to the server. */
  readonly words: Readonly<Record<string, readonly unknown[]>>;
}

class Drawer {
  readonly #document: OpenApiDocument;
  readonly #pools: Pools;

  constructor(document: OpenApiDocument, pools: Pools) {
    this.#document = document;
    this.#pools = pools;
  }

  draw(given: JsonSchema | boolean | undefined, name = "", depth = 0): fc.Arbitrary<Value> {
    if (given === undefined || typeof given === "boolean") return fc.jsonValue({ maxDepth: 1 });
    const schema = given as Bounded;
    if (schema.$ref) return this.draw(this.#document.components.schemas[schema.$ref.split("/").at(-1)!], name, depth + 1);
    const words = this.#pools.words[name];
    const own = this.#own(schema, name, depth);
    return words ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: own }) : own;
  }

  #own(schema: Bounded, name: string, depth: number): fc.Arbitrary<Value> {
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const branches = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (branches) return fc.oneof(...branches.map(b => this.draw(b, name, depth + 1)));
    const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
    if (type === "string") return this.#text(schema);
    if (type === "integer" || type === "number") return this.#number(schema, type === "integer");
    if (type === "boolean") return fc.boolean();
    if (type === "null") return fc.constant(null);
    if (type === "array") return this.#list(schema, name, depth);
    return type === "object" ? this.#object(schema, depth) : fc.jsonValue({ maxDepth: 1 });
  }

  #text({ minLength = 0, maxLength = most.characters, pattern }: Bounded): fc.Arbitrary<string> {
    if (pattern !== undefined && !/\\p/.test(pattern)) return fc.stringMatching(new RegExp(pattern)).map(t => t.slice(0, 64));
    return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, most.characters)) });
  }

  #number({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Bounded, isInteger: boolean): fc.Arbitrary<number> {
    const low = minimum ?? exclusiveMinimum ?? -4;
    const high = Math.max(low, Math.min(maximum ?? exclusiveMaximum ?? low + 40, low + 40));
    if (isInteger) return fc.integer({ min: Math.ceil(low), max: Math.floor(high) });
    const edges = [minimum ?? -1e308, maximum ?? 1e308, ...(exclusiveMinimum === 0 ? [Number.MIN_VALUE, 1e-300] : []), 0.5];
    const allowed = edges.filter(e => (minimum === undefined || e >= minimum) && (exclusiveMinimum === undefined || e > exclusiveMinimum));
    const within = fc.double({ min: low, max: high, noNaN: true, minExcluded: exclusiveMinimum !== undefined && high > low });
    return fc.oneof({ weight: 2, arbitrary: within }, { weight: 1, arbitrary: fc.constantFrom(...allowed) });
  }

  #list({ items, prefixItems, minItems = 0, maxItems = most.items }: Bounded, name: string, depth: number): fc.Arbitrary<Value> {
    if (prefixItems) return fc.tuple(...prefixItems.map(s => this.draw(s, name, depth + 1)));
    if (depth > most.depth) return fc.constant([]);
    const maxLength = Math.max(minItems, Math.min(maxItems, most.items));
    return fc.array(this.draw(items === false ? undefined : items, name, depth + 1), { minLength: minItems, maxLength });
  }

  #object({ properties = {}, required = [], additionalProperties }: Bounded, depth: number): fc.Arbitrary<Body> {
    const optional = Object.keys(properties).filter(k => !required.includes(k));
    const more = depth > most.depth ? fc.constant<string[]>([]) : fc.subarray(optional, { maxLength: Math.min(4, optional.length) });
    const isOpen = typeof additionalProperties === "object" && Object.keys(properties).length === 0;
    return more.chain(chosen => {
      const drawn = Object.fromEntries([...required, ...chosen].map(k => [k, this.draw(properties[k], k, depth + 1)]));
      const named = fc.record(drawn) as fc.Arbitrary<Body>;
      return isOpen ? fc.dictionary(fc.string({ maxLength: 6 }), this.draw(additionalProperties, "", depth + 1), { maxKeys: 3 }) : named;
    });
  }
}

/** What no schema expects where it stands. */
const junk = fc.oneof(
  fc.constantFrom<unknown>(null, true, "", "\u0000", "\ud800", "x".repeat(5000), -1, -1e308, 1e308, 0.1, 2 ** 53, [], {}, [[[[[[]]]]]], {
    $ref: "#",
  }),
  fc.constantFrom<unknown>(
    ["a", 1],
    [null],
    { a: null },
    Array.from({ length: 300 }, () => 1),
    "9".repeat(400),
    "NaN",
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const strangeKeys = ["__proto__", "constructor", "toString", "a.b", "", "models", "promt", "temprature", "\u0000"];

/** All places of a value. */
function placesOf(value: unknown, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [at];
  const inner = Array.isArray(value) ? value.map((v, i) => [i, v] as const) : Object.entries(value);
  return [at, ...inner.flatMap(([k, v]) => placesOf(v, [...at, k]))];
}

function changed(value: unknown, place: readonly (string | number)[], change: (old: unknown) => unknown): unknown {
  const [first, ...rest] = place;
  if (first === undefined) return change(value);
  if (Array.isArray(value)) return value.map((v, i) => (i === first ? changed(v, rest, change) : v));
  const old = value as Body;
  return Object.fromEntries(Object.entries(old).map(([k, v]) => [k, k === first ? changed(v, rest, change) : v]));
}

const mutation = fc.record({
  at: fc.nat(1000),
  how: fc.constantFrom("replace", "replace", "remove", "add", "repeat"),
  value: junk,
  key: fc.constantFrom(...strangeKeys),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutated(value: unknown, { at, how, value: other, key }: Mutation): unknown {
  const places = placesOf(value);
  const place = places[at % places.length]!;
  if (how === "replace") return changed(value, place, () => other);
  if (how === "repeat") return changed(value, place, old => Array.from({ length: 200 }, () => old));
  const isRow = (v: unknown): v is Body => typeof v === "object" && v !== null && !Array.isArray(v);
  if (how === "add") return changed(value, place, old => (isRow(old) ? { ...old, [key]: other } : old));
  const [last, above] = [place.at(-1), place.slice(0, -1)];
  return changed(value, above, old => (isRow(old) ? Object.fromEntries(Object.entries(old).filter(([k]) => k !== last)) : old));
}

/** Sentences that are a validator's own, or a program's. */
export const leakedWords =
  /Invalid (input|key|element|string|option|number|value|union|discriminator|date|format|ISO)|Unrecognized key|Too (big|small)|ZodError|expected (nonoptional|never|record|nan|undefined)\b|Cannot read propert|is not a function|at .*\.ts:\d/;

/** Requests for every operation of a document. `body`: a last look at what is sent. */
export function drawnRequests(document: OpenApiDocument, pools: Pools, body: (operation: string, value: unknown) => unknown = (_, v) => v) {
  const drawer = new Drawer(document, pools);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, o]) => ({ path, method, o })),
  );
  return fc.constantFrom(...operations).chain(({ path, method, o }) => {
    const [type, content] = Object.entries(o.requestBody?.content ?? {})[0] ?? [];
    const named = (where: string) => (o.parameters ?? []).filter(p => p.in === where);
    const drawnOf = (where: string) =>
      fc.tuple(
        ...named(where).map(p => fc.option(drawer.draw(p.schema, p.name), { nil: undefined, freq: 6 }).map(v => [p.name, v] as const)),
      );
    return fc
      .record({
        inPath: drawnOf("path"),
        inQuery: drawnOf("query"),
        value: content ? drawer.draw(content.schema) : fc.constant(undefined),
        wrong: fc.array(mutation, { maxLength: 2 }),
      })
      .map(({ inPath, inQuery, value, wrong }): DrawnRequest => {
        const text = (v: unknown) => encodeURIComponent(String(v ?? "x").replace(/\p{Surrogate}/gu, "\ufffd"));
        const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => text(inPath.find(([n]) => n === name)?.[1]) || "x");
        const query = inQuery.flatMap(([n, v]) => (v === undefined ? [] : [`${n}=${text(v)}`])).join("&");
        const operation = `${method.toUpperCase()} ${path}`;
        const sent = content ? body(operation, wrong.reduce(mutated, value)) : undefined;
        return {
          method: method.toUpperCase(),
          operation,
          path: filled + (query === "" ? "" : `?${query}`),
          type,
          body: sent === undefined ? undefined : JSON.stringify(sent),
        };
      });
  });
}
