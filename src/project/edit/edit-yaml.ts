/**
 * Changes of a YAML text that leave every other character where it is: comments, order, quotes and spaces are the writer's. The new piece is
 * cut into the text at the place the parser names, then the whole is parsed again: it must be the old value with the one change and nothing
 * else. Where that fails (anchors, unusual forms) the document is written anew by the library, comments kept; where that fails too, the user
 * is asked to do it by hand.
 */
import { isAlias, isMap, isSeq, type Pair, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { canonicalJson, parseYaml } from "../../base/index.ts";
import { wrongArgument } from "../errors.ts";

type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

export type { Value as YamlValue };

/** Where and what (an element of a list by its number): `append` adds to a list, `set` gives a key its value, `nest` puts a value one level deeper. The map at `path` must be there. */
export type Change =
  | { readonly kind: "append"; readonly path: readonly string[]; readonly key: string; readonly items: readonly Value[] }
  | { readonly kind: "set"; readonly path: readonly string[]; readonly key: string; readonly value: Value }
  /** Takes a key with its value out. */
  | { readonly kind: "remove"; readonly path: readonly string[]; readonly key: string }
  /** `key: value` becomes `as: { name: value }`. */
  | { readonly kind: "nest"; readonly path: readonly string[]; readonly key: string; readonly as: string; readonly name: string };

interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A value on one line, as YAML in flow style. */
export function flow(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value !== null && typeof value === "object")
    return `{ ${Object.entries(value)
      .map(([k, v]) => `${scalar(k)}: ${flow(v)}`)
      .join(", ")} }`;
  return typeof value === "string" ? scalar(value) : JSON.stringify(value);
}

/** Plain where every reader takes it for a text, else quoted as JSON is. */
const scalar = (text: string): string =>
  /^[A-Za-z][\w./-]*$/.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text) ? text : JSON.stringify(text);

const columnOf = (text: string, at: number): number => at - (text.lastIndexOf("\n", at - 1) + 1);
const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
};

const rangeOf = (node: unknown): readonly [number, number, number] | undefined =>
  (node as { range?: [number, number, number] | null } | null)?.range ?? undefined;
/** A pair's last character that is its own. */
const endOf = (pair: Pair): number | undefined => (rangeOf(pair.value) ?? rangeOf(pair.key))?.[1];

/** Longest list that is written on one line. */
const lineLength = 100;

/** `key: value` as lines, the first without its indent. */
function entry(key: string, value: Value, indent: number): string {
  const line = `${scalar(key)}: ${flow(value)}`;
  if (!Array.isArray(value) || line.length + indent <= lineLength) return line;
  const pad = " ".repeat(indent + 2);
  return `${scalar(key)}:${value.map(v => `\n${pad}- ${flow(v)}`).join("")}`;
}

function insertKey(text: string, map: YAMLMap, key: string, value: Value): Splice | undefined {
  const last = map.items.at(-1);
  const range = rangeOf(map);
  if (map.flow) {
    if (!last) return range && { from: range[0] + 1, to: range[1] - 1, text: ` ${scalar(key)}: ${flow(value)} ` };
    const at = endOf(last);
    return at === undefined ? undefined : { from: at, to: at, text: `, ${scalar(key)}: ${flow(value)}` };
  }
  const first = rangeOf(map.items[0]?.key);
  const end = last && endOf(last);
  if (!first || end === undefined) return undefined;
  return newLine(text, end, columnOf(text, first[0]), indent => entry(key, value, indent));
}

/** A line of its own after the one in which something ends. */
function newLine(text: string, end: number, column: number, write: (indent: number) => string): Splice {
  const pad = " ".repeat(column);
  // What ends with its line (a block text) has the line's end in its range.
  if (end > 0 && text[end - 1] === "\n") return { from: end, to: end, text: `${pad}${write(column)}\n` };
  const at = lineEnd(text, end);
  const eol = at > 0 && text[at - 1] === "\r" ? "\r\n" : "\n";
  const place = eol === "\r\n" ? at - 1 : at;
  return { from: place, to: place, text: `${eol}${pad}${write(column).replaceAll("\n", eol)}` };
}

function appendItems(text: string, list: YAMLSeq, items: readonly Value[]): Splice | undefined {
  const range = rangeOf(list);
  if (!range) return undefined;
  const last = rangeOf(list.items.at(-1));
  if (list.flow) {
    const at = last ? last[1] : range[0] + 1;
    return { from: at, to: at, text: `${last ? ", " : ""}${items.map(flow).join(", ")}` };
  }
  if (!last) return undefined;
  // The list's range begins at its first dash.
  const column = columnOf(text, range[0]);
  const write = () => items.map((item, i) => `${i === 0 ? "" : `\n${" ".repeat(column)}`}- ${flow(item)}`).join("");
  return newLine(text, last[1], column, write);
}

