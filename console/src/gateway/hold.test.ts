import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../../src/base/index.ts";
import { policyPart } from "../../../src/gateway/policy/rules.ts";
import { type HoldKind, holdId, holdValue, isHold } from "./hold.ts";

const kinds: readonly HoldKind[] = ["key", "users", "serviceAccounts", "teams", "organisations", "model"];

test("a hold is a policy that the gateway takes, whatever the name and the reason, and is found again", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.string({ minLength: 1, maxLength: 127, unit: "grapheme-ascii" }).filter(name => !name.includes("*")),
      fc.string({ maxLength: 250 }),
      (kind, name, reason) => {
        const policy = check(policyPart, { id: holdId(kind, name), ...holdValue(kind, name, reason) }, "policy");
        expect(policy.effect).toBe("deny");
        expect([...Object.values(policy.who).flat(), ...(policy.models ?? [])]).toEqual([name]);
        expect(isHold({ ...policy, origin: "store" })).toBe(true);
      },
    ),
  );
});

test("other policies, and those of the file, are no holds", () => {
  expect(isHold({ id: "night", effect: "deny", origin: "store" })).toBe(false);
  expect(isHold({ id: "hold-key-a", effect: "deny", origin: "file" })).toBe(false);
  expect(isHold({ id: "hold-key-a", effect: "allow", origin: "store" })).toBe(false);
});
