/**
 * A JSON schema as a grammar of the JSON texts that are valid under it. Properties come in the schema's order, others after them; numbers with
 * bounds without exponent; a schema without a type but with keywords of one type means that type. Every text of the grammar is valid, but for
 * the keywords that it says were relaxed; what is valid but written in another order or spelling is not in it.
 */
import { type Automaton, automatonGraph } from "../automaton.ts";
import { choice, type Grammar, noText, type RegularExpression, rule } from "../expression.ts";
import { constrainLimits } from "../limits.ts";
import { compileGrammar, isEmptyForm } from "../machine.ts";
import { Recogniser } from "../recogniser.ts";
import { beyondAutomata, constraintRefusal, isBeyondAutomata } from "../refuse.ts";
import { arrayExpression } from "./arrays.ts";
import { type Binder, binderOf, internal } from "./binding.ts";
import type { Compiler } from "./compiler.ts";
import { areDisjoint } from "./disjoint.ts";
import { pointer, SchemaDocument } from "./document.ts";
import { canonicalMark, freeRules, literal, oneOfTexts, type Punctuation, punctuation, type Style } from "./json-text.ts";
import { isObject, type SchemaObject, type SchemaOrBoolean, type TypeName, typeNames } from "./keywords.ts";
import { merge } from "./merge.ts";
import { Negation } from "./negate.ts";
import { boundedNumber } from "./numbers.ts";
import { objectExpression } from "./objects.ts";
import { isRegularPattern, stringExpression, textTests } from "./strings.ts";
import { Validator } from "./validate.ts";

/** Keywords that say something about values of one type only. */
const typeKeywords: { readonly [T in TypeName]?: readonly string[] } = {
  object: [
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "maxProperties",
    "minProperties",
    "patternProperties",
    "some!",
  ],
  array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains!"],
  string: ["minLength", "maxLength", "pattern", "format", "notPattern!", "notFormat!", "notTexts!"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "notMultipleOf!"],
};

/** Expressions that may be made: choices beside choices multiply. */
const mostExpressions = 60_000;
const deepest = 300;
/** States of all automata of a schema together. */
const mostStates = 100_000;
/** Parts of an allOf, and options of a oneOf: each is held against all others. */
const mostParts = 500;
/** Options of a oneOf that others must be kept out of, together. */
const mostOverlaps = 64;
/** Characters of merged schemas, which are their names. */
const mostCharacters = 20_000_000;
/** Bytes looked at to count the values of items that must differ: 20 ms. */
const mostCountedBytes = 100_000;
/** Counts inside of counts. */
const deepestCounts = 2;

/** What is relaxed, and the first thing found that nothing can be valid under. */
class Findings {
  readonly relaxed = new Set<string>();
  contradiction: Error | undefined;
  readonly #parameter: string;
  readonly #exact: readonly string[];

  /** Places of parameters in which nothing is relaxed. */
  constructor(parameter: string, exact: readonly string[]) {
    this.#parameter = parameter;
    this.#exact = exact;
  }

