/** Texts: patterns, formats and lengths that must hold together are one automaton over characters, each written as `JSON.stringify` writes it. */
import { type Automaton, accepts, allBut, automatonGraph, automatonOfExpression, intersect, lengths } from "../automaton.ts";
import { complementOf } from "../determinise.ts";
import { anyCharacter, choice, empty, literalText, noText, type RegularExpression, repeatText, sequence } from "../expression.ts";
import { hasLookAhead, withoutLookAheads } from "../look-ahead.ts";
import { isBeyondAutomata } from "../refuse.ts";
import { hasAnchor, parseRegularExpression, withoutOuterAnchors } from "../regular-expression.ts";
import type { Compiler } from "./compiler.ts";
import { pointer } from "./document.ts";
import { stringFormats } from "./formats.ts";
import { canonicalCharacter, freeCharacter, inJson, jsonCharacter, quoted } from "./json-text.ts";
import { isOfType, type SchemaObject, type SchemaOrBoolean } from "./keywords.ts";
import type { TextTests } from "./validate.ts";

const anything = repeatText(anyCharacter, 0);

interface TextKeywords {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string | readonly string[];
  readonly format?: string | readonly string[];
  readonly "notPattern!"?: readonly string[];
  readonly "notFormat!"?: readonly string[];
  readonly "notTexts!"?: readonly string[];
}

/** Texts in which a pattern is found. Errors: text/constraint. */
export const patternAutomaton = (source: string, place: string): Automaton =>
  automatonOfExpression(withoutLookAheads(sequence(anything, parseRegularExpression(source, place), anything), place), place);

const formatExpression = (format: string, place: string): RegularExpression => parseRegularExpression(stringFormats[format]!, place);
const formatAutomaton = (format: string, place: string): Automaton => automatonOfExpression(formatExpression(format, place), place);

/** Whether an automaton can follow a pattern. Errors: text/constraint for what is no pattern. */
export function isRegularPattern(source: string, place: string): boolean {
  try {
    patternAutomaton(source, place);
    return true;
  } catch (error) {
    if (isBeyondAutomata(error)) return false;
    throw error;
  }
}

/** Patterns and formats against whole texts, each made into an automaton once; what no automaton can follow holds. */
export function textTests(place: string): TextTests {
  const kept = new Map<string, Automaton | undefined>();
  const is = (key: string, make: () => Automaton, text: string): boolean => {
    if (!kept.has(key)) {
      let made: Automaton | undefined;
      try {
        made = make();
      } catch (error) {
        if (!isBeyondAutomata(error)) throw error;
      }
      kept.set(key, made);
    }
    const automaton = kept.get(key);
    return automaton === undefined || accepts(automaton, text);
  };
  return {
    matches: (pattern, text) => is(`p ${pattern}`, () => patternAutomaton(pattern, place), text),
    isOfFormat: (format, text) => is(`f ${format}`, () => formatAutomaton(format, place), text),
  };
}

interface Condition {
  readonly keyword: string;
  readonly automaton: Automaton;
}

/** Conditions on a text, each as an automaton over its characters; those that are beyond one are relaxed. */
function conditionsOf(schema: TextKeywords, place: string, c: Compiler): Condition[] {
  const out: Condition[] = [];
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const add = (keyword: string, make: (at: string) => Automaton): void => {
    const at = pointer(place, keyword);
    const automaton = c.orRelax<Automaton | undefined>(() => c.spend(make(at), at), place, keyword, undefined);
    if (automaton) out.push({ keyword, automaton });
  };
  for (const source of [schema.pattern ?? []].flat()) add("pattern", at => patternAutomaton(source, at));
  for (const source of schema["notPattern!"] ?? []) add("not", at => complementOf(patternAutomaton(source, at), at));
  for (const format of [schema.format ?? []].flat()) add("format", at => formatAutomaton(format, at));
  for (const format of schema["notFormat!"] ?? []) add("not", at => complementOf(formatAutomaton(format, at), at));
  const taken = schema["notTexts!"];
  if (taken) add("not", at => allBut(taken, at));
  if (minLength > 0 || maxLength < Number.POSITIVE_INFINITY) add("maxLength", at => lengths(minLength, maxLength, at));
  return out;
}

