/**
 * Objects: named properties in the schema's order, then others, those in classes by the patterns that their names match. Where they are counted
 * (minProperties, maxProperties) or one of a kind must be among them, the states of the graph know so too; where a name that came twice would
 * make the count wrong, names are compared while a text is read. An object with `properties` that says nothing of others gets no others.
 */
import { type Automaton, accepts, allBut, automatonGraph, intersect } from "../automaton.ts";
import { complementOf, determinise } from "../determinise.ts";
import { choice, empty, literalText, type RegularExpression, repeatText, sequence, track } from "../expression.ts";
import { beyondAutomata, constraintRefusal } from "../refuse.ts";
import type { SomeProperty } from "./binding.ts";
import type { Compiler } from "./compiler.ts";
import { pointer } from "./document.ts";
import { jsonCharacter, quoted } from "./json-text.ts";
import type { SchemaObject, SchemaOrBoolean } from "./keywords.ts";
import { namesAutomaton, patternAutomaton } from "./strings.ts";

/** Patterns of names that are kept apart: each doubles the classes. */
const mostPatterns = 5;
/** States of the automata of all classes of names of one object. */
const mostClassStates = 3000;
/** Properties of a kind that must be there. */
const mostWitnesses = 3;
/** States of a counted object. */
const mostStates = 20_000;
/** Characters of names that are counted. */
const longestCounted = 500;
/** A run of properties that may all be left out is looked at in whole at every step. */
const mostOptional = 4000;

type Named = Readonly<Record<string, SchemaOrBoolean>>;

interface ObjectKeywords {
  readonly properties?: Named;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaOrBoolean;
  readonly patternProperties?: Named;
  readonly propertyNames?: SchemaOrBoolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly "some!"?: readonly SomeProperty[];
}

interface Member {
  readonly name: string;
  readonly schema: SchemaOrBoolean;
  readonly isNeeded: boolean;
  readonly place: string;
}

/** Other properties whose names have something in common. */
interface ExtraClass {
  readonly name: RegularExpression;
  /** Different names, counted to some thousands. */
  readonly size: number;
  readonly schema: SchemaOrBoolean;
  readonly place: string;
  /** Bits of the wanted properties that one of these could be. */
  readonly fits: number;
}

interface Pattern {
  readonly source: string;
  readonly names: Automaton;
  readonly schema: SchemaOrBoolean;
}

/** States from which an end can be reached. */
function aliveStates({ edges, ends }: Automaton): ReadonlySet<number> {
  const before: number[][] = edges.map(() => []);
  for (const [s, out] of edges.entries()) for (const { to } of out) before[to]!.push(s);
  const alive = new Set(ends);
  for (const s of alive) for (const b of before[s]!) alive.add(b);
  return alive;
}

/** Different texts of an automaton, exact up to `most`; Infinity where it may go on for ever, or is too long to be counted. */
function sizeOfAutomaton(a: Automaton, place: string, most: number): number {
  const apart = determinise(a, place);
  const alive = aliveStates(apart);
  const sizes = new Map<number, number>();
  const path = new Set<number>();
  const size = (s: number): number => {
    const known = sizes.get(s);
    if (known !== undefined) return known;
    if (path.has(s) || path.size > longestCounted) return Number.POSITIVE_INFINITY;
    path.add(s);
    let n = apart.ends.has(s) ? 1 : 0;
    for (const { set, to } of apart.edges[s]!) {
      if (n > most) break;
      if (alive.has(to)) n += size(to) * set.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    }
    path.delete(s);
    sizes.set(s, n);
    return n;
  };
  return alive.has(0) ? size(0) : 0;
}

class ObjectCompiler {
  readonly #schema: ObjectKeywords;
  readonly #place: string;
  readonly #c: Compiler;
  readonly #members: readonly Member[];
  readonly #patterns: readonly Pattern[];
  readonly #names: Automaton | undefined;
  readonly #wanted: readonly SomeProperty[];
  readonly #rest: SchemaOrBoolean;
  readonly #least: number;
  readonly #most: number;
  /** Where a required property is not allowed. */
  readonly isImpossible: boolean;

