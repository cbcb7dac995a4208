/**
 * Damage to files, drawn from a seeded generator: bytes (flips, lengths that lie, cuts, repeats), JSON (values of another kind, keys moved,
 * renamed or doubled, nesting without end), and text with snippets thrown in. The ideas are those of AFL's havoc stage.
 */
import type { Random } from "../../src/base/index.ts";

export const pick = <T>(r: Random, of: readonly T[]): T => of[r.below(of.length)]!;
/** 1 mostly, rarely more. */
const few = (r: Random): number => 1 + (r.below(2) ? 0 : r.below(5));

/** Where counts, sizes and offsets break. */
const edges = [0n, 1n, 2n, 3n, 4n, 8n, 9n, 12n, 32n, 127n, 128n, 255n, 256n, 65_535n, 65_536n, 1n << 24n, (1n << 31n) - 1n, 1n << 31n]
  .concat([(1n << 32n) - 1n, 1n << 32n, 1n << 52n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n])
  .flatMap(n => [n, n ^ 1n]);

/** Little-endian, cut to so many bytes. */
function edge(r: Random): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(pick(r, edges));
  return bytes.subarray(0, pick(r, [1, 2, 4, 8]));
}
const splice = (b: Buffer, at: number, gone: number, by: Uint8Array): Buffer =>
  Buffer.concat([b.subarray(0, at), by, b.subarray(Math.min(b.length, at + gone))]);
/** A range of at most `most` bytes. */
function range(r: Random, b: Buffer, most = 64): readonly [at: number, size: number] {
  const at = r.below(b.length);
  return [at, 1 + r.below(Math.min(most, b.length - at))];
}

type Edit = (r: Random, b: Buffer) => Buffer;
const byteEdits: readonly Edit[] = [
  (r, b) => splice(b, r.below(b.length), 1, Buffer.of(r.below(256))),
  (r, b) => {
    const at = r.below(b.length);
    return splice(b, at, 1, Buffer.of(b[at]! ^ (1 << r.below(8))));
  },
  (r, b) => {
    const by = edge(r);
    return splice(b, r.below(b.length), by.length, by);
  },
  // on a multiple of four, where headers keep their numbers
  (r, b) => {
    const by = edge(r);
    return splice(b, 4 * r.below(Math.ceil(b.length / 4)), by.length, by);
  },
  (r, b) => splice(b, r.below(b.length), 0, edge(r)),
  (r, b) => b.subarray(0, r.below(b.length)),
  (r, b) => splice(b, ...range(r, b), Buffer.alloc(0)),
  (r, b) => {
    const [at, size] = range(r, b);
    return splice(b, r.below(b.length), 0, b.subarray(at, at + size));
  },
  (r, b) => {
    const [at, size] = range(r, b);
    return splice(b, r.below(b.length), size, b.subarray(at, at + size));
  },
  (r, b) => splice(b, b.length, 0, Buffer.alloc(1 + r.below(64), r.below(256))),
];

/** A copy with one to five edits. */
export function mutateBytes(r: Random, bytes: Uint8Array): Buffer {
  let b = Buffer.from(bytes);
  for (let n = few(r); n > 0 && b.length > 0; n--) b = Buffer.from(pick(r, byteEdits)(r, b));
  return b;
}

/** Stands in a parsed document for what `JSON.stringify` could not write. */
const nestMark = "\u0001nest\u0001";
const hostileValues: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 0.5, -0.001, 1e308, 5e-324, 2 ** 31, 2 ** 53, 1e21, 4_194_303, 4_194_304, 16_777_216],
  ...[
    "",
    " ",
    "a",
    "\u0000",
    "\ud800",
    "\ufdd0",
    "__proto__",
    "constructor",
    "toString",
    "NaN",
    "x".repeat(5000),
    "é".repeat(700),
    "%",
    "\\",
  ],
  ...["(a+)+$", "(\\w+\\.?)*!", "(.*)*=", "(a|a)*b", "a*a*a*a*a*b", "[", "(?<=a+)b", "\\p{L}+(?!\\S)", "^$", ".*.*.*=.*", nestMark],
  ...[[], {}, [[]], [null], [0, 0], { type: "Sequence" }, { __proto__x: 1 }, Array.from({ length: 300 }, (_, i) => i)],
];

