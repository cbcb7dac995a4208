/** Texts of a schema's grammar, drawn byte by byte, and values in every order of their properties: what laws of structured output are tried on. */
import type { Random } from "../../../src/base/index.ts";
import { recogniserOf } from "../../../src/text/index.ts";

type Recogniser = ReturnType<typeof recogniserOf>;

export const pick = <T>(list: readonly T[], rng: Random): T => list[Math.floor(rng.uniform() * list.length)]!;

export const recogniserOfSchema = (schema: unknown): Recogniser => recogniserOf({ kind: "schema", schema }, "schema");

/** The same schema, with objects that say that they may have other names too: a law of names changes nothing of what is valid. */
export function opened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(opened);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.entries(schema).map(([k, v]) => [k, k === "const" || k === "enum" ? v : opened(v)]);
  const isClosed = "properties" in schema && !("propertyNames" in schema);
  return Object.fromEntries(isClosed ? [...inner, ["propertyNames", true]] : inner);
}

export function reads(r: Recogniser, text: string): boolean {
  r.work = Number.POSITIVE_INFINITY;
  return r.read(r.start, Buffer.from(text))?.isAccepting ?? false;
}

/** One text, bytes at random, those that close something more often after a while. Throws where nothing may come and the text may not end. */
export function drawText(r: Recogniser, rng: Random, longest = 1500): string | undefined {
  const ends = [0x22, 0x5d, 0x7d];
  let at = r.start;
  const out: number[] = [];
  for (let n = 0; n < longest; n++) {
    r.work = Number.POSITIVE_INFINITY;
    if (at.isAccepting && (at.threads.length === 0 || rng.uniform() < 0.4)) return Buffer.from(out).toString("utf8");
    const may: number[] = [];
    for (let b = 0; b < 256; b++) if (r.step(at, b)) may.push(b);
    if (may.length === 0) {
      if (at.isAccepting) return Buffer.from(out).toString("utf8");
      throw new Error(`a dead end after ${Buffer.from(out).toString("utf8")}`);
    }
    const closing = may.filter(b => ends.includes(b));
    const plain = may.filter(b => b >= 32 && b < 127 && b !== 92);
    const byte = pick(
      closing.length > 0 && (n > 150 || rng.uniform() < 0.3) ? closing : plain.length > 0 && rng.uniform() < 0.9 ? plain : may,
      rng,
    );
    out.push(byte);
    at = r.step(at, byte)!;
  }
  return undefined;
}

function* orders<T>(list: readonly T[]): Generator<readonly T[], void, undefined> {
  if (list.length < 2) {
    yield list;
    return;
  }
  for (const [i, first] of list.entries()) for (const rest of orders([...list.slice(0, i), ...list.slice(i + 1)])) yield [first, ...rest];
}

/** The value as JSON, with the properties of its objects in each order. */
export function* spellings(value: unknown): Generator<string, void, undefined> {
  if (value === null || typeof value !== "object") {
    yield JSON.stringify(value);
    return;
  }
  const isList = Array.isArray(value);
  const members: [string, unknown][] = isList ? value.map(v => ["", v]) : Object.entries(value);
  for (const order of isList ? [members] : orders(members)) {
    const parts = order.map(([name, v]) => [...spellings(v)].map(t => (isList ? t : `${JSON.stringify(name)}:${t}`)));
    const all = parts.reduce<string[]>((lines, options) => lines.flatMap(l => options.map(o => (l === "" ? o : `${l},${o}`))), [""]);
    for (const t of all) yield isList ? `[${t}]` : `{${t}}`;
  }
}

/** Whether the value is in the grammar in some order of its properties. */
export function readsInSomeOrder(r: Recogniser, value: unknown): boolean {
  for (const text of spellings(value)) if (reads(r, text)) return true;
  return false;
}