  relax(place: string, keyword: string): void {
    const at = pointer(place, keyword);
    if (this.#exact.some(place => at.startsWith(`${place}#`)))
      throw constraintRefusal(at, "keywords that a strict schema is held to exactly", `"${keyword}"`, "Leave it out, or leave strict out.");
    this.relaxed.add(at.startsWith(`${this.#parameter}#`) ? at.slice(this.#parameter.length) : at);
  }
}

class SchemaCompiler implements Compiler {
  readonly #document: SchemaDocument;
  readonly #binder: Binder;
  readonly #negation: Negation;
  readonly #validator: Validator;
  readonly #findings: Findings;
  readonly #style: Style;
  readonly #rules: Map<string, RegularExpression>;
  readonly #named = new Set<string>();
  readonly #pending: { readonly name: string; readonly make: () => RegularExpression }[] = [];
  readonly #spent = { made: 0, characters: 0, states: 0, names: 0 };
  readonly #tests;
  /** Of counting values inside of counting values. */
  readonly #level: number;
  readonly isClosing: boolean;
  #isCanonical = false;
  #hasCanonical = false;
  #depth = 0;

  constructor(document: SchemaDocument, style: Style, findings: Findings, isClosing: boolean, level = 0) {
    this.#level = level;
    this.isClosing = isClosing;
    this.#document = document;
    this.#style = style;
    this.#findings = findings;
    this.#binder = binderOf(document);
    this.#tests = textTests(document.place);
    this.#negation = new Negation(this.#binder, document, p => isRegularPattern(p, document.place));
    this.#validator = new Validator(this.#binder, document, this.#tests);
    this.#rules = new Map(freeRules(punctuation[style]));
  }

  get isCanonical(): boolean {
    return this.#isCanonical;
  }
  /** White space of more than one kind would give one value several texts. */
  get punctuation(): Punctuation {
    return punctuation[this.#isCanonical && this.#style === "flexible" ? "compact" : this.#style];
  }

  /** The grammar of the document's schema. Errors: text/constraint. */
  grammar(): Grammar {
    return this.#grammarOf(this.#document.root, this.#document.place);
  }

  #grammarOf(schema: SchemaOrBoolean, place: string): Grammar {
    this.#rules.set("root", this.expression(schema, place));
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) this.#rules.set(next.name, next.make());
    if (this.#hasCanonical) {
      this.#isCanonical = true;
      for (const [name, e] of freeRules(this.punctuation, true)) this.#rules.set(name, e);
    }
    return { root: "root", rules: this.#rules, relaxed: [...this.#findings.relaxed], contradiction: this.#findings.contradiction };
  }

  spend(a: Automaton, place: string): Automaton {
    this.#spent.states += a.edges.length;
    if (this.#spent.states > mostStates)
      throw beyondAutomata(place, `patterns and bounds of at most ${mostStates} states together`, "more", "Use fewer, or lower counts.");
    return a;
  }

  later(name: string, make: () => RegularExpression): ReturnType<typeof rule> {
    const isCanonical = this.#isCanonical;
    const marked = isCanonical ? name + canonicalMark : name;
    if (!this.#named.has(marked)) {
      this.#named.add(marked);
      const inMode = (): RegularExpression => {
        this.#isCanonical = isCanonical;
        return make();
      };
      this.#pending.push({ name: marked, make: inMode });
    }
    return rule(marked);
  }

  freshName(kind: string, place: string): string {
    return `${kind} ${place} ${++this.#spent.names}`;
  }

  free(type: TypeName | "any", isCanonical = this.#isCanonical): RegularExpression {
    if (!isCanonical) return rule(type);
    this.#hasCanonical = true;
    return rule(type + canonicalMark);
  }

  shared(schema: SchemaOrBoolean, place: string): RegularExpression {
    const e = this.expression(schema, place);
    return e.kind === "rule" ? e : this.later(this.freshName("shared", place), () => e);
  }

  canonicalRule(schema: SchemaOrBoolean, place: string): string {
    const before = this.#isCanonical;
    this.#isCanonical = true;
    try {
      const e = this.expression(schema, place);
      return e.kind === "rule" ? e.name : this.later(`item ${place} ${JSON.stringify(schema)}`, () => e).name;
    } finally {
      this.#isCanonical = before;
    }
  }

  relax(place: string, keyword: string): void {
    this.#findings.relax(place, keyword);
  }

  orRelax<T>(make: () => T, place: string, keyword: string, otherwise: T): T {
    try {
      return make();
    } catch (error) {
      if (!isBeyondAutomata(error)) throw error;
      this.relax(place, keyword);
      return otherwise;
    }
  }

  impossible(place: string, expected: string, received: string): RegularExpression {
    this.#findings.contradiction ??= constraintRefusal(place, expected, received, "Change one of the two: nothing is valid under both.");
    return noText;
  }

  placeOf(schema: SchemaOrBoolean, at: string, ...keys: (string | number)[]): string {
    const known = isObject(schema) ? this.#document.placeOf(schema) : this.#document.place;
    return known === this.#document.place ? pointer(at, ...keys) : known;
  }

  isValid(value: unknown, schema: SchemaOrBoolean, place: string): boolean {
    const is = this.#validator.isValid(value, schema);
    if (is === undefined) throw constraintRefusal(place, "values of an enum that are checked with moderate work", "more");
    return is;
  }

  expression(schema: SchemaOrBoolean, place: string): RegularExpression {
    if (schema === true) return this.free("any");
    if (schema === false) return this.impossible(place, "a schema that some value is valid under", "false");
    if (++this.#spent.made > mostExpressions || this.#depth > deepest)
      throw constraintRefusal(
        place,
        "a schema of moderate size when its choices are written out",
        "a larger one",
        "Nest fewer choices (anyOf, allOf).",
      );
    this.#depth++;
    try {
      const binding = this.#binder.of(schema);
      const keys = Object.keys(binding);
      if (keys.length === 0) return this.free("any");
      if (keys.length === 1 && "$ref" in binding) return this.#reference(binding.$ref as string, place);
      if (!["$ref", "allOf", "not", "unevaluatedProperties", "unevaluatedItems"].some(k => k in binding)) return this.#flat(binding, place);
      // kept by what it says: merging schemas that refer to themselves comes to the same ones again
      const name = `${place.split("#")[0]}# all ${JSON.stringify(binding)}`;
      this.#spent.characters += name.length;
      if (this.#spent.characters > mostCharacters)
        throw constraintRefusal(place, "a schema of moderate size when it is merged", "a larger one", "Nest fewer choices (anyOf, allOf).");
      return this.later(name, () => {
        const whole = this.#flatten(binding, place, 0);
        return whole === false ? noText : this.#flat(whole, place);
      });
    } finally {
      this.#depth--;
    }
  }

  #reference(reference: string, place: string): RegularExpression {
    const target = this.#document.resolve(reference, place);
    if (typeof target === "boolean") return this.expression(target, place);
    const at = this.#document.placeOf(target);
    return this.later(at, () => this.expression(target, at));
  }

  flatten(schema: SchemaOrBoolean, place: string): SchemaObject | false {
    return this.#flatten(schema, place, 0);
  }

  /** The schema with $ref, allOf and not merged in. */
  #flatten(schema: SchemaOrBoolean, place: string, depth: number): SchemaObject | false {
    if (schema === false) return false;
    if (schema === true) return {};
    if (depth > constrainLimits.depth) throw constraintRefusal(place, "references that come to an end", "a circle of $ref and allOf");
    if (++this.#spent.made > mostExpressions)
      throw constraintRefusal(place, "a schema of moderate size", "a larger one", "Nest fewer choices (anyOf, allOf).");
    const { $ref, allOf, not, unevaluatedProperties, unevaluatedItems, "keyword!": keyword, ...rest } = this.#binder.of(schema);
    const parts = [...((allOf as SchemaOrBoolean[] | undefined) ?? [])];
    if (parts.length > mostParts) throw constraintRefusal(pointer(place, "allOf"), `at most ${mostParts} parts`, `${parts.length}`);
    if ($ref !== undefined) parts.unshift(this.#document.resolve($ref as string, place));
    if (not !== undefined) parts.push(this.#negated(not as SchemaOrBoolean, place, (keyword as string | undefined) ?? "not"));
    let whole = internal(rest);
    for (const part of parts) {
      const flat = this.#flatten(part, place, depth + 1);
      if (flat === false) return false;
      const both = this.#merged(whole, flat, place);
      if (both === false) {
        this.impossible(isObject(part) ? this.#document.placeOf(part) : place, "values that hold together", "two that exclude each other");
        return false;
      }
      whole = both;
    }
    return this.#unevaluated(whole, { unevaluatedProperties, unevaluatedItems }, place, depth);
  }

  #merged(a: SchemaObject, b: SchemaObject, place: string): SchemaObject | false {
    const matches = (pattern: string, name: string): boolean => this.#tests.matches(pattern, name);
    const both = merge(a, b, matches);
    if (both !== undefined) return both;
    this.relax(place, "additionalProperties");
    const open = (s: SchemaObject): SchemaObject => internal({ ...s, additionalProperties: true });
    return merge(open(a), open(b), matches) ?? {};
  }

  #negated(schema: SchemaOrBoolean, place: string, keyword: string): SchemaOrBoolean {
    if (!this.#negation.isExact(schema)) {
      this.relax(place, keyword);
      return true;
    }
    const opposite = this.#negation.of(schema);
    if (opposite === false)
      this.impossible(pointer(place, keyword), "a schema that some value is not valid under", "one that every value is");
    return opposite;
  }

  /** What no keyword of the merged schema speaks of; while choices are open it waits for them, and inside of another schema it cannot. */
  #unevaluated(whole: SchemaObject, of: SchemaObject, place: string, depth: number): SchemaObject {
    const given = Object.entries(of).filter(([, v]) => v !== undefined);
    if (given.length === 0) return whole;
    if (["anyOf", "oneOf", "allOf"].some(k => k in whole)) {
      if (depth === 0) return internal({ ...whole, ...Object.fromEntries(given) });
      for (const [key] of given) this.relax(place, key);
      return whole;
    }
    const out: Record<string, unknown> = { ...whole };
    if (of.unevaluatedProperties !== undefined && !("additionalProperties" in whole)) out.additionalProperties = of.unevaluatedProperties;
    if (of.unevaluatedItems !== undefined && !("items" in whole)) {
      if ("contains!" in whole) this.relax(place, "unevaluatedItems");
      else out.items = of.unevaluatedItems;
    }
    return internal(out);
  }

  /** A schema whose allOf, if any, holds only choices that are still to be made. */
  #flat(schema: SchemaObject, place: string): RegularExpression {
    for (const key of ["anyOf", "oneOf"] as const) {
      const given = schema[key] as readonly SchemaOrBoolean[] | undefined;
      if (!given) continue;
      const { [key]: _, unevaluatedProperties, unevaluatedItems, ...others } = schema;
      const outer = Object.fromEntries(Object.entries({ unevaluatedProperties, unevaluatedItems }).filter(([, v]) => v !== undefined));
      const rest = internal(others);
      const hasRest = Object.keys(rest).length > 0 || Object.keys(outer).length > 0;
      const options = key === "oneOf" ? this.#exclusive(given, rest, place) : given;
      return choice(
        ...options.map((o, i) =>
          this.expression(
            hasRest && o !== false ? internal({ allOf: [rest, o], ...outer }) : o,
            isObject(given[i]) ? this.#document.placeOf(given[i]) : pointer(place, key, i),
          ),
        ),
      );
    }
    if ("allOf" in schema) return this.expression(schema, place);
    if ("enum" in schema || "const" in schema) return this.#values(schema, place);
    const types = this.#types(schema);
    if (types.length === 0)
      return this.impossible(pointer(place, "type"), "types that have something in common", "types that exclude each other");
    if (types.includes("number") && types.includes("integer")) types.splice(types.indexOf("integer"), 1);
    if (types.length === typeNames.length - 1 && Object.keys(schema).every(k => k === "type")) return this.free("any");
    return choice(...types.map(t => this.#typed(t, schema, place)));
  }

  #types(schema: SchemaObject): TypeName[] {
    if (schema.type !== undefined) return [schema.type as TypeName | TypeName[]].flat();
    const implied = typeNames.filter(t => typeKeywords[t]?.some(k => k in schema));
    return implied.length > 0 ? implied : [...typeNames];
  }

  /** Options of which exactly one holds: those that may hold together are kept apart by `not`, or relaxed where that is not exact. */
  #exclusive(options: readonly SchemaOrBoolean[], rest: SchemaObject, place: string): readonly SchemaOrBoolean[] {
    if (options.length > mostParts) throw constraintRefusal(pointer(place, "oneOf"), `at most ${mostParts} options`, `${options.length}`);
    const flatten = (s: SchemaOrBoolean) => this.#flatten(s, place, 0);
    const isTyped = rest.type !== undefined;
    // an option without a type of its own is held against the others with that of its neighbours
    const flat = options.map(o => flatten(isTyped && isObject(o) ? internal({ allOf: [{ type: rest.type }, o] }) : o));
    const overlaps = options.map((_, i) => options.flatMap((_, j) => (i !== j && !areDisjoint(flat[i]!, flat[j]!, flatten, 0) ? [j] : [])));
    const count = overlaps.reduce((n, o) => n + o.length, 0);
    if (count === 0) return options;
    const isExact = count <= mostOverlaps && options.every((o, i) => overlaps[i]!.length === 0 || this.#negation.isExact(o));
    if (!isExact) {
      this.relax(place, "oneOf");
      return options;
    }
    return options.map((o, i) =>
      overlaps[i]!.length === 0
        ? o
        : { allOf: [o, ...overlaps[i]!.map((j): SchemaOrBoolean => (isObject(options[j]) ? { not: options[j] } : !options[j]))] },
    );
  }

  /** enum and const: those values that the other keywords allow. */
  #values(schema: SchemaObject, place: string): RegularExpression {
    const listed = "const" in schema ? [schema.const] : (schema.enum as unknown[]);
    const others = Object.keys(schema).some(k => k !== ("const" in schema ? "const" : "enum"));
    const implied = schema.type === undefined && this.#types(schema).length < typeNames.length ? { type: this.#types(schema) } : {};
    const whole = internal({ ...implied, ...schema });
    const values = others ? listed.filter(v => this.isValid(v, whole, place)) : listed;
    if (values.length === 0)
      return this.impossible(pointer(place, "const" in schema ? "const" : "enum"), "values that the other keywords allow", "none");
    const isSimple = (v: unknown) => v === null || typeof v !== "object";
    const nested = values.filter(v => !isSimple(v)).map(v => literal(v, this.punctuation));
    const simple = values.filter(isSimple).map(v => JSON.stringify(v));
    return simple.length === 0 ? choice(...nested) : choice(oneOfTexts(simple, place), ...nested);
  }

  #typed(type: TypeName, schema: SchemaObject, place: string): RegularExpression {
    if (!(typeKeywords[type === "integer" ? "number" : type] ?? []).some(k => k in schema)) return this.free(type);
    switch (type) {
      case "object":
        return objectExpression(schema, place, this);
      case "array":
        return arrayExpression(schema, place, this);
      case "string":
        return stringExpression(schema, place, this);
      case "integer":
      case "number":
        return this.#number(type, schema, place);
      default:
        return this.free(type);
    }
  }

  #number(type: "integer" | "number", schema: SchemaObject, place: string): RegularExpression {
    const given = Object.fromEntries(typeKeywords.number!.map(k => [k.replace("!", ""), schema[k] as number | undefined]));
    const bounds = { ...given, isCanonical: this.#isCanonical };
    const { multipleOf: _, notMultipleOf: __, ...simple } = bounds as typeof bounds & { multipleOf?: unknown; notMultipleOf?: unknown };
    return this.later(`${type} ${JSON.stringify(given)}`, () => {
      const exact = this.orRelax<Automaton | undefined>(
        () => this.spend(boundedNumber(type, bounds, place), place),
        place,
        "multipleOf",
        undefined,
      );
      return automatonGraph(exact ?? this.spend(boundedNumber(type, simple, place), place));
    });
  }

  sizeOf(schema: SchemaOrBoolean, place: string, most: number): number {
    if (this.#level >= deepestCounts) return Number.POSITIVE_INFINITY;
    const inner = new SchemaCompiler(this.#document, "compact", new Findings(place, []), this.isClosing, this.#level + 1);
    inner.#isCanonical = true;
    try {
      return countTexts(new Recogniser(compileGrammar(inner.#grammarOf(schema, place), place), place), most);
    } catch (error) {
      if (isEmptyForm(error)) return 0;
      throw error;
    }
  }
}

/** Different texts, counted to `most`, shortest first; Infinity where that takes long. */
function countTexts(r: Recogniser, most: number): number {
  let count = 0;
  let steps = 0;
  let level = [r.start];
  while (level.length > 0 && count < most) {
    const next: typeof level = [];
    for (const at of level) {
      if (at.isAccepting) count++;
      for (let byte = 0; byte < 256 && count + next.length < most; byte++) {
        if (++steps > mostCountedBytes) return Number.POSITIVE_INFINITY;
        r.work = constrainLimits.work;
        const to = r.step(at, byte);
        if (to) next.push(to);
      }
    }
    level = next;
  }
  return count;
}

function isEmpty(grammar: Grammar, place: string): boolean {
  try {
    compileGrammar(grammar, place);
    return false;
  } catch (error) {
    if (isEmptyForm(error)) return true;
    throw error;
  }
}

/** A schema inside of the one that is compiled, which somebody knows under another name. */
export interface SchemaPart {
  /** Of the whole schema: `#/properties/arguments`. */
  readonly pointer: string;
  /** The parameter that brought the part. */
  readonly place: string;
  /** No keyword of it is relaxed. */
  readonly isExact: boolean;
}

export interface SchemaOptions {
  readonly style?: Style;
  /** OpenAI's strict rules (the root an object, every object closed and all of its properties required), and no keyword is relaxed. */
  readonly strict?: boolean;
  readonly parts?: readonly SchemaPart[];
}

/** The grammar of a schema's valid texts. Errors: text/constraint at `parameter#/pointer`. */
export function schemaGrammar(
  schema: unknown,
  parameter: string,
  { style = "compact", strict = false, parts = [] }: SchemaOptions = {},
): Grammar {
  const document = new SchemaDocument(schema, parameter, new Map(parts.map(p => [p.pointer, p.place])));
  if (strict) document.checkStrict();
  const exact = strict ? [parameter] : parts.filter(p => p.isExact).map(p => p.place);
  const grammarOf = (isClosing: boolean) => new SchemaCompiler(document, style, new Findings(parameter, exact), isClosing).grammar();
  const closed = grammarOf(true);
  // closed objects may be too few to differ: unique items, say
  return closed.contradiction !== undefined && isEmpty(closed, parameter) ? grammarOf(false) : closed;
}