  constructor(schema: ObjectKeywords, place: string, c: Compiler) {
    this.#schema = schema;
    this.#place = place;
    this.#c = c;
    const { additionalProperties = true, minProperties = 0, maxProperties = Number.POSITIVE_INFINITY, "some!": wanted = [] } = schema;
    this.#names = schema.propertyNames === undefined ? undefined : namesAutomaton(schema.propertyNames, pointer(place, "propertyNames"), c);
    const { patterns, isRelaxed } = this.#readPatterns();
    this.#patterns = patterns;
    // patterns alone: names that match none are valid, but nobody who writes a dictionary this way (Pydantic) means them
    const isDictionary = !isRelaxed && patterns.length > 0 && !("properties" in schema) && !("additionalProperties" in schema);
    this.#rest = isRelaxed ? true : isDictionary || this.#closes() ? false : additionalProperties;
    this.#wanted = wanted.slice(0, mostWitnesses);
    if (wanted.length > mostWitnesses) c.relax(place, "not");
    const members = this.#readMembers();
    this.isImpossible = members.some(m => m.isNeeded && m.schema === false);
    this.#members = members.filter(m => m.schema !== false);
    const counts = Math.max(minProperties, maxProperties < Number.POSITIVE_INFINITY ? maxProperties : 0);
    const isCounted = minProperties > 0 || maxProperties < Number.POSITIVE_INFINITY;
    const isLarge = isCounted && this.#members.length * Math.min(counts, this.#members.length) * 2 ** this.#wanted.length > mostStates;
    if (isLarge) c.relax(place, minProperties > 0 ? "minProperties" : "maxProperties");
    this.#least = isLarge ? 0 : minProperties;
    this.#most = isLarge ? Number.POSITIVE_INFINITY : maxProperties;
  }