interface Spot {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: string | number;
}
function spotsOf(value: unknown, spots: Spot[] = []): Spot[] {
  if (value === null || typeof value !== "object") return spots;
  const parent = value as Record<string, unknown> | unknown[];
  for (const key of Array.isArray(parent) ? parent.keys() : Object.keys(parent)) {
    spots.push({ parent, key });
    spotsOf((parent as Record<string | number, unknown>)[key], spots);
  }
  return spots;
}
/** A spot on a way down from the root: a table of ten thousand entries is met no more often than the setting beside it. */
function descend(r: Random, root: Spot): Spot {
  const value = at(root);
  const isBranch = value !== null && typeof value === "object" && Object.keys(value).length > 0;
  if (!isBranch || r.below(5) === 0) return root;
  const parent = value as Record<string, unknown> | unknown[];
  return descend(r, { parent, key: Array.isArray(parent) ? r.below(parent.length) : pick(r, Object.keys(parent)) });
}
const at = ({ parent, key }: Spot): unknown => (parent as Record<string | number, unknown>)[key];
function put({ parent, key }: Spot, value: unknown): void {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}
function drop({ parent, key }: Spot): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

type JsonEdit = (r: Random, spot: Spot, others: readonly Spot[]) => void;
const jsonEdits: readonly JsonEdit[] = [
  (r, spot) => put(spot, structuredClone(pick(r, hostileValues))),
  (r, spot, others) => put(spot, structuredClone(at(pick(r, others)))),
  (_, spot) => drop(spot),
  (_, spot) => put(spot, [at(spot), at(spot)]),
  (r, spot) => {
    const value = at(spot);
    if (typeof value === "number") put(spot, pick(r, [value + 1, value - 1, -value, value * 2, value / 2, value * 65_536]));
    else if (typeof value === "string") put(spot, value + pick(r, ["", "x", value, "\u0301", "\\"]));
    else put(spot, { type: "Sequence", normalizers: [value], pretokenizers: [value], decoders: [value], processors: [value] });
  },
  (r, spot) => {
    const value = at(spot);
    drop(spot);
    const key = pick(r, ["__proto__", "type", "", `${spot.key}_`, "model", "toString"]);
    put({ parent: spot.parent, key: Array.isArray(spot.parent) ? spot.parent.length : key }, value);
  },
];

/** Levels of an array in an array ..., and of `Sequence` in `Sequence`. */
const nests = (r: Random): string => {
  const depth = pick(r, [50, 3000, 50_000]);
  return pick(r, [
    `${"[".repeat(depth)}${"]".repeat(depth)}`,
    `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
    `${'{"type":"Sequence","normalizers":['.repeat(depth)}${"]}".repeat(depth)}`,
    `${'{"type":"Sequence","pretokenizers":['.repeat(depth)}${"]}".repeat(depth)}`,
    `${'{"type":"Sequence","decoders":['.repeat(depth)}${"]}".repeat(depth)}`,
    `${'{"type":"Sequence","processors":['.repeat(depth)}${"]}".repeat(depth)}`,
  ]);
};

/** JSON text damaged as a value mostly, as bytes now and then. */
export function mutateJson(r: Random, text: string): string {
  if (r.below(4) === 0) return mutateBytes(r, Buffer.from(text)).toString("utf8");
  const root: Record<string, unknown> = { value: JSON.parse(text) };
  for (let n = few(r); n > 0; n--) {
    const spots = spotsOf(root.value);
    if (spots.length === 0 || root.value === undefined) break;
    pick(r, jsonEdits)(r, descend(r, { parent: root, key: "value" }), spots);
  }
  return (JSON.stringify(root.value) ?? "").replaceAll(JSON.stringify(nestMark), () => nests(r));
}

/** Text with pieces of itself and of `snippets` put in, taken out and moved. */
export function mutateText(r: Random, text: string, snippets: readonly string[]): string {
  if (r.below(5) === 0) return mutateBytes(r, Buffer.from(text)).toString("utf8");
  let t = text;
  for (let n = few(r); n > 0; n--) {
    const from = r.below(t.length + 1);
    const to = Math.min(t.length, from + r.below(30));
    const by = pick(r, ["", pick(r, snippets), pick(r, snippets), t.slice(from, to).repeat(2), t.slice(0, r.below(t.length + 1))]);
    t = t.slice(0, from) + by + t.slice(pick(r, [from, to]));
  }
  return t;
}
