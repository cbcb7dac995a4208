import fc from "fast-check";
import { expect, test } from "vitest";
import { glob } from "./glob.ts";

test("a star stays in its folder, two stars cross folders, braces are alternatives", () => {
  const rows: [string, string, boolean][] = [
    ["*.txt", "a.txt", true],
    ["*.txt", "b/a.txt", false],
    ["**/*.txt", "a.txt", true],
    ["**/*.txt", "x/y/a.txt", true],
    ["data/*/*.{eml,txt}", "data/ham/1.eml", true],
    ["data/*/*.{eml,txt}", "data/ham/1.json", false],
    ["./a?.md", "a1.md", true],
    ["**/*spam*/**/*", "data/spam-1/7", true],
    ["**/*spam*/**/*", "data/ham/spam.txt", false],
    ["{a,{b,c}}/x", "c/x", true],
    ["a{b", "a{b", true],
  ];
  for (const [pattern, path, fits] of rows) expect(glob(pattern)(path), `${pattern} ~ ${path}`).toBe(fits);
});

test("a pattern made of a path's own letters with stars between always fits it", () => {
  const name = fc.stringMatching(/^[a-c]{1,8}$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (parts, stars) => {
      const pattern = parts.map(p => [...p].map((c, i) => (stars[i] ? `*${c}` : c)).join("")).join("/");
      expect(glob(pattern)(parts.join("/"))).toBe(true);
      expect(glob("**")(parts.join("/"))).toBe(true);
    }),
  );
});

test("a pattern of many stars does not take exponential time", () => {
  expect(glob(`${"*a".repeat(40)}b`)("a".repeat(200))).toBe(false);
  expect(glob(`${"**/a/".repeat(40)}b`)("a/".repeat(200))).toBe(false);
});