/** All conditions at once; where that is too large, as many as can be, and the others are relaxed. Undefined where none is left. */
function together(conditions: readonly Condition[], place: string, c: Compiler): Automaton | undefined {
  let whole: Automaton | undefined;
  for (const { keyword, automaton } of conditions) {
    const before = whole;
    whole = before ? c.orRelax(() => c.spend(intersect([before, automaton], place), place), place, keyword, before) : automaton;
  }
  return whole;
}

export function stringExpression(schema: SchemaObject, place: string, c: Compiler): RegularExpression {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema as TextKeywords;
  if (maxLength < minLength) return c.impossible(pointer(place, "minLength"), `at most maxLength, which is ${maxLength}`, `${minLength}`);
  const negated = ["notPattern!", "notFormat!", "notTexts!"].filter(k => k in schema);
  const conditions = [pattern ?? [], format ?? [], negated].flat();
  const hasLength = minLength > 0 || maxLength < Number.POSITIVE_INFINITY;
  if (conditions.length === 0)
    return c.later(`string ${minLength} ${maxLength}`, () =>
      quoted(repeatText(c.isCanonical ? canonicalCharacter : freeCharacter, minLength, maxLength)),
    );
  if (conditions.length === 1 && !hasLength && negated.length === 0) {
    if (typeof format === "string")
      return c.later(`format ${format}`, () => quoted(inJson(formatExpression(format, pointer(place, "format")))));
    const source = conditions[0]!;
    const simple = c.orRelax(() => simplePattern(source, pointer(place, "pattern")), place, "pattern", anything);
    if (simple) return c.later(`pattern ${source}`, () => quoted(inJson(simple)));
  }
  const all = together(conditionsOf(schema as TextKeywords, place, c), place, c);
  const { "notPattern!": notPattern, "notFormat!": notFormat, "notTexts!": notTexts } = schema as TextKeywords;
  return c.later(`string ${JSON.stringify([minLength, maxLength, pattern, format, notPattern, notFormat, notTexts])}`, () =>
    quoted(all ? automatonGraph(all, jsonCharacter) : inJson(anything)),
  );
}

/** A pattern as an expression of the whole text; undefined where anchors or look-aheads inside of it need an automaton. */
function simplePattern(source: string, place: string): RegularExpression | undefined {
  const { rest, start, end } = withoutOuterAnchors(parseRegularExpression(source, place));
  if (hasAnchor(rest) || hasLookAhead(rest)) return undefined;
  return sequence(start ? empty : anything, rest, end ? empty : anything);
}

/** The texts that are valid under a schema, in JSON or not: what names of properties are held to. Undefined where every text is. */
export function namesAutomaton(schema: SchemaOrBoolean, place: string, c: Compiler): Automaton | undefined {
  const flat = c.flatten(schema, place);
  const none = () => automatonOfExpression(noText, place);
  if (flat === false) return none();
  for (const key of ["anyOf", "oneOf"] as const) {
    const options = flat[key] as readonly SchemaOrBoolean[] | undefined;
    if (!options) continue;
    if (key === "oneOf") c.relax(place, key);
    const { [key]: _, ...rest } = flat;
    const all = options.map(o => namesAutomaton({ allOf: [rest, o] }, place, c));
    return all.some(a => a === undefined) ? undefined : automatonOfExpression(choice(...all.map(a => automatonGraph(a!))), place);
  }
  if ("allOf" in flat) return namesAutomaton({ allOf: [flat] }, place, c);
  if (flat.type !== undefined && !isOfType("", [flat.type as string | string[]].flat())) return none();
  const values = "const" in flat ? [flat.const] : (flat.enum as unknown[] | undefined);
  if (values) {
    const texts = values.filter((v): v is string => typeof v === "string" && c.isValid(v, flat, place));
    return automatonOfExpression(choice(...texts.map(literalText)), place);
  }
  return together(conditionsOf(flat as TextKeywords, place, c), place, c);
}
