import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import { defined } from "./defined.ts";

test("keys without a value are absent, the others keep their values and their order", () => {
  const value = fc.oneof(
    fc.constant(undefined),
    fc.constant(null),
    fc.constant(0),
    fc.constant(""),
    fc.constant(false),
    fc.constant(Number.NaN),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), value), { maxLength: 8 }), entries => {
      const given = Object.fromEntries(entries.filter(([key]) => key !== "__proto__"));
      const written: Record<string, unknown> = {};
      for (const [key, v] of Object.entries(given)) Object.assign(written, v === undefined ? {} : { [key]: v });
      expect(Object.entries({ ...defined(given) })).toEqual(Object.entries(written));
    }),
  );
});

test("it fits optional properties that may not be undefined", () => {
  interface Options {
    readonly a: number;
    readonly b?: string;
    readonly c?: readonly number[];
  }
  const [b, c] = [undefined, [1]] as [string | undefined, readonly number[] | undefined];
  const options: Options = { a: 1, ...defined({ b, c }) };
  expect(Object.keys(options)).toEqual(["a", "c"]);
  expectTypeOf(defined({ b })).toEqualTypeOf<{ b?: string }>();
});
