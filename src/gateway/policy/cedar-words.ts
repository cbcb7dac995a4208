/**
 * What the words of a Cedar policy mean here. A request is, in Cedar's words: a principal `User::"ann"` or `ServiceAccount::"mailer"` in its
 * `Team`s, `Role`s and `Organisation`; an action `Action::"chat"`, called as endpoints are; a resource `Model::"mail"` with the attribute `name`
 * (`Gateway::"gateway"` where none is asked for); and a context with the parameters by their names, `label` and `dataClass`.
 */
import { type Endpoint, endpoints } from "../contract.ts";
import { type Clause, type Sides, unknownAt, unknownSides } from "./cedar-clauses.ts";
import type { EntityName, Expression } from "./cedar-text.ts";
import { addressParameters, answerTokens, listParameters } from "./parameters.ts";
import type { Bound } from "./rules.ts";

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

const bound = (name: string, given: Bound): Clause => ({ bounds: { [name]: given }, present: [name] });
const never: Sides = { yes: [], no: [{}], isTotal: true };

/** An atom: no part of it is a condition of its own. */
export function atomOf(e: Expression, source: string, namespace: string): Sides {
  const unknown = (isTotal = false): Sides => unknownSides(e, source, isTotal);
  /** True where a clause holds; where it is false nothing here can say. */
  const only = (clause: Clause, isTotal: boolean): Sides => ({ yes: [clause], no: [unknownAt(e, source)], isTotal });
  const typeOf = ({ type }: EntityName): string => (type.startsWith(namespace) ? type.slice(namespace.length) : `::${type}`);

  /** Of a variable: `== X` or `in X`, each of several. */
  const within = (variable: string, named: readonly EntityName[], isExact: boolean): Sides => {
    if (named.length === 0) return never;
    if (variable === "action") return actions(named);
    if (variable === "resource") {
      const isModel = named.every(n => typeOf(n) === "Model" && isName(n.id) && !n.id.includes("*"));
      return isModel ? only({ models: named.map(n => n.id) }, true) : unknown(true);
    }
    if (variable !== "principal") return unknown();
    const clauses: Clause[] = [];
    for (const n of named) {
      const type = typeOf(n);
      const group = Object.hasOwn(groupTypes, type) ? groupTypes[type] : undefined;
      const kind = accountTypes.includes(type) ? "subjects" : isExact ? undefined : group;
      if (!kind || !isName(n.id)) return unknown(true);
      const [before] = clauses.filter(c => c[kind]);
      if (before) clauses[clauses.indexOf(before)] = { [kind]: [...before[kind]!, n.id] };
      else clauses.push({ [kind]: [n.id] });
    }
    return { yes: clauses, no: [unknownAt(e, source)], isTotal: true };
  };
  const actions = (named: readonly EntityName[]): Sides => {
    const known = endpoints.filter(name => named.some(n => typeOf(n) === "Action" && n.id === name));
    const isKnown = (n: EntityName) => typeOf(n) === "Action" && endpoints.some(name => name === n.id);
    const strange = named.every(isKnown) ? [] : [unknownAt(e, source)];
    const clauses = (of: readonly Endpoint[]): Clause[] => (of.length > 0 ? [{ endpoints: of }] : []);
    return {
      yes: [...clauses(known), ...strange],
      no: [...clauses(endpoints.filter(name => !known.includes(name))), ...strange],
      isTotal: true,
    };
  };

  /** One of these values. */
  const among = (left: Expression, values: readonly (boolean | number | string)[]): Sides => {
    const texts = values.filter(v => typeof v === "string");
    const areTexts = texts.length === values.length;
    if (isModelName(left)) return areTexts && texts.every(t => isName(t) && !t.includes("*")) ? only({ models: texts }, false) : unknown();
    const name = contextName(left);
    if (name === undefined || values.length === 0) return unknown();
    if (name === "label" || name === "dataClass")
      return areTexts && texts.every(isName) ? only({ [lists[name]]: texts, present: [name] }, false) : unknown();
    if (words.includes(name) && areTexts) return only(bound(name, { oneOf: texts }), false);
    const flags = values.filter(v => typeof v === "boolean");
    if (isTruth(name) && flags.length === values.length) {
      const others = [true, false].filter(v => !flags.includes(v));
      return { yes: [bound(name, { oneOf: flags })], no: others.map(v => bound(name, { oneOf: [v] })), isTotal: false };
    }
    if (!numbers.includes(name) || !values.every(v => Number.isSafeInteger(v))) return unknown();
    const [one, ...more] = values as readonly number[];
    const no = more.length > 0 ? [unknownAt(e, source)] : [bound(name, { max: one! - 1 }), bound(name, { min: one! + 1 })];
    return { yes: [bound(name, { oneOf: [...values] })], no, isTotal: false };
  };
  const compared = (left: Expression, how: "<" | "<=" | ">" | ">=", right: Expression): Sides => {
    if (left.kind === "value") return compared(right, ({ "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const)[how], left);
    const name = contextName(left);
    if (name === undefined || !numbers.includes(name) || right.kind !== "value" || !Number.isSafeInteger(right.value)) return unknown();
    const edge = right.value as number;
    const [below, above] = how === "<" || how === ">=" ? [edge - 1, edge] : [edge, edge + 1];
    const sides = { yes: [bound(name, { max: below })], no: [bound(name, { min: above })], isTotal: false };
    return how === "<" || how === "<=" ? sides : { ...sides, yes: sides.no, no: sides.yes };
  };

  switch (e.kind) {
    case "value":
      return typeof e.value === "boolean" ? { yes: e.value ? [{}] : [], no: e.value ? [] : [{}], isTotal: true } : unknown();
    case "member": {
      const name = contextName(e);
      return name !== undefined && isTruth(name) ? among(e, [true]) : unknown();
    }
    case "is": {
      const type = typeOf({ type: e.type, id: "" });
      // which kind of account somebody has, policies here do not ask
      return isVariable(e.of, "resource") && type === "Model" && !e.within ? only({ models: ["*"] }, true) : unknown(!e.within);
    }
    case "like": {
      const [beginning = "", end, ...more] = e.parts;
      const isPrefix = isModelName(e.of) && end === "" && more.length === 0 && beginning.length < 256 && !beginning.includes("*");
      return isPrefix ? only({ models: [`${beginning}*`] }, false) : unknown();
    }
    case "has": {
      const name = e.path.join(".");
      if (!isVariable(e.of, "context") || ![...numbers, ...decimals, ...truths, ...words, ...Object.keys(lists)].includes(name))
        return unknown();
      // a path of several would be through records, which the context has none of
      return e.path.length > 1 ? unknown() : { yes: [{ present: [name] }], no: [{ absent: [name] }], isTotal: true };
    }
    case "call": {
      const [argument] = e.args;
      if (e.of?.kind === "set" && e.name === "contains" && argument) {
        const values = e.of.items.flatMap(item => (item.kind === "value" ? [item.value] : []));
        return values.length === e.of.items.length ? among(argument, values) : unknown();
      }
      return e.of && argument ? decimalBound(e.of, e.name, argument) : unknown();
    }
    case "compare": {
      const { how, left, right } = e;
      if (how === "!=") {
        const { yes, no, isTotal } = atomOf({ ...e, how: "==" }, source, namespace);
        return { yes: no, no: yes, isTotal };
      }
      if (how !== "==" && how !== "in") return compared(left, how, right);
      if (how === "==" && (left.kind === "entity" || left.kind === "value")) return equal(right, left);
      return how === "==" ? equal(left, right) : member(left, right);
    }
    default:
      return unknown();
  }

  function equal(left: Expression, right: Expression): Sides {
    if (left.kind === "variable" && right.kind === "entity") return within(left.name, [right.name], true);
    return right.kind === "value" ? among(left, [right.value]) : unknown();
  }
  function member(left: Expression, right: Expression): Sides {
    const named = right.kind === "set" ? right.items : [right];
    const entities = named.flatMap(n => (n.kind === "entity" ? [n.name] : []));
    return left.kind === "variable" && entities.length === named.length ? within(left.name, entities, false) : unknown();
  }
  /** Bounds are inclusive here, so that of `greaterThan` only its opposite can be said. */
  function decimalBound(of: Expression, method: string, argument: Expression): Sides {
    const name = contextName(of);
    const [said] = argument.kind === "call" && argument.of === undefined && argument.name === "decimal" ? argument.args : [];
    const edge =
      said?.kind === "value" && typeof said.value === "string" && /^-?\d+\.\d{1,4}$/.test(said.value) ? Number(said.value) : undefined;
    if (name === undefined || !decimals.includes(name) || edge === undefined) return unknown();
    const [most, least] = [bound(name, { max: edge }), bound(name, { min: edge })];
    const beyond = [unknownAt(e, source)];
    if (method === "lessThanOrEqual") return { yes: [most], no: beyond, isTotal: false };
    if (method === "greaterThan") return { yes: beyond, no: [most], isTotal: false };
    if (method === "greaterThanOrEqual") return { yes: [least], no: beyond, isTotal: false };
    return method === "lessThan" ? { yes: beyond, no: [least], isTotal: false } : unknown();
  }
}
