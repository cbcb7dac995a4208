/** Whatever comes from outside: a form, or text/constraint, in bounded time; and where it is a form, the one that was meant. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { isLoamError } from "../../base/index.ts";
import { type Form, recogniserOf } from "./index.ts";
import type { Recogniser } from "./recogniser.ts";

const formOf = (form: Form): Recogniser | undefined => {
  try {
    return recogniserOf(form, "form");
  } catch (error) {
    if (isLoamError(error) && error.code === "text/constraint") return undefined;
    throw error;
  }
};
const reads = (r: Recogniser, t: string): boolean => {
  r.work = Number.POSITIVE_INFINITY;
  return r.read(r.start, Buffer.from(t))?.isAccepting ?? false;
};
const texts = fc.array(fc.string({ unit: fc.constantFrom(..."aab1-\né"), maxLength: 6 }), { minLength: 8, maxLength: 8 });

test("random expressions mean what RegExp means by them, or are refused", () => {
  const parts = [
    "a",
    "b",
    "1",
    "é",
    "|",
    "(",
    ")",
    "(?:",
    "*",
    "+",
    "?",
    "{2}",
    "{1,3}",
    "{0,}",
    "[",
    "]",
    "[^",
    "-",
    "^",
    "$",
    ".",
    "\\d",
    "\\W",
    "\\n",
    "a|b",
    "[ab-]",
    "(?=",
    "(?!",
    "\\1",
    "\\b",
  ];
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 9 }).map(p => p.join("")),
      texts,
      (pattern, all) => {
        const r = formOf({ kind: "regex", pattern });
        let judge: RegExp | undefined;
        try {
          judge = new RegExp(`^(?:${pattern})$`, "u");
          new RegExp(pattern, "u");
        } catch {
          judge = undefined;
        }
        if (!r) return;
        accepted++;
        // what RegExp takes for no expression is none here either
        expect([pattern, judge !== undefined]).toEqual([pattern, true]);
        for (const t of all) expect([pattern, t, reads(r, t)]).toEqual([pattern, t, judge!.test(t)]);
      },
    ),
    { seed: 21, numRuns: 2000 },
  );
  expect(accepted).toBeGreaterThan(rounds(100));
});

test("random schemas are forms or are refused, and a form says only JSON", () => {
  const keys = [
    "type",
    "properties",
    "items",
    "anyOf",
    "allOf",
    "oneOf",
    "$ref",
    "$defs",
    "enum",
    "const",
    "required",
    "additionalProperties",
    "propertyNames",
    "patternProperties",
    "minProperties",
    "uniqueItems",
    "contains",
    "maxContains",
    "not",
    "if",
    "then",
    "dependentSchemas",
    "unevaluatedProperties",
    "discriminator",
    "nullable",
    "prefixItems",
    "minLength",
    "maxItems",
    "pattern",
    "format",
    "minimum",
    "multipleOf",
    "__proto__",
    "a",
  ];
  const values = fc.oneof(
    fc.constantFrom<unknown>(
      "object",
      "string",
      "array",
      "integer",
      "#",
      "#/$defs/a",
      "#/properties/a",
      "^a*$",
      "date",
      ["a"],
      ["null", "object"],
      true,
      false,
      null,
      [],
      {},
      -1,
      3,
      1e30,
      0.1,
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const schema: fc.Arbitrary<unknown> = fc.letrec<{ s: unknown }>(tie => ({
    s: fc.oneof(
      { maxDepth: 4 },
      values,
      fc.dictionary(
        fc.constantFrom(...keys),
        fc.oneof(values, tie("s"), fc.dictionary(fc.constantFrom("a", "b"), tie("s")), fc.array(tie("s"), { maxLength: 3 })),
      ),
    ),
  })).s;
  let forms = 0;
  fc.assert(
    fc.property(schema, schema => {
      const r = formOf({ kind: "schema", schema });
      if (!r) return;
      forms++;
      for (const t of ["{}", "[]", '"a"', "1", "null", '{"a":1}', "[[]]", "1e", "{", '"']) if (reads(r, t)) JSON.parse(t);
    }),
    { seed: 22, numRuns: 400 },
  );
  expect(forms).toBeGreaterThan(rounds(30));
});

test("random grammars are forms or are refused", () => {
  const parts = ["root", "a", "::=", '"x"', '"', "[a-z]", "[", "(", ")", "|", "*", "{2,3}", "?", "\n", "#", "\\", ".", " ", "é"];
  let forms = 0;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 14 }), g => {
      for (const grammar of [g.join(" "), `root ::= ${g.join(" ")}`, `root ::= a "y" | "x"\na ::= ${g.join(" ")}`]) {
        const r = formOf({ kind: "grammar", grammar });
        if (!r) continue;
        forms++;
        for (const t of ["", "x", "xx", "ay", "xy"]) reads(r, t);
      }
    }),
    { seed: 23, numRuns: 800 },
  );
  expect(forms).toBeGreaterThan(rounds(100));
});
