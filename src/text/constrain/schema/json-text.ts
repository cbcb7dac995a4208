/**
 * How JSON is written: characters of texts with their escapes, punctuation with the white space of a style, and the free forms of each type.
 * Where a pattern or a list of names binds a text, each character has one spelling, that of `JSON.stringify`; else any legal one.
 */
import { checkCharacters } from "../automaton.ts";
import { anyCodePoint, type CodePoints, charactersOf, complement, contains, intersection } from "../code-points.ts";
import {
  anyOf,
  characters,
  choice,
  empty,
  literalText,
  noText,
  optionalText,
  type RegularExpression,
  range,
  repeatText,
  rule,
  sequence,
} from "../expression.ts";
import { canonicalNumber, integer, number } from "./numbers.ts";

export const styles = ["compact", "spaced", "flexible"] as const;
/**
 * `compact`: none, as `JSON.stringify`. `spaced`: one space after comma and colon, as Python's `json.dumps`. `flexible`: at each of these
 * places and inside of brackets nothing, a space, or a new line with up to 20 spaces or tabs.
 */
export type Style = (typeof styles)[number];

const blank = optionalText(choice(literalText(" "), sequence(literalText("\n"), repeatText(anyOf(" \t"), 0, 20))));

export interface Punctuation {
  readonly open: (bracket: "{" | "[") => RegularExpression;
  readonly close: (bracket: "}" | "]") => RegularExpression;
  readonly comma: RegularExpression;
  readonly colon: RegularExpression;
}

export const punctuation: { readonly [S in Style]: Punctuation } = {
  compact: { open: b => literalText(b), close: b => literalText(b), comma: literalText(","), colon: literalText(":") },
  spaced: { open: b => literalText(b), close: b => literalText(b), comma: literalText(", "), colon: literalText(": ") },
  flexible: {
    open: b => sequence(literalText(b), blank),
    close: b => sequence(blank, literalText(b)),
    comma: sequence(literalText(","), blank),
    colon: sequence(literalText(":"), blank),
  },
};

const controls: CodePoints = [[0, 0x1f]];
const escaped = charactersOf('"\\');
const plain = intersection(anyCodePoint, intersection(complement(controls), complement(escaped)));

const escapeOf = (c: number): RegularExpression => literalText(JSON.stringify(String.fromCharCode(c)).slice(1, -1));
/** One object for most sets, which have all of them: the machine builds it once for each place that it leads to. */
const controlEscapes = choice(...Array.from({ length: 0x20 }, (_, c) => escapeOf(c)));
const hasAllControls = (set: CodePoints): boolean => set[0]?.[0] === 0 && set[0][1] >= 0x1f;

/** A character of the set as `JSON.stringify` writes it. */
export function jsonCharacter(set: CodePoints): RegularExpression {
  const raw = intersection(set, plain);
  const options: RegularExpression[] = raw.length > 0 ? [characters(raw)] : [];
  if (hasAllControls(set)) options.push(controlEscapes);
  else for (let c = 0; c < 0x20; c++) if (contains(set, c)) options.push(escapeOf(c));
  for (const c of '"\\') if (contains(set, c.charCodeAt(0))) options.push(literalText(`\\${c}`));
  return options.length === 0 ? noText : choice(...options);
}

/** An expression over a text's characters as one over what JSON writes for them. */
export function inJson(e: RegularExpression): RegularExpression {
  switch (e.kind) {
    case "characters":
      return jsonCharacter(e.set);
    case "text":
      return literalText(JSON.stringify(e.text).slice(1, -1));
    case "sequence":
      return sequence(...e.parts.map(inJson));
    case "choice":
      return choice(...e.options.map(inJson));
    case "repeat":
      return repeatText(inJson(e.of), e.min, e.max);
    case "graph":
      return { ...e, edges: e.edges.map(out => out.map(({ by, to }) => ({ by: inJson(by), to }))) };
    default:
      return e;
  }
}

export const quoted = (inside: RegularExpression): RegularExpression => sequence(literalText('"'), inside, literalText('"'));

const hex = anyOf("0123456789abcdefABCDEF");
const surrogates = (first: string): RegularExpression => sequence(literalText("\\u"), anyOf("dD"), anyOf(first), hex, hex);
/** Any character of a text, in any spelling. */
export const freeCharacter: RegularExpression = choice(
  characters(plain),
  sequence(literalText("\\"), anyOf('"\\/bfnrt')),
  sequence(
    literalText("\\u"),
    choice(sequence(anyOf("0123456789abcefABCEF"), hex, hex, hex), sequence(anyOf("dD"), range("0", "7"), hex, hex)),
  ),
  sequence(surrogates("89abAB"), surrogates("cdefCDEF")),
);

/** Any character as `JSON.stringify` writes it. */
export const canonicalCharacter: RegularExpression = jsonCharacter(anyCodePoint);

/** Behind the name of a rule whose values have one spelling each. */
export const canonicalMark = "!";

/** The free forms of each type, as rules by name; with `isCanonical` those in which a value is written in one way. */
export const freeRules = (p: Punctuation, isCanonical = false): ReadonlyMap<string, RegularExpression> => {
  const mark = isCanonical ? canonicalMark : "";
  const any = rule(`any${mark}`);
  const member = rule(`member${mark}`);
  const list = (item: RegularExpression): RegularExpression => optionalText(sequence(item, repeatText(sequence(p.comma, item), 0)));
  const free: readonly (readonly [string, RegularExpression])[] = [
    ["string", quoted(repeatText(isCanonical ? canonicalCharacter : freeCharacter, 0))],
    ["number", isCanonical ? canonicalNumber : number],
    ["integer", integer],
    ["boolean", choice(literalText("true"), literalText("false"))],
    ["null", literalText("null")],
    ["member", sequence(rule(`string${mark}`), p.colon, any)],
    ["object", sequence(p.open("{"), list(member), p.close("}"))],
    ["array", sequence(p.open("["), list(any), p.close("]"))],
    ["any", choice(...["object", "array", "string", "number", "boolean", "null"].map(t => rule(`${t}${mark}`)))],
  ];
  return new Map(free.map(([name, e]) => [`${name}${mark}`, e]));
};

/** One value as it is written. */
export function literal(value: unknown, p: Punctuation): RegularExpression {
  if (value === null || typeof value !== "object") return literalText(JSON.stringify(value) ?? "null");
  const isList = Array.isArray(value);
  const inside = isList
    ? value.map(v => literal(v, p))
    : Object.entries(value).map(([key, v]) => sequence(literalText(JSON.stringify(key)), p.colon, literal(v, p)));
  const joined = inside.flatMap((e, i) => (i === 0 ? [e] : [p.comma, e]));
  return sequence(p.open(isList ? "[" : "{"), joined.length === 0 ? empty : sequence(...joined), p.close(isList ? "]" : "}"));
}

/** One of many texts, as a tree: what they begin with in common is read once. Errors: text/constraint where they are too long. */
export function oneOfTexts(texts: readonly string[], place: string): RegularExpression {
  checkCharacters(texts, place);
  const children: Map<string, number>[] = [new Map()];
  const ends = new Set<number>();
  for (const t of texts) {
    let at = 0;
    for (const c of t) {
      let to = children[at]!.get(c);
      if (to === undefined) {
        to = children.push(new Map()) - 1;
        children[at]!.set(c, to);
      }
      at = to;
    }
    ends.add(at);
  }
  return { kind: "graph", edges: children.map(of => Array.from(of, ([c, to]) => ({ by: literalText(c), to }))), ends };
}
