/**
 * What the words of a Cedar policy mean here. A request is, in Cedar's words: a principal `User::"ann"` or `ServiceAccount::"mailer"` in its
 * `Team`s, `Role`s and `Organisation`; an action `Action::"chat"`, called as endpoints are; a resource `Model::"mail"` with the attribute `name`
 * (`Gateway::"gateway"` where none is asked for); and a context with the parameters by their names, `label` and `dataClass`.
 */
import { type Endpoint, endpoints } from "../../endpoints.ts";
import { addressParameters, answerTokens, listParameters } from "../../policy/parameters.ts";
import type { Bound } from "../../policy/rules.ts";
import { type CedarClause, type Sides, unknownAt, unknownSides } from "./cedar-clauses.ts";
import type { EntityName, Expression } from "./cedar-text.ts";

const accountTypes: readonly string[] = ["User", "ServiceAccount"];
const groupTypes: Readonly<Record<string, "teams" | "roles" | "organisations">> = {
  Team: "teams",
  Role: "roles",
  Organisation: "organisations",
};

/** Whole numbers. */
const numbers: readonly string[] = [...answerTokens, ...listParameters, "top_k", "n", "best_of", "seed", "top_logprobs"];
/** Numbers with a point, in Cedar decimals. */
const decimals: readonly string[] = ["temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty"];
const truths: readonly string[] = ["stream", "parallel_tool_calls", "store"];
const words: readonly string[] = [
  "reasoning_effort",
  "service_tier",
  "response_format.type",
  "text.format.type",
  "reasoning.effort",
  "tool_choice",
  ...addressParameters,
];
const lists = { label: "labels", dataClass: "dataClasses" } as const;

export const isTruth = (name: string): boolean => truths.includes(name);

/** Names as policies here may have them. */
const isName = (name: string): boolean => name.length > 0 && name.length <= 256;
const isVariable = (e: Expression, name: string): boolean => e.kind === "variable" && e.name === name;
const contextName = (e: Expression): string | undefined => (e.kind === "member" && isVariable(e.of, "context") ? e.name : undefined);
const isModelName = (e: Expression): boolean => e.kind === "member" && e.name === "name" && isVariable(e.of, "resource");

const bound = (name: string, given: Bound): CedarClause => ({ bounds: { [name]: given }, present: [name] });
const never: Sides = { yes: [], no: [{}], isTotal: true };

/** An atom: no part of it is a condition of its own. */
export const atomOf = (e: Expression, source: string, namespace: string): Sides => new Atom(e, source, namespace).sides();

class Atom {
  readonly #e: Expression;
  readonly #source: string;
  readonly #namespace: string;

  constructor(e: Expression, source: string, namespace: string) {
    this.#e = e;
    this.#source = source;
    this.#namespace = namespace;
  }

  #unknown(isTotal = false): Sides {
    return unknownSides(this.#e, this.#source, isTotal);
  }

