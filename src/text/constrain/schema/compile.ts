/**
 * A JSON schema (2020-12, the part in `document.ts`) as a grammar of the JSON texts that are valid under it. Properties come in the schema's order, others
 * after them; numbers with bounds without exponent; a schema without a type but with keywords of one type means that type. Every text of the
 * grammar is valid; what is valid but written in another order or spelling is not in it.
 */
import { type Automaton, accepts, allBut, automatonGraph, automatonOfExpression, intersect, lengths } from "../automaton.ts";
import {
  anyCharacter,
  choice,
  empty,
  type Grammar,
  literalText,
  noText,
  type RegularExpression,
  repeatText,
  rule,
  sequence,
} from "../expression.ts";
import { constrainLimits } from "../limits.ts";
import { compileGrammar } from "../machine.ts";
import { Recogniser } from "../recogniser.ts";
import { constraintRefusal } from "../refuse.ts";
import { hasAnchor, parseRegularExpression, withoutOuterAnchors } from "../regular-expression.ts";
import { areDisjoint } from "./disjoint.ts";
import { isObject, pointer, SchemaDocument, type SchemaObject, type SchemaOrBoolean, type TypeName, typeNames } from "./document.ts";
import { stringFormats } from "./formats.ts";
import {
  freeCharacter,
  freeRules,
  inJson,
  jsonCharacter,
  literal,
  oneOfTexts,
  type Punctuation,
  punctuation,
  quoted,
  type Style,
} from "./json-text.ts";
import { bindingOf, merge } from "./merge.ts";
import { boundedNumber } from "./numbers.ts";

