/**
 * Schemas as Pydantic 2 writes them (`model_json_schema()` in validation mode), by a generator of their features: titles everywhere, models under
 * $defs, optional fields as anyOf with null, literals as const or enum, sets as uniqueItems, tagged unions as oneOf with a discriminator, decimals
 * as a number or a text behind a look-ahead, constrained types, dates and other formats, tuples, dictionaries, models that refer to themselves.
 */
import type { Random } from "../../../src/base/index.ts";
import { among, distinct, type Field, fieldNames, integerBetween, listOf, objectValue, type Shape, shape, withKeywords } from "./shapes.ts";
import { pick } from "./texts.ts";

type Definitions = Map<string, Shape["schema"]>;

const texts = among({ type: "string" }, "", "a", "some text", 'é "quoted"', "line\nbreak");
const decimal = "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$";

const scalars: readonly ((rng: Random) => Shape)[] = [
  () => texts,
  () => among({ type: "integer" }, 0, -7, 42),
  () => among({ type: "number" }, 0, 1.5, -2.25),
  () => among({ type: "boolean" }, true, false),
  () => among({ type: "null" }, null),
  () => among({ format: "date-time", type: "string" }, "2024-02-29T12:00:00Z", "1999-12-31T23:59:59.5+01:00"),
  () => among({ format: "date", type: "string" }, "2024-02-29", "2023-12-31"),
  () => among({ format: "time", type: "string" }, "09:30:00Z"),
  () => among({ format: "duration", type: "string" }, "P3D", "PT36H"),
  () => among({ format: "uuid", type: "string" }, "8b1a9953-c461-4296-a827-abf8c47804d7"),
  () => among({ format: "email", type: "string" }, "a.b@example.org"),
  () => among({ format: "uri", minLength: 1, type: "string" }, "https://example.org/a?b=c"),
  () => among({ format: "ipv4", type: "string" }, "192.168.1.9"),
  () => among({ format: "path", type: "string" }, "/tmp/x"),
  () => among({ format: "binary", type: "string" }, "bytes"),
  () => among({ format: "password", type: "string", writeOnly: true }, "secret"),
  () => among({ contentMediaType: "application/json", contentSchema: { type: "integer" }, type: "string" }, "3"),
  () => among({ anyOf: [{ type: "number" }, { pattern: decimal, type: "string" }] }, 1.25, "3.50", "-0.1"),
  () =>
    among(
      {
        anyOf: [
          { minimum: 0, type: "number" },
          { pattern: "^(?!^[-+.]*$)[+-]?0*(?:\\d{0,4}|(?=[\\d.]{1,7}0*$)\\d{0,4}\\.\\d{0,2}0*$)", type: "string" },
        ],
      },
      2.5,
      "12.30",
    ),
  rng => {
    const low = integerBetween(-5, 5, rng);
    return shape({ exclusiveMinimum: low, maximum: low + 10, type: "integer" }, r => integerBetween(low + 1, low + 10, r));
  },
  () => shape({ minimum: 0, multipleOf: 5, type: "integer" }, r => 5 * integerBetween(0, 20, r)),
  () => shape({ exclusiveMaximum: 1, minimum: 0, type: "number" }, r => integerBetween(0, 99, r) / 100),
  () => shape({ multipleOf: 0.25, type: "number" }, r => integerBetween(-8, 8, r) / 4),
  () => among({ maxLength: 8, minLength: 2, type: "string" }, "ab", "abcdefgh", "日本"),
  () => among({ pattern: "^[A-Z]{2}-\\d{3,5}$", type: "string" }, "AB-123", "ZZ-99999"),
  () => among({ const: "fixed", type: "string" }, "fixed"),
  () => among({ enum: ["low", "high"], type: "string" }, "low", "high"),
  () => among({ enum: [1, "one", true, null] }, 1, "one", true, null),
];

class Library {
  readonly #rng: Random;
  readonly #definitions: Definitions = new Map();
  #models = 0;

  constructor(rng: Random) {
    this.#rng = rng;
  }