  /** True where a clause holds; where it is false nothing here can say. */
  #only(clause: CedarClause, isTotal: boolean): Sides {
    return { yes: [clause], no: [unknownAt(this.#e, this.#source)], isTotal };
  }

  #typeOf({ type }: EntityName): string {
    return type.startsWith(this.#namespace) ? type.slice(this.#namespace.length) : `::${type}`;
  }

  /** Of a variable: `== X` or `in X`, each of several. */
  #within(variable: string, named: readonly EntityName[], isExact: boolean): Sides {
    if (named.length === 0) return never;
    if (variable === "action") return this.#actions(named);
    if (variable === "resource") {
      const isModel = named.every(n => this.#typeOf(n) === "Model" && isName(n.id) && !n.id.includes("*"));
      return isModel ? this.#only({ models: named.map(n => n.id) }, true) : this.#unknown(true);
    }
    if (variable !== "principal") return this.#unknown();
    const clauses: CedarClause[] = [];
    for (const n of named) {
      const type = this.#typeOf(n);
      const group = Object.hasOwn(groupTypes, type) ? groupTypes[type] : undefined;
      const kind = accountTypes.includes(type) ? "subjects" : isExact ? undefined : group;
      if (!kind || !isName(n.id)) return this.#unknown(true);
      const [before] = clauses.filter(c => c[kind]);
      if (before) clauses[clauses.indexOf(before)] = { [kind]: [...before[kind]!, n.id] };
      else clauses.push({ [kind]: [n.id] });
    }
    return { yes: clauses, no: [unknownAt(this.#e, this.#source)], isTotal: true };
  }

  #actions(named: readonly EntityName[]): Sides {
    const known = endpoints.filter(name => named.some(n => this.#typeOf(n) === "Action" && n.id === name));
    const isKnown = (n: EntityName) => this.#typeOf(n) === "Action" && endpoints.some(name => name === n.id);
    const strange = named.every(isKnown) ? [] : [unknownAt(this.#e, this.#source)];
    const clauses = (of: readonly Endpoint[]): CedarClause[] => (of.length > 0 ? [{ endpoints: of }] : []);
    return {
      yes: [...clauses(known), ...strange],
      no: [...clauses(endpoints.filter(name => !known.includes(name))), ...strange],
      isTotal: true,
    };
  }

  /** One of these values. */
  #among(left: Expression, values: readonly (boolean | number | string)[]): Sides {
    const texts = values.filter(v => typeof v === "string");
    const areTexts = texts.length === values.length;
    if (isModelName(left))
      return areTexts && texts.every(t => isName(t) && !t.includes("*")) ? this.#only({ models: texts }, false) : this.#unknown();
    const name = contextName(left);
    if (name === undefined || values.length === 0) return this.#unknown();
    if (name === "label" || name === "dataClass")
      return areTexts && texts.every(isName) ? this.#only({ [lists[name]]: texts, present: [name] }, false) : this.#unknown();
    if (words.includes(name) && areTexts) return this.#only(bound(name, { oneOf: texts }), false);
    const flags = values.filter(v => typeof v === "boolean");
    if (isTruth(name) && flags.length === values.length) {
      const others = [true, false].filter(v => !flags.includes(v));
      return { yes: [bound(name, { oneOf: flags })], no: others.map(v => bound(name, { oneOf: [v] })), isTotal: false };
    }
    if (!numbers.includes(name) || !values.every(v => Number.isSafeInteger(v))) return this.#unknown();
    const [one, ...more] = values as readonly number[];
    const no = more.length > 0 ? [unknownAt(this.#e, this.#source)] : [bound(name, { max: one! - 1 }), bound(name, { min: one! + 1 })];
    return { yes: [bound(name, { oneOf: [...values] })], no, isTotal: false };
  }

  #compared(left: Expression, how: "<" | "<=" | ">" | ">=", right: Expression): Sides {
    if (left.kind === "value") return this.#compared(right, ({ "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const)[how], left);
    const name = contextName(left);
    if (name === undefined || !numbers.includes(name) || right.kind !== "value" || !Number.isSafeInteger(right.value))
      return this.#unknown();
    const edge = right.value as number;
    const [below, above] = how === "<" || how === ">=" ? [edge - 1, edge] : [edge, edge + 1];
    const sides = { yes: [bound(name, { max: below })], no: [bound(name, { min: above })], isTotal: false };
    return how === "<" || how === "<=" ? sides : { ...sides, yes: sides.no, no: sides.yes };
  }

  sides(): Sides {
    const e = this.#e;
    switch (e.kind) {
      case "value":
        return typeof e.value === "boolean" ? { yes: e.value ? [{}] : [], no: e.value ? [] : [{}], isTotal: true } : this.#unknown();
      case "member": {
        const name = contextName(e);
        return name !== undefined && isTruth(name) ? this.#among(e, [true]) : this.#unknown();
      }
      case "is": {
        const type = this.#typeOf({ type: e.type, id: "" });
        // which kind of account somebody has, policies here do not ask
        return isVariable(e.of, "resource") && type === "Model" && !e.within
          ? this.#only({ models: ["*"] }, true)
          : this.#unknown(!e.within);
      }
      case "like": {
        const [beginning = "", end, ...more] = e.parts;
        const isPrefix = isModelName(e.of) && end === "" && more.length === 0 && beginning.length < 256 && !beginning.includes("*");
        return isPrefix ? this.#only({ models: [`${beginning}*`] }, false) : this.#unknown();
      }
      case "has": {
        const name = e.path.join(".");
        if (!isVariable(e.of, "context") || ![...numbers, ...decimals, ...truths, ...words, ...Object.keys(lists)].includes(name))
          return this.#unknown();
        // a path of several would be through records, which the context has none of
        return e.path.length > 1 ? this.#unknown() : { yes: [{ present: [name] }], no: [{ absent: [name] }], isTotal: true };
      }
      case "call": {
        const [argument] = e.args;
        if (e.of?.kind === "set" && e.name === "contains" && argument) {
          const values = e.of.items.flatMap(item => (item.kind === "value" ? [item.value] : []));
          return values.length === e.of.items.length ? this.#among(argument, values) : this.#unknown();
        }
        return e.of && argument ? this.#decimalBound(e.of, e.name, argument) : this.#unknown();
      }
      case "compare": {
        const { how, left, right } = e;
        if (how === "!=") {
          const { yes, no, isTotal } = atomOf({ ...e, how: "==" }, this.#source, this.#namespace);
          return { yes: no, no: yes, isTotal };
        }
        if (how !== "==" && how !== "in") return this.#compared(left, how, right);
        if (how === "==" && (left.kind === "entity" || left.kind === "value")) return this.#equal(right, left);
        return how === "==" ? this.#equal(left, right) : this.#member(left, right);
      }
      default:
        return this.#unknown();
    }
  }

  #equal(left: Expression, right: Expression): Sides {
    if (left.kind === "variable" && right.kind === "entity") return this.#within(left.name, [right.name], true);
    return right.kind === "value" ? this.#among(left, [right.value]) : this.#unknown();
  }
  #member(left: Expression, right: Expression): Sides {
    const named = right.kind === "set" ? right.items : [right];
    const entities = named.flatMap(n => (n.kind === "entity" ? [n.name] : []));
    return left.kind === "variable" && entities.length === named.length ? this.#within(left.name, entities, false) : this.#unknown();
  }
  /** Bounds are inclusive here, so that of `greaterThan` only its opposite can be said. */
  #decimalBound(of: Expression, method: string, argument: Expression): Sides {
    const name = contextName(of);
    const [said] = argument.kind === "call" && argument.of === undefined && argument.name === "decimal" ? argument.args : [];
    const edge =
      said?.kind === "value" && typeof said.value === "string" && /^-?\d+\.\d{1,4}$/.test(said.value) ? Number(said.value) : undefined;
    if (name === undefined || !decimals.includes(name) || edge === undefined) return this.#unknown();
    const [most, least] = [bound(name, { max: edge }), bound(name, { min: edge })];
    const beyond = [unknownAt(this.#e, this.#source)];
    if (method === "lessThanOrEqual") return { yes: [most], no: beyond, isTotal: false };
    if (method === "greaterThan") return { yes: beyond, no: [most], isTotal: false };
    if (method === "greaterThanOrEqual") return { yes: [least], no: beyond, isTotal: false };
    return method === "lessThan" ? { yes: beyond, no: [least], isTotal: false } : this.#unknown();
  }
}