  /**
   * Objects with named properties that leave additionalProperties out are closed, as by llama.cpp and vLLM: a small model would go on with names of its
   * own until its tokens are spent. Not where other names are spoken of, or needed; a schema that only forbids names says nothing of those it wants.
   */
  #closes(): boolean {
    const { properties, required = [], minProperties = 0 } = this.#schema;
    if (!this.#c.isClosing || properties === undefined) return false;
    if (["additionalProperties", "patternProperties", "propertyNames", "some!"].some(k => k in this.#schema)) return false;
    const names = Object.keys(properties);
    const possible = names.filter(n => properties[n] !== false);
    return (
      (possible.length > 0 || names.length === 0) && possible.length >= minProperties && required.every(n => Object.hasOwn(properties, n))
    );
  }

  #readPatterns(): { readonly patterns: readonly Pattern[]; readonly isRelaxed: boolean } {
    const given = Object.entries(this.#schema.patternProperties ?? {});
    const at = pointer(this.#place, "patternProperties");
    const patterns = given.slice(0, mostPatterns).flatMap(([source, schema]): Pattern[] => {
      const names = this.#c.orRelax<Automaton | undefined>(
        () => this.#c.spend(patternAutomaton(source, pointer(at, source)), at),
        this.#place,
        "patternProperties",
        undefined,
      );
      return names ? [{ source, names, schema }] : [];
    });
    if (given.length > mostPatterns) this.#c.relax(this.#place, "patternProperties");
    // a name that only a relaxed pattern allows must stay possible
    return { patterns, isRelaxed: patterns.length < given.length };
  }

  #readMembers(): Member[] {
    const { properties = {}, required = [] } = this.#schema;
    const isNeeded = new Set(required);
    const declared = new Map(Object.entries(properties));
    const schemaOf = (name: string): SchemaOrBoolean => {
      const own = declared.get(name);
      const like = this.#patterns.filter(p => accepts(p.names, name)).map(p => p.schema);
      if (own !== undefined) return like.length === 0 ? own : allOf([own, ...like]);
      return like.length === 0 ? this.#rest : allOf(like);
    };
    return [...new Set([...declared.keys(), ...required])].map(name => {
      const schema = this.#names && !accepts(this.#names, name) ? false : schemaOf(name);
      const at = declared.has(name) ? ["properties", name] : ["additionalProperties"];
      return { name, schema, isNeeded: isNeeded.has(name), place: this.#c.placeOf(declared.get(name) ?? schema, this.#place, ...at) };
    });
  }

  /** Bits of the wanted properties that a name can be. */
  #fitsOf(name: string): number {
    return this.#wanted.reduce((bits, w, i) => bits | (this.#isLike(w, name) ? 1 << i : 0), 0);
  }
  #isLike(w: SomeProperty, name: string): boolean {
    if (w.except.includes(name)) return false;
    const at = pointer(this.#place, "patternProperties");
    if (w.unlike.some(p => accepts(patternAutomaton(p, at), name)) || !w.like.every(p => accepts(patternAutomaton(p, at), name)))
      return false;
    const named = w.misnamed === undefined ? undefined : namesAutomaton(w.misnamed, at, this.#c);
    return w.misnamed === undefined || (named !== undefined && !accepts(named, name));
  }

  get #declared(): readonly string[] {
    const { properties = {}, required = [] } = this.#schema;
    return [...new Set([...Object.keys(properties), ...required])];
  }

  /** Other properties of any name and value, where their patterns are relaxed. */
  #anyExtras(): ExtraClass[] {
    const at = this.#place;
    const all = allBut(this.#declared, at);
    const name = this.#c.later(this.#c.freshName("name", at), () => quoted(automatonGraph(all, jsonCharacter)));
    return [{ name, size: Number.POSITIVE_INFINITY, schema: true, place: at, fits: 2 ** this.#wanted.length - 1 }];
  }

  /** Names of other properties by what they match: each pattern, each kind that is wanted. */
  #extraClasses(): ExtraClass[] {
    if (this.#rest === false && this.#patterns.length === 0) return [];
    const at = this.#place;
    const declared = this.#declared;
    const base = [...(declared.length > 0 ? [allBut(declared, at)] : []), ...(this.#names ? [this.#names] : [])];
    const kinds: { readonly names: Automaton; readonly pattern?: Pattern; readonly bit: number }[] = [
      ...this.#patterns.map(p => ({ names: p.names, pattern: p, bit: 0 })),
      ...this.#wanted.flatMap((w, i) => {
        const parts = this.#namesOfWanted(w);
        return parts.length === 0 ? [] : [{ names: intersect(parts, at), bit: 1 << i }];
      }),
    ];
    const always = this.#wanted.reduce((bits, w, i) => bits | (this.#namesOfWanted(w).length === 0 ? 1 << i : 0), 0);
    const out: ExtraClass[] = [];
    let states = 0;
    for (let mask = 0; mask < 2 ** kinds.length; mask++) {
      const inside = kinds.filter((_, i) => mask & (1 << i));
      const like = inside.flatMap(k => (k.pattern ? [k.pattern.schema] : []));
      const schema = like.length === 0 ? this.#rest : allOf(like);
      if (schema === false) continue;
      const place = this.#c.placeOf(schema, at, like.length === 0 ? "additionalProperties" : "patternProperties");
      const parts = [...base, ...kinds.map((k, i) => (mask & (1 << i) ? k.names : complementOf(k.names, at)))];
      const fits = inside.reduce((bits, k) => bits | k.bit, always);
      if (parts.length === 0) {
        const name = this.#c.free("string", this.#c.isCanonical || this.#least > 0);
        out.push({ name, size: Number.POSITIVE_INFINITY, schema, place, fits });
        continue;
      }
      const all = this.#c.spend(intersect(parts, at), at);
      states += all.edges.length;
      if (kinds.length > 0 && states > mostClassStates)
        throw beyondAutomata(at, `classes of names of at most ${mostClassStates} states`, "more", "Use fewer patterns.");
      const size = this.#least > 0 || kinds.length > 0 ? sizeOfAutomaton(all, at, 5000) : Number.POSITIVE_INFINITY;
      if (size === 0) continue;
      const name = this.#c.later(this.#c.freshName("name", at), () => quoted(automatonGraph(all, jsonCharacter)));
      out.push({ name, size, schema, place, fits });
    }
    return out;
  }

  /** Conditions on the name of a wanted property. */
  #namesOfWanted(w: SomeProperty): Automaton[] {
    const at = this.#place;
    const named = w.misnamed === undefined ? undefined : namesAutomaton(w.misnamed, at, this.#c);
    return [
      ...(w.except.length > 0 ? [allBut(w.except, at)] : []),
      ...w.like.map(p => patternAutomaton(p, at)),
      ...w.unlike.map(p => complementOf(patternAutomaton(p, at), at)),
      // where every name is right, none is wrong
      ...(w.misnamed === undefined ? [] : [named ? complementOf(named, at) : { edges: [[]], ends: new Set<number>() }]),
    ];
  }

  /** Errors: text/constraint where too many properties beside each other may be left out. */
  #checkRuns(): void {
    let run = 0;
    for (const m of this.#members) {
      run = m.isNeeded ? 0 : run + 1;
      if (run > mostOptional)
        throw constraintRefusal(
          pointer(this.#place, "properties"),
          `at most ${mostOptional} properties beside each other that may be left out`,
          `${this.#members.length} properties`,
          "Require some of them, or group them in objects.",
        );
    }
  }

  expression(): RegularExpression {
    const c = this.#c;
    const { open, close, comma, colon } = c.punctuation;
    const all = c.orRelax(() => this.#extraClasses(), this.#place, "patternProperties", undefined) ?? this.#anyExtras();
    // where names run out, those whose values nothing is valid under must not be counted on
    const classes = this.#least > 0 ? all.filter(k => c.sizeOf(k.schema, k.place, 1) > 0) : all;
    const n = this.#members.length;
    this.#checkRuns();
    const needed = this.#members.filter(m => m.isNeeded).length;
    // schemas that are merged may contradict each other
    if (this.#least > this.#most)
      return c.impossible(pointer(this.#place, "minProperties"), `at most maxProperties, which is ${this.#most}`, `${this.#least}`);
    if (needed > this.#most)
      return c.impossible(pointer(this.#place, "maxProperties"), `at least ${needed}, the number of required properties`, `${this.#most}`);
    const numExtras = classes.reduce((sum, k) => sum + k.size, 0);
    if (n + numExtras < this.#least)
      return c.impossible(
        pointer(this.#place, "minProperties"),
        `at most ${n + numExtras}, the number of possible properties`,
        `${this.#least}`,
      );
    const graph = new ObjectGraph(this.#members, classes, {
      least: this.#least,
      most: this.#most,
      numExtras,
      wanted: this.#wanted,
      fitsOf: name => this.#fitsOf(name),
      comma,
      colon,
      place: this.#place,
      compiler: c,
    }).graph();
    // names of others that come twice would be counted twice
    if (this.#least === 0 || classes.length === 0) return sequence(open("{"), graph, close("}"));
    const item = c.later(c.freshName("any name", this.#place), () => choice(...classes.map(k => k.name)));
    return sequence(open("{"), { kind: "track", op: "enter", item: item.name }, graph, track("leave"), close("}"));
  }
}

const allOf = (all: readonly SchemaOrBoolean[]): SchemaOrBoolean =>
  all.length === 1 ? all[0]! : all.includes(false) ? false : { allOf: all };
interface GraphOptions {
  readonly least: number;
  readonly most: number;
  /** Names that other properties can have. */
  readonly numExtras: number;
  readonly wanted: readonly SomeProperty[];
  readonly fitsOf: (name: string) => number;
  readonly comma: RegularExpression;
  readonly colon: RegularExpression;
  readonly place: string;
  readonly compiler: Compiler;
}

/** States: before member i with so many properties said (counted as far as it matters), and the wanted ones that were there. */
class ObjectGraph {
  readonly #members: readonly Member[];
  readonly #classes: readonly ExtraClass[];
  readonly #o: GraphOptions;
  readonly #edges: { by: RegularExpression; to: number }[][] = [];
  readonly #ends = new Set<number>();
  readonly #indices = new Map<string, number>();
  readonly #queue: {
    readonly kind: "at" | "key";
    readonly i: number;
    readonly count: number;
    readonly had: number;
    readonly state: number;
  }[] = [];
  readonly #cap: number;
  readonly #all: number;
  readonly #fits: readonly number[];
  /** Each member stands in one place of the graph only. */
  readonly #isPlain: boolean;
  readonly #isTracked: boolean;
  #extra: RegularExpression | undefined;

  constructor(members: readonly Member[], classes: readonly ExtraClass[], options: GraphOptions) {
    this.#members = members;
    this.#classes = classes;
    this.#o = options;
    const { least, most, wanted } = options;
    this.#cap = Math.max(1, least, most < Number.POSITIVE_INFINITY ? Math.min(most, members.length + wanted.length) + 1 : 0);
    this.#all = 2 ** wanted.length - 1;
    this.#fits = wanted.length > 0 ? members.map(m => options.fitsOf(m.name)) : [];
    this.#isPlain = this.#cap === 1 && this.#all === 0;
    this.#isTracked = least > 0 && classes.length > 0;
  }

  #state(kind: "at" | "key", i: number, count: number, had: number): number {
    const key = `${kind} ${i} ${count} ${had}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const state = this.#edges.push([]) - 1;
    this.#indices.set(key, state);
    this.#queue.push({ kind, i, count, had, state });
    return state;
  }

  graph(): RegularExpression {
    this.#state("at", 0, 0, 0);
    for (let q = 0; q < this.#queue.length; q++) {
      const { kind, i, count, had, state } = this.#queue[q]!;
      if (kind === "key") this.#value(i, count, had, state);
      else if (i < this.#members.length) this.#member(i, count, had, state);
      else if (i === this.#members.length) this.#extras(count, had, state);
    }
    return { kind: "graph", edges: this.#edges, ends: this.#ends };
  }

  #after(count: number): number {
    return Math.min(count + 1, this.#cap);
  }

  #member(i: number, count: number, had: number, state: number): void {
    const to = this.#edges[state]!;
    // beyond `most` nothing more may come; a count at its cap is at least that
    if (count < this.#o.most) to.push({ by: count === 0 ? empty : this.#o.comma, to: this.#state("key", i, this.#after(count), had) });
    if (!this.#members[i]!.isNeeded) to.push({ by: empty, to: this.#state("at", i + 1, count, had) });
  }

  #value(i: number, count: number, had: number, state: number): void {
    const { name, schema, place } = this.#members[i]!;
    const { colon, compiler: c } = this.#o;
    for (const { also, now } of this.#waysOf(this.#fits[i] ?? 0, had)) {
      const whole = also.length === 0 ? schema : allOf([schema, ...also]);
      const value = this.#isPlain ? c.expression(whole, place) : c.shared(whole, place);
      this.#edges[state]!.push({ by: sequence(literalText(JSON.stringify(name)), colon, value), to: this.#state("at", i + 1, count, now) });
    }
  }

  /** Wanted properties that one could be: each choice of them, with what the value must be valid under. */
  *#waysOf(fits: number, had: number): Generator<{ readonly also: readonly SchemaOrBoolean[]; readonly now: number }, void, undefined> {
    const open = fits & this.#all & ~had;
    const free = this.#o.wanted.reduce((bits, w, i) => bits | (open & (1 << i) && w.schema === true ? 1 << i : 0), 0);
    for (let bits = 0; bits <= open; bits++) {
      if ((bits & ~open) !== 0 || (bits & free) !== free) continue;
      yield { also: this.#o.wanted.flatMap((w, i) => (bits & (1 << i) && w.schema !== true ? [w.schema] : [])), now: had | bits };
    }
  }

  /** Other properties after all members: in loops once nothing is wanted any more, and till then one by one. */
  #extras(count: number, had: number, state: number): void {
    const { least, most, comma } = this.#o;
    const to = this.#edges[state]!;
    const isDone = had === this.#all;
    if (isDone && count >= least) this.#ends.add(state);
    if (this.#classes.length === 0 || count >= most || count + this.#o.numExtras < least) return;
    const start = count === 0 ? empty : comma;
    const more = this.#isTracked ? track("more") : empty;
    if (!isDone) {
      for (const k of this.#classes)
        for (const { also, now } of this.#waysOf(k.fits, had)) {
          const member = this.#extraMember(k, also);
          to.push({ by: sequence(more, start, member), to: this.#state("at", this.#members.length, this.#after(count), now) });
        }
      return;
    }
    const member = this.#anyExtra();
    const min = Math.max(1, least - count);
    const max = most - count;
    const last = this.#state("at", this.#members.length + 1, 0, 0);
    this.#ends.add(last);
    const rest = repeatText(sequence(more, comma, member), min - 1, max - 1);
    to.push({ by: max === 1 ? sequence(more, start, member) : sequence(more, start, member, rest), to: last });
  }

  #anyExtra(): RegularExpression {
    if (this.#extra) return this.#extra;
    const members = this.#classes.map(k => this.#extraMember(k, []));
    const any = choice(...members);
    const { compiler: c, place } = this.#o;
    // marks must stand in sight of the list that they belong to
    this.#extra = this.#isTracked ? any : c.later(c.freshName("extra", place), () => any);
    return this.#extra;
  }

  #extraMember(k: ExtraClass, also: readonly SchemaOrBoolean[]): RegularExpression {
    const { compiler: c, colon } = this.#o;
    const value = also.length === 0 && !this.#isTracked ? c.expression(k.schema, k.place) : c.shared(allOf([k.schema, ...also]), k.place);
    return this.#isTracked ? sequence(track("begin"), k.name, track("end"), colon, value) : sequence(k.name, colon, value);
  }
}

export function objectExpression(schema: SchemaObject, place: string, c: Compiler): RegularExpression {
  const object = new ObjectCompiler(schema as ObjectKeywords, place, c);
  if (object.isImpossible) return c.impossible(pointer(place, "required"), "names of properties that are allowed", "one that is forbidden");
  return object.expression();
}