/** Keywords that say something about values of one type only. */
const typeKeywords: { readonly [T in TypeName]?: readonly string[] } = {
  object: ["properties", "required", "additionalProperties", "propertyNames", "maxProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
};

/** Expressions that may be made: choices beside choices multiply. */
const mostExpressions = 60_000;
const deepest = 300;
/** States of all automata of a schema together: about 2 s of work. */
const mostStates = 100_000;
/** Parts of an allOf, and options of a oneOf: each is held against all others. */
const mostParts = 500;
/** Enums beside keywords that their values are held against: a machine each. */
const mostEnums = 500;
/** Characters of merged schemas, which are their names. */
const mostCharacters = 20_000_000;

const typeOf = (v: unknown): TypeName =>
  v === null
    ? "null"
    : Array.isArray(v)
      ? "array"
      : typeof v === "number"
        ? Number.isInteger(v)
          ? "integer"
          : "number"
        : typeof v === "boolean"
          ? "boolean"
          : typeof v === "string"
            ? "string"
            : "object";
const isOfType = (v: unknown, types: readonly string[]): boolean =>
  types.includes(typeOf(v)) || (typeOf(v) === "integer" && types.includes("number"));

/** What has been made so far, for the limits above; compilers of parts count with their whole. */
interface Spent {
  made: number;
  characters: number;
  states: number;
  enums: number;
}

class SchemaCompiler {
  readonly #document: SchemaDocument;
  readonly #p: Punctuation;
  readonly #rules: Map<string, RegularExpression>;
  readonly #named = new Set<string>();
  readonly #pending: { readonly name: string; readonly make: () => RegularExpression }[] = [];
  readonly #spent: Spent;
  #depth = 0;

  constructor(document: SchemaDocument, style: Style, spent: Spent = { made: 0, characters: 0, states: 0, enums: 0 }) {
    this.#document = document;
    this.#spent = spent;
    this.#p = punctuation[style];
    this.#rules = new Map(freeRules(this.#p));
  }

  /** The grammar of one schema of the document. Errors: text/constraint. */
  grammar(schema: SchemaOrBoolean = this.#document.root): Grammar {
    this.#rules.set("root", this.#expression(schema, this.#document.place));
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) this.#rules.set(next.name, next.make());
    return { root: "root", rules: this.#rules };
  }

  /** Counts what an automaton cost. */
  #spend(a: Automaton, place: string): Automaton {
    this.#spent.states += a.edges.length;
    if (this.#spent.states > mostStates)
      throw constraintRefusal(place, `patterns and bounds of at most ${mostStates} states together`, "more", "Use fewer, or lower counts.");
    return a;
  }

  /** A rule of that name, made later and once. */
  #later(name: string, make: () => RegularExpression): RegularExpression {
    if (!this.#named.has(name)) {
      this.#named.add(name);
      this.#pending.push({ name, make });
    }
    return rule(name);
  }

  #expression(schema: SchemaOrBoolean, place: string): RegularExpression {
    if (schema === true) return rule("any");
    if (schema === false) return noText;
    if (++this.#spent.made > mostExpressions || this.#depth > deepest)
      throw constraintRefusal(
        place,
        "a schema of moderate size when its choices are written out",
        "a larger one",
        "Nest fewer choices (anyOf, allOf).",
      );
    this.#depth++;
    try {
      const binding = bindingOf(schema);
      const keys = Object.keys(binding);
      if (keys.length === 0) return rule("any");
      if (keys.length === 1 && "$ref" in binding) return this.#reference(binding.$ref as string, place);
      if (!("$ref" in binding) && !("allOf" in binding)) return this.#flat(binding, place);
      // kept by what it says: merging schemas that refer to themselves comes to the same ones again
      const name = `${place.split("#")[0]}# all ${JSON.stringify(binding)}`;
      this.#spent.characters += name.length;
      if (this.#spent.characters > mostCharacters)
        throw constraintRefusal(place, "a schema of moderate size when it is merged", "a larger one");
      return this.#later(name, () => {
        const whole = this.#flatten(binding, place, 0);
        return whole === false ? noText : this.#flat(whole, place);
      });
    } finally {
      this.#depth--;
    }
  }

  #reference(reference: string, place: string): RegularExpression {
    const target = this.#document.resolve(reference, place);
    if (typeof target === "boolean") return this.#expression(target, place);
    const at = this.#document.placeOf(target);
    return this.#later(at, () => this.#expression(target, at));
  }

  /** The schema with $ref and allOf merged in. */
  #flatten(schema: SchemaOrBoolean, place: string, depth: number): SchemaObject | false {
    if (schema === false) return false;
    if (schema === true) return {};
    if (depth > constrainLimits.depth) throw constraintRefusal(place, "references that come to an end", "a circle of $ref and allOf");
    if (++this.#spent.made > mostExpressions) throw constraintRefusal(place, "a schema of moderate size", "a larger one");
    const { $ref, allOf, ...rest } = bindingOf(schema);
    const parts = [...((allOf as SchemaOrBoolean[] | undefined) ?? [])];
    if (parts.length > mostParts) throw constraintRefusal(pointer(place, "allOf"), `at most ${mostParts} parts`, `${parts.length}`);
    if ($ref !== undefined) parts.unshift(this.#document.resolve($ref as string, place));
    let whole: SchemaObject = rest;
    for (const part of parts) {
      const flat = this.#flatten(part, place, depth + 1);
      if (flat === false) return false;
      whole = merge(whole, flat, place);
    }
    return whole;
  }

  /** A schema whose allOf, if any, holds only choices that are still to be made. */
  #flat(schema: SchemaObject, place: string): RegularExpression {
    for (const key of ["anyOf", "oneOf"] as const) {
      const options = schema[key] as readonly SchemaOrBoolean[] | undefined;
      if (!options) continue;
      if (key === "oneOf") this.#checkDisjoint(options, place);
      const { [key]: _, ...rest } = schema;
      const hasRest = Object.keys(rest).length > 0;
      return choice(
        ...options.map((o, i) =>
          this.#expression(
            hasRest ? (o === false ? false : { allOf: [rest, o] }) : o,
            isObject(o) ? this.#document.placeOf(o) : pointer(place, key, i),
          ),
        ),
      );
    }
    if ("allOf" in schema) return this.#expression(schema, place);
    if ("enum" in schema || "const" in schema) return this.#values(schema, place);
    const types = this.#types(schema);
    if (types.includes("number") && types.includes("integer")) types.splice(types.indexOf("integer"), 1);
    if (types.length === typeNames.length - 1 && Object.keys(schema).every(k => k === "type")) return rule("any");
    return choice(...types.map(t => this.#typed(t, schema, place)));
  }

  #types(schema: SchemaObject): TypeName[] {
    if (schema.type !== undefined) return [schema.type as TypeName | TypeName[]].flat();
    const implied = typeNames.filter(t => typeKeywords[t]?.some(k => k in schema));
    return implied.length > 0 ? implied : [...typeNames];
  }

  #checkDisjoint(options: readonly SchemaOrBoolean[], place: string): void {
    const flat = options.map(o => this.#flatten(o, place, 0));
    const flatten = (s: SchemaOrBoolean) => this.#flatten(s, place, 0);
    if (flat.length > mostParts) throw constraintRefusal(pointer(place, "oneOf"), `at most ${mostParts} options`, `${flat.length}`);
    for (let i = 0; i < flat.length; i++)
      for (let j = 0; j < i; j++)
        if (!areDisjoint(flat[i]!, flat[j]!, flatten, 0))
          throw constraintRefusal(
            pointer(place, "oneOf"),
            "options of which only one can hold (other types, or a required property with other constants)",
            `options ${j} and ${i}, which may hold together`,
            "Use anyOf.",
          );
  }

  /** enum and const: those values that the other keywords allow. */
  #values(schema: SchemaObject, place: string): RegularExpression {
    const { enum: listed, const: only, ...others } = schema;
    const rest: Record<string, unknown> = others;
    let values = "const" in schema ? [only] : (listed as unknown[]);
    if ("const" in schema && listed) values = (listed as unknown[]).filter(v => JSON.stringify(v) === JSON.stringify(only));
    if (rest.type !== undefined) values = values.filter(v => isOfType(v, [rest.type as string | string[]].flat()));
    else if (Object.keys(rest).length > 0) rest.type = this.#types(rest);
    if (Object.keys(rest).some(k => k !== "type")) {
      if (++this.#spent.enums > mostEnums) throw constraintRefusal(place, `at most ${mostEnums} enums beside other keywords`, "more");
      const compact = new SchemaCompiler(this.#document, "compact", this.#spent).grammar(this.#document.derive(rest, place));
      const siblings = new Recogniser(compileGrammar(compact, place), place);
      values = values.filter(v => {
        siblings.work = constrainLimits.work;
        return siblings.read(siblings.start, Buffer.from(JSON.stringify(v)))?.isAccepting;
      });
    }
    const isSimple = (v: unknown) => v === null || typeof v !== "object";
    const nested = values.filter(v => !isSimple(v)).map(v => literal(v, this.#p));
    return choice(
      oneOfTexts(
        values.filter(isSimple).map(v => JSON.stringify(v)),
        place,
      ),
      ...nested,
    );
  }

  #typed(type: TypeName, schema: SchemaObject, place: string): RegularExpression {
    if (!(typeKeywords[type === "integer" ? "number" : type] ?? []).some(k => k in schema)) return rule(type);
    switch (type) {
      case "object":
        return this.#object(schema, place);
      case "array":
        return this.#array(schema, place);
      case "string":
        return this.#string(schema, place);
      case "integer":
      case "number": {
        const bounds = Object.fromEntries(typeKeywords.number!.map(k => [k, schema[k] as number | undefined]));
        return this.#later(`${type} ${JSON.stringify(bounds)}`, () =>
          automatonGraph(this.#spend(boundedNumber(type, bounds, place), place)),
        );
      }
      default:
        return rule(type);
    }
  }

  /** Conditions on a text, each as an automaton over its characters. */
  #conditions(schema: SchemaObject, place: string): Automaton[] {
    const out: Automaton[] = [];
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema as { minLength?: number; maxLength?: number };
    for (const source of [schema.pattern ?? []].flat() as string[]) {
      const at = pointer(place, "pattern");
      const any = repeatText(anyCharacter, 0);
      out.push(this.#spend(automatonOfExpression(sequence(any, parseRegularExpression(source, at), any), at), at));
    }
    for (const format of [schema.format ?? []].flat() as string[])
      out.push(this.#spend(automatonOfExpression(this.#format(format, place), place), place));
    if (minLength > 0 || maxLength < Number.POSITIVE_INFINITY) out.push(lengths(minLength, maxLength, pointer(place, "maxLength")));
    return out;
  }

  #format(format: string, place: string): RegularExpression {
    const source = Object.hasOwn(stringFormats, format) ? stringFormats[format] : undefined;
    if (source === undefined)
      throw constraintRefusal(
        pointer(place, "format"),
        `one of ${Object.keys(stringFormats).join(", ")}`,
        `"${format}"`,
        "Use a pattern, or leave it out.",
      );
    return parseRegularExpression(source, pointer(place, "format"));
  }

  #string(schema: SchemaObject, place: string): RegularExpression {
    const {
      minLength = 0,
      maxLength = Number.POSITIVE_INFINITY,
      pattern,
      format,
    } = schema as {
      minLength?: number;
      maxLength?: number;
      pattern?: string | string[];
      format?: string | string[];
    };
    if (maxLength < minLength) return noText;
    const conditions = [pattern ?? [], format ?? []].flat();
    const hasLength = minLength > 0 || maxLength < Number.POSITIVE_INFINITY;
    if (conditions.length === 0)
      return this.#later(`string ${minLength} ${maxLength}`, () => quoted(repeatText(freeCharacter, minLength, maxLength)));
    if (conditions.length === 1 && !hasLength) {
      if (typeof format === "string") return this.#later(`format ${format}`, () => quoted(inJson(this.#format(format, place))));
      const source = conditions[0]!;
      const at = pointer(place, "pattern");
      const { rest, start, end } = withoutOuterAnchors(parseRegularExpression(source, at));
      const any = repeatText(anyCharacter, 0);
      if (!hasAnchor(rest))
        return this.#later(`pattern ${source}`, () => quoted(inJson(sequence(start ? empty : any, rest, end ? empty : any))));
    }
    const all = this.#spend(intersect(this.#conditions(schema, place), place), place);
    return this.#later(`string ${JSON.stringify([minLength, maxLength, pattern, format])}`, () =>
      quoted(automatonGraph(all, jsonCharacter)),
    );
  }

  #array(schema: SchemaObject, place: string): RegularExpression {
    const {
      minItems = 0,
      maxItems = Number.POSITIVE_INFINITY,
      items = true,
      prefixItems = [],
    } = schema as {
      minItems?: number;
      maxItems?: number;
      items?: SchemaOrBoolean;
      prefixItems?: readonly SchemaOrBoolean[];
    };
    if (maxItems < minItems) return noText;
    const { open, close, comma } = this.#p;
    const at = (s: SchemaOrBoolean, ...keys: (string | number)[]): string =>
      isObject(s) ? this.#document.placeOf(s) : pointer(place, ...keys);
    const ends = new Set<number>();
    const edges: { by: RegularExpression; to: number }[][] = [];
    const first = prefixItems.slice(0, Math.min(prefixItems.length, maxItems));
    for (const [i, s] of first.entries()) {
      const item = this.#expression(s, at(s, "prefixItems", i));
      edges.push([{ by: i === 0 ? item : sequence(comma, item), to: i + 1 }]);
      if (i >= minItems) ends.add(i);
    }
    const n = first.length;
    const most = maxItems - n;
    const least = Math.max(0, minItems - n);
    const rest: { by: RegularExpression; to: number }[] = [];
    if (least === 0) ends.add(n);
    if (most > 0 && items !== false) {
      const item = this.#shared(items, at(items, "items"));
      const more = (min: number, max: number) => repeatText(sequence(comma, item), min, max);
      if (n > 0) rest.push({ by: more(Math.max(1, least), most), to: n + 1 });
      else rest.push({ by: most === 1 ? item : sequence(item, more(Math.max(0, least - 1), most - 1)), to: n + 1 });
      ends.add(n + 1);
    }
    edges.push(rest, []);
    return sequence(open("["), { kind: "graph", edges, ends }, close("]"));
  }

  /** A schema's expression for use in several places: a rule. */
  #shared(schema: SchemaOrBoolean, place: string): RegularExpression {
    const e = this.#expression(schema, place);
    return e.kind === "rule" ? e : this.#later(`shared ${place} ${this.#spent.made}`, () => e);
  }

  #object(schema: SchemaObject, place: string): RegularExpression {
    const {
      properties = {},
      required = [],
      additionalProperties = true,
      propertyNames = true,
      maxProperties = Number.POSITIVE_INFINITY,
    } = schema as {
      properties?: Readonly<Record<string, SchemaOrBoolean>>;
      required?: readonly string[];
      additionalProperties?: SchemaOrBoolean;
      propertyNames?: SchemaOrBoolean;
      maxProperties?: number;
    };
    const { open, close, comma, colon } = this.#p;
    const isNeeded = new Set(required);
    const declared = new Map(Object.entries(properties));
    for (const name of required) if (!declared.has(name)) declared.set(name, additionalProperties);
    const names = this.#propertyNames(propertyNames, place);
    const members = [...declared].filter(
      ([name, s]) => isNeeded.has(name) || (s !== false && (names === undefined || names.every(a => accepts(a, name)))),
    );
    if (names && members.some(([name]) => !names.every(a => accepts(a, name)))) return noText;
    let extras = additionalProperties === false ? 0 : Number.POSITIVE_INFINITY;
    if (maxProperties < Number.POSITIVE_INFINITY) {
      if (members.some(([name]) => !isNeeded.has(name)) && (extras > 0 || maxProperties < members.length))
        throw constraintRefusal(
          pointer(place, "maxProperties"),
          "maxProperties only where every named property is required",
          `${maxProperties}`,
        );
      extras = Math.min(extras, maxProperties - members.length);
      if (extras < 0) return noText;
    }

    // states: 2 i + 1 where something stands before member i, 2 i where nothing does; then one a member, after the comma
    const n = members.length;
    const key = (i: number): number => 2 * (n + 1) + i;
    const edges: { by: RegularExpression; to: number }[][] = Array.from({ length: 2 * (n + 1) + n + 2 }, () => []);
    for (const [i, [name, s]] of members.entries()) {
      const at = isObject(s) ? this.#document.placeOf(s) : pointer(place, "properties", name);
      edges[2 * i]!.push({ by: empty, to: key(i) });
      edges[2 * i + 1]!.push({ by: comma, to: key(i) });
      if (!isNeeded.has(name)) for (const k of [0, 1]) edges[2 * i + k]!.push({ by: empty, to: 2 * (i + 1) + k });
      edges[key(i)]!.push({ by: sequence(literalText(JSON.stringify(name)), colon, this.#expression(s, at)), to: 2 * (i + 1) + 1 });
    }
    const extra = key(n);
    const last = key(n) + 1;
    const ends = new Set([2 * n, 2 * n + 1]);
    if (extras > 0) {
      const value = this.#expression(additionalProperties, pointer(place, "additionalProperties"));
      const name = names === undefined && declared.size === 0 ? rule("string") : this.#extraName([...declared.keys()], names ?? [], place);
      const member = this.#later(`extra ${place} ${this.#spent.made}`, () => sequence(name, colon, value));
      edges[2 * n]!.push({ by: empty, to: extra });
      edges[2 * n + 1]!.push({ by: comma, to: extra });
      edges[extra]!.push({ by: extras === 1 ? member : sequence(member, repeatText(sequence(comma, member), 0, extras - 1)), to: last });
      ends.add(last);
    }
    return sequence(open("{"), { kind: "graph", edges, ends }, close("}"));
  }

  #extraName(declared: readonly string[], names: readonly Automaton[], place: string): RegularExpression {
    const all = this.#spend(intersect([allBut(declared, place), ...names], place), place);
    return this.#later(`name ${place} ${this.#spent.made}`, () => quoted(automatonGraph(all, jsonCharacter)));
  }

  /** Conditions on the names of properties; undefined where there are none. */
  #propertyNames(schema: SchemaOrBoolean, place: string): Automaton[] | undefined {
    const at = pointer(place, "propertyNames");
    const flat = this.#flatten(schema, at, 0);
    if (flat === false) return [automatonOfExpression(noText, at)];
    const { type, enum: listed, const: only, minLength: _, maxLength: __, pattern: ___, format: ____, ...rest } = flat;
    const strange = Object.keys(rest)[0];
    if (strange !== undefined) throw constraintRefusal(pointer(at, strange), "conditions on a text", `"${strange}"`);
    if (type !== undefined && ![type].flat().includes("string")) return [automatonOfExpression(noText, at)];
    const out = this.#conditions(flat, at);
    const values = "const" in flat ? [only] : (listed as unknown[] | undefined);
    if (values)
      out.push(automatonOfExpression(choice(...values.filter(v => typeof v === "string").map(v => literalText(v as string))), at));
    return out.length === 0 ? undefined : out;
  }
}

interface SchemaOptions {
  readonly style?: Style;
  /** OpenAI's strict rules: the root an object, every object closed and all of its properties required. */
  readonly strict?: boolean;
}

/** The grammar of a schema's valid texts. Errors: text/constraint at `parameter#/pointer`. */
export function schemaGrammar(schema: unknown, parameter: string, { style = "compact", strict = false }: SchemaOptions = {}): Grammar {
  const document = new SchemaDocument(schema, parameter);
  if (strict) document.checkStrict();
  return new SchemaCompiler(document, style).grammar();
}
