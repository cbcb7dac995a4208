/** Schemas as zod writes them: random types of zod's, through its own `z.toJSONSchema`, with values of the types. */
import { z } from "zod";
import type { Random } from "../../../src/base/index.ts";
import { fieldNames, integerBetween, listOf, type Shape, shape } from "./shapes.ts";
import { pick } from "./texts.ts";

interface Typed {
  readonly type: z.ZodType;
  value(rng: Random): unknown;
}
const typed = (type: z.ZodType, ...values: readonly unknown[]): Typed => ({ type, value: r => pick(values, r) });

const leaves: readonly (() => Typed)[] = [
  () => typed(z.string(), "", "text", 'a "b"'),
  () => typed(z.string().min(2).max(5), "ab", "abcde"),
  () => typed(z.string().regex(/^[a-z]+-\d+$/), "ab-1"),
  () => typed(z.string().startsWith("pre").endsWith("x"), "pre-x"),
  () => typed(z.string().includes("mid"), "a mid b"),
  () => typed(z.email(), "a.b+c@example.org"),
  () => typed(z.url(), "https://example.org/x"),
  () => typed(z.uuid(), "8b1a9953-c461-4296-a827-abf8c47804d7"),
  () => typed(z.iso.date(), "2024-02-29"),
  () => typed(z.iso.datetime(), "2024-02-29T12:00:00Z"),
  () => typed(z.ipv4(), "10.0.0.1"),
  () => typed(z.base64(), "aGVsbG8="),
  () => typed(z.number(), 0, 1.5, -3),
  () => typed(z.int(), 0, 7, -3),
  () => typed(z.int().positive().max(100), 1, 100),
  () => typed(z.number().gte(0).lt(1), 0, 0.5),
  () => typed(z.int().multipleOf(3), 0, 9),
  () => typed(z.boolean(), true, false),
  () => typed(z.null(), null),
  () => typed(z.literal("only"), "only"),
  () => typed(z.literal(["a", 1, true]), "a", 1, true),
  () => typed(z.enum(["low", "high"]), "low", "high"),
  () => typed(z.any(), 1, "x", null, [1]),
];

function typeOf(rng: Random, depth: number): Typed {
  if (depth <= 0 || rng.uniform() < 0.4) return pick(leaves, rng)();
  const inner = () => typeOf(rng, depth - 1);
  const kinds: readonly (() => Typed)[] = [
    () => objectOf(rng, depth - 1),
    () => {
      const of = inner();
      return { type: of.type.nullable(), value: r => (r.uniform() < 0.3 ? null : of.value(r)) };
    },
    () => {
      const of = inner();
      return { type: z.array(of.type).min(1).max(3), value: r => listOf(1, 3, r, () => of.value(r)) };
    },
    () => {
      const [a, b] = [inner(), inner()];
      return { type: z.tuple([a.type, b.type]), value: r => [a.value(r), b.value(r)] };
    },
    () => {
      const [a, b] = [inner(), inner()];
      return { type: z.union([a.type, b.type]), value: r => pick([a, b], r).value(r) };
    },
    () => {
      const of = inner();
      return { type: z.record(z.string().regex(/^k\d$/), of.type), value: r => ({ k1: of.value(r) }) };
    },
    () => {
      const of = inner();
      return { type: z.record(z.enum(["x", "y"]), of.type), value: r => ({ x: of.value(r), y: of.value(r) }) };
    },
    () => {
      const of = inner();
      return { type: z.partialRecord(z.enum(["x", "y"]), of.type), value: r => (r.uniform() < 0.5 ? { y: of.value(r) } : {}) };
    },
    () => {
      const tagged = ["cat", "dog"].map(tag => ({ tag, of: inner() }));
      const [a, b] = tagged.map(({ tag, of }) => z.object({ kind: z.literal(tag), data: of.type }));
      return {
        type: z.discriminatedUnion("kind", [a!, b!]),
        value: r => {
          const { tag, of } = pick(tagged, r);
          return { kind: tag, data: of.value(r) };
        },
      };
    },
    () => {
      const [a, b] = [z.object({ a: z.int() }), z.object({ b: z.string() })];
      return { type: z.intersection(a, b), value: () => ({ a: 1, b: "x" }) };
    },
    () => {
      const node: z.ZodType = z.object({
        v: z.int(),
        get next() {
          return node.nullable();
        },
      });
      return { type: node, value: r => ({ v: integerBetween(0, 9, r), next: r.uniform() < 0.5 ? null : { v: 1, next: null } }) };
    },
  ];
  return pick(kinds, rng)();
}

function objectOf(rng: Random, depth: number): Typed {
  const fields = fieldNames.slice(0, integerBetween(1, 5, rng)).map(name => {
    const of = typeOf(rng, depth);
    const isOptional = rng.uniform() < 0.3;
    return { name, of, isOptional, type: isOptional ? of.type.optional() : of.type.describe("a field") };
  });
  const members = Object.fromEntries(fields.map(f => [f.name, f.type]));
  const type = pick([z.object(members), z.strictObject(members), z.looseObject(members)], rng);
  return {
    type,
    value: r => Object.fromEntries(fields.flatMap(f => (f.isOptional && r.uniform() < 0.5 ? [] : [[f.name, f.of.value(r)] as const]))),
  };
}

/** One schema; `io` is what OpenAI's helpers take, and what agents' tools do. */
export function zodSchema(rng: Random): Shape {
  const of = objectOf(rng, 2);
  const io = pick(["input", "output"] as const, rng);
  return shape(z.toJSONSchema(of.type, { io, target: pick(["draft-2020-12", "draft-7"] as const, rng) }), of.value);
}