  #annotation(depth: number): Shape {
    const rng = this.#rng;
    if (depth <= 0 || rng.uniform() < 0.45) return pick(scalars, rng)(rng);
    const inner = () => this.#annotation(depth - 1);
    const kinds: readonly (() => Shape)[] = [
      () => this.#optional(inner()),
      () => this.#list(inner()),
      () => this.#set(),
      () => this.#tuple(inner(), inner()),
      () => this.#dictionary(inner()),
      () => this.#union(inner(), inner()),
      () => this.#enumeration(),
      () => this.#tagged(depth - 1),
      () => this.#model(depth - 1),
      () => this.#tree(),
    ];
    return pick(kinds, rng)();
  }

  #optional(of: Shape): Shape {
    return shape({ anyOf: [of.schema, { type: "null" }], default: null }, r => (r.uniform() < 0.4 ? null : of.value(r)));
  }
  #list(of: Shape): Shape {
    const [min, max] = pick(
      [
        [0, undefined],
        [1, 3],
        [2, undefined],
      ] as const,
      this.#rng,
    );
    return shape(
      { items: of.schema, ...(max === undefined ? {} : { maxItems: max }), ...(min > 0 ? { minItems: min } : {}), type: "array" },
      r => listOf(min, max ?? min + 2, r, () => of.value(r)),
    );
  }
  #set(): Shape {
    const of = pick(scalars.slice(0, 3).concat(scalars.slice(-9)), this.#rng)(this.#rng);
    const min = this.#rng.uniform() < 0.3 ? 1 : 0;
    return shape({ items: of.schema, ...(min > 0 ? { minItems: min } : {}), type: "array", uniqueItems: true }, r =>
      distinct(listOf(min, 4, r, () => of.value(r))),
    );
  }
  #tuple(a: Shape, b: Shape): Shape {
    return shape({ maxItems: 2, minItems: 2, prefixItems: [a.schema, b.schema], type: "array" }, r => [a.value(r), b.value(r)]);
  }
  #dictionary(of: Shape): Shape {
    const values = (names: readonly string[]) => (r: Random) =>
      Object.fromEntries(names.filter(() => r.uniform() < 0.6).map(n => [n, of.value(r)]));
    return pick(
      [
        () => shape({ additionalProperties: of.schema, type: "object" }, values(["x", "é", "a b"])),
        () => shape({ patternProperties: { "^[a-z]+_\\d$": of.schema }, type: "object" }, values(["ab_1", "c_2"])),
        () =>
          shape({ additionalProperties: of.schema, propertyNames: { enum: ["red", "green"] }, type: "object" }, values(["red", "green"])),
        () =>
          shape(
            { additionalProperties: of.schema, propertyNames: { format: "uuid" }, type: "object" },
            values(["8b1a9953-c461-4296-a827-abf8c47804d7"]),
          ),
        () =>
          shape({ additionalProperties: of.schema, minProperties: 1, maxProperties: 3, type: "object" }, r => ({
            first: of.value(r),
            ...values(["x", "y"])(r),
          })),
      ],
      this.#rng,
    )();
  }
  #union(a: Shape, b: Shape): Shape {
    return shape({ anyOf: [a.schema, b.schema] }, r => pick([a, b], r).value(r));
  }
  #enumeration(): Shape {
    const name = `Colour${++this.#models}`;
    this.#definitions.set(name, { enum: ["red", "green", "blue"], title: name, type: "string" });
    return among({ $ref: `#/$defs/${name}` }, "red", "green", "blue");
  }

  /** A union with a tag: some of the models give it a default, so that it is not required. */
  #tagged(depth: number): Shape {
    const options = ["cat", "dog", "bird"].slice(0, integerBetween(2, 3, this.#rng)).map(tag => {
      const hasDefault = this.#rng.uniform() < 0.5;
      const tagShape = among({ const: tag, ...(hasDefault ? { default: tag } : {}), title: "Kind", type: "string" }, tag);
      const model = this.#model(depth - 1, [{ name: "kind", shape: tagShape, isRequired: !hasDefault }]);
      // Pydantic reads the tag to choose the model, so it is there
      return { tag, model: shape(model.schema, r => ({ kind: tag, ...(model.value(r) as object) })) };
    });
    return shape(
      {
        discriminator: { mapping: Object.fromEntries(options.map(o => [o.tag, o.model.schema.$ref])), propertyName: "kind" },
        oneOf: options.map(o => o.model.schema),
      },
      r => pick(options, r).model.value(r),
    );
  }

  #model(depth: number, first: readonly Field[] = []): Shape {
    const rng = this.#rng;
    const name = `Model${++this.#models}`;
    const names = fieldNames.filter(n => n !== "kind").slice(0, integerBetween(1, 5, rng));
    const fields = [
      ...first,
      ...names.map((n): Field => {
        const of = this.#annotation(depth);
        const hasDefault = "default" in of.schema || rng.uniform() < 0.25;
        const title = n.charAt(0).toUpperCase() + n.slice(1);
        return {
          name: n,
          shape:
            "$ref" in of.schema
              ? of
              : withKeywords(of, { title, ...(hasDefault && !("default" in of.schema) ? { default: of.value(rng) } : {}) }),
          isRequired: !hasDefault,
        };
      }),
    ];
    const required = fields.filter(f => f.isRequired).map(f => f.name);
    this.#definitions.set(name, {
      ...(rng.uniform() < 0.3 ? { additionalProperties: false } : {}),
      ...(rng.uniform() < 0.3 ? { description: "A model.", "x-origin": { team: "a" } } : {}),
      properties: Object.fromEntries(fields.map(f => [f.name, f.shape.schema])),
      ...(required.length > 0 ? { required } : {}),
      title: name,
      type: "object",
    });
    return shape({ $ref: `#/$defs/${name}` }, r => objectValue(fields, r));
  }

  #tree(): Shape {
    const name = `Node${++this.#models}`;
    const self = { $ref: `#/$defs/${name}` };
    this.#definitions.set(name, {
      properties: { value: { title: "Value", type: "integer" }, children: { default: [], items: self, title: "Children", type: "array" } },
      required: ["value"],
      title: name,
      type: "object",
    });
    const value = (r: Random, depth: number): unknown => ({
      value: integerBetween(0, 9, r),
      ...(depth > 0 ? { children: listOf(0, 2, r, () => value(r, depth - 1)) } : {}),
    });
    return shape(self, r => value(r, 2));
  }

  root(): Shape {
    const model = this.#model(2);
    const name = (model.schema.$ref as string).split("/").at(-1)!;
    const { [name]: own, ...others } = Object.fromEntries(this.#definitions);
    // a model that nothing refers to stands at the root; a recursive one would be referred to
    return shape(Object.keys(others).length > 0 ? { $defs: others, ...own } : own!, model.value);
  }
}

export const pydanticSchema = (rng: Random): Shape => new Library(rng).root();