/** The key becomes two, and what spans lines moves to the right. */
function nested(text: string, isFlow: boolean, pair: Pair, { as, name }: Change & { readonly kind: "nest" }): Splice | undefined {
  const [key, value] = [rangeOf(pair.key), rangeOf(pair.value)];
  if (!key || !value) return undefined;
  const rest = text.slice(key[1], value[1]);
  if (isFlow) return { from: key[0], to: value[1], text: `${scalar(as)}: { ${scalar(name)}${rest} }` };
  const pad = " ".repeat(columnOf(text, key[0]) + 2);
  const eol = text[lineEnd(text, key[0]) - 1] === "\r" ? "\r\n" : "\n";
  return { from: key[0], to: value[1], text: `${scalar(as)}:${eol}${pad}${scalar(name)}${rest.replace(/\n(?=[^\r\n])/g, "\n  ")}` };
}

/** The lines of a key of a map that has others, with what stands behind it on its line. */
function removed(text: string, map: YAMLMap, pair: Pair): Splice | undefined {
  const [key, end] = [rangeOf(pair.key), endOf(pair)];
  if (map.flow || map.items.length < 2 || !key || end === undefined) return undefined;
  const from = text.lastIndexOf("\n", key[0] - 1) + 1;
  if (text.slice(from, key[0]).trim() !== "") return undefined;
  // a block's range may end behind its last line
  const to = end > 0 && text[end - 1] === "\n" ? end : Math.min(text.length, lineEnd(text, end) + 1);
  return { from, to, text: "" };
}

function spliceOf(text: string, change: Change): Splice | undefined {
  const document = parseDocument(text, { uniqueKeys: true });
  const map = change.path.length === 0 ? document.contents : document.getIn(change.path, true);
  if (!isMap(map)) return undefined;
  const pair = map.items.find(p => (p.key as { value?: unknown } | null)?.value === change.key);
  if (change.kind === "nest") return pair && nested(text, map.flow === true, pair, change);
  if (change.kind === "remove") return pair && removed(text, map, pair);
  if (change.kind === "set") {
    if (!pair) return insertKey(text, map, change.key, change.value);
    const range = rangeOf(pair.value);
    // What spans lines is written anew by the library.
    if (!range || text.slice(range[0], range[1]).includes("\n")) return undefined;
    return { from: range[0], to: range[1], text: flow(change.value) };
  }
  if (!pair) return insertKey(text, map, change.key, change.items);
  return isSeq(pair.value) ? appendItems(text, pair.value, change.items) : undefined;
}

/** The value with the change, as it must be read afterwards. */
function changed(value: unknown, change: Change, place: string): unknown {
  const copy = structuredClone(value);
  let at = copy as Record<string, unknown>;
  for (const key of change.path) {
    const next = at?.[key];
    if (next === null || typeof next !== "object") throw byHand(place, change);
    at = next as Record<string, unknown>;
  }
  if (Array.isArray(at)) throw byHand(place, change);
  const before = at[change.key];
  if (change.kind === "nest") {
    delete at[change.key];
    at[change.as] = { [change.name]: before };
    return copy;
  }
  if (change.kind === "remove") {
    delete at[change.key];
    return copy;
  }
  at[change.key] = change.kind === "set" ? change.value : [...(Array.isArray(before) ? before : []), ...change.items];
  return copy;
}

const byHand = (place: string, change: Change) =>
  wrongArgument(
    `${place}: ${[...change.path, change.key].join(".")}`,
    "a form that can be changed without touching anything else",
    "another (an alias, perhaps)",
    `Change it by hand: ${change.kind === "nest" ? `${change.key} becomes ${change.as}: { ${change.name}: ... }` : change.kind === "remove" ? `take ${change.key} out` : change.kind === "set" ? `${change.key}: ${flow(change.value)}` : `add ${change.items.map(flow).join(", ")}`}.`,
  );

function written(text: string, change: Change): string | undefined {
  const document = parseDocument(text, { uniqueKeys: true });
  for (let i = 0; i <= change.path.length; i++) if (isAlias(document.getIn(change.path.slice(0, i), true))) return undefined;
  const path = [...change.path, change.key];
  if (change.kind === "nest") {
    const value = document.getIn(path, true);
    document.deleteIn(path);
    document.setIn([...change.path, change.as], document.createNode({ [change.name]: value }));
  } else if (change.kind === "remove") document.deleteIn(path);
  else if (change.kind === "set") document.setIn(path, document.createNode(change.value));
  else if (isSeq(document.getIn(path, true))) for (const item of change.items) document.addIn(path, document.createNode(item));
  else document.setIn(path, document.createNode(change.items));
  return document.toString({ lineWidth: 0 });
}

/** The text with the change. Errors: base/syntax where it is no YAML; project/argument where it cannot be changed safely. */
export function editYaml(text: string, change: Change, place: string): string {
  const wanted = canonicalJson(changed(parseYaml(text, place), change, place));
  const isRight = (next: string | undefined): next is string => {
    if (next === undefined) return false;
    try {
      return canonicalJson(parseYaml(next, place)) === wanted;
    } catch {
      return false;
    }
  };
  const splice = spliceOf(text, change);
  const cut = splice && text.slice(0, splice.from) + splice.text + text.slice(splice.to);
  if (isRight(cut)) return cut;
  const whole = written(text, change);
  if (isRight(whole)) return whole;
  throw byHand(place, change);
}
