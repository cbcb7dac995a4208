import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../../src/base/index.ts";
import { checkedValue } from "../../../src/gateway/identity/entries.ts";
import { limitRule } from "../../../src/gateway/limits/rules.ts";
import { formOf, limitValueOf, measures, newLimit, subjects, times } from "./limit-choice.ts";

const form = fc.record({
  ...Object.fromEntries(Object.entries(newLimit).map(([key, value]) => [key, fc.constant(value)])),
  name: fc.stringMatching(/^[a-z][a-z-]{0,8}$/),
  measure: fc.constantFrom(...measures),
  limit: fc.integer({ min: 1, max: 1e9 }).map(String),
  time: fc.constantFrom(...times),
  subject: fc.constantFrom(...subjects),
  names: fc.constantFrom("ann", "ann, bob"),
  per: fc.constantFrom("one for all", "user", "model"),
  isShadow: fc.boolean(),
}) as fc.Arbitrary<typeof newLimit>;

test("whatever the form holds, the gateway takes it; and what the gateway shows goes back into the form unchanged", () => {
  fc.assert(
    fc.property(form, given => {
      const rule = check(limitRule, { ...limitValueOf(given), name: given.name }, "limit");
      expect(rule.limit).toBe(Number(given.limit));
      const stored = checkedValue("limits", given.name, limitValueOf(given), "body");
      const shown = { kind: "limits", name: given.name, ...stored, origin: "store", revision: 3 } as unknown as Parameters<
        typeof formOf
      >[0];
      const again = formOf(shown)!;
      expect(checkedValue("limits", given.name, limitValueOf(again), "body")).toEqual(stored);
    }),
  );
});

test("what the form cannot hold is not put into it", () => {
  const shown = {
    kind: "limits",
    name: "x",
    measure: "tokens",
    limit: 1,
    window: "1h",
    per: [],
    for: { users: ["a"], models: ["m"] },
    mode: "enforce",
  };
  const rest = { onStoreLoss: "closed", origin: "store", revision: 1 } as const;
  expect(formOf({ ...shown, ...rest, kind: "limits" })).toBeNull();
  expect(formOf({ ...shown, ...rest, kind: "limits", for: {}, per: ["key", "model"] })).toBeNull();
});
