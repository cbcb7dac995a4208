import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../../base/index.ts";
import { noResources } from "../../resources.ts";
import { maxCounted, patternsStep } from "./patterns.ts";
import { compilePattern, patternRefusal } from "./re2.ts";

const document = (text: string) => ({ id: "a", text, source: "s", attributes: {} });
async function run(text: string, ...rules: object[]) {
  const o = patternsStep.options.parse({ rules: rules.map((r, i) => ({ name: `rule-${i}`, ...r })) });
  return patternsStep.apply(document(text), o, await patternsStep.prepare!(o, noResources));
}

test("what the linear engine cannot do is refused at its place, with the reason", () => {
  const place = (pattern: string) => {
    try {
      check(
        patternsStep.options,
        {
          rules: [
            { name: "ok", pattern: "a", action: "drop" },
            { name: "bad", pattern, action: "drop" },
          ],
        },
        "loam.yaml",
      );
      return "taken";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(place("(a)\\1")).toMatch(/rules\[1\]\.pattern.*back-reference/s);
  expect(place("a(?=b)")).toMatch(/rules\[1\]\.pattern.*looking ahead/s);
  expect(place("a(?!b)")).toMatch(/rules\[1\]\.pattern.*looking ahead/s);
  expect(place("(?<=a)b")).toMatch(/rules\[1\]\.pattern.*looking behind/s);
  expect(place("\\u0041")).toMatch(/rules\[1\]\.pattern.*x\{41\}/s);
  expect(place("[a")).toMatch(/rules\[1\]\.pattern.*missing closing/s);
  expect(place("(?<year>\\d{4})-\\p{L}+")).toBe("taken");
  expect(patternRefusal("(a{100}){100}")).toBeDefined();
});

test("options that contradict each other are refused", () => {
  const parse = (r: object) => () => patternsStep.options.parse({ rules: [{ name: "x", pattern: "a", ...r }] });
  expect(parse({ action: "cut", with: "b" })).toThrow("mask");
  expect(parse({ action: "cut", maxShare: 0.1 })).toThrow("drop");
  expect(parse({ action: "drop", minMatches: null })).toThrow("maxShare");
  expect(parse({ action: "drop", flags: "ii" })).toThrow("once");
  expect(parse({ action: "drop", flags: "g" })).toThrow("once");
  expect(() => patternsStep.options.parse({ rules: ["a", "a"].map(name => ({ name, pattern: "a", action: "drop" })) })).toThrow("differ");
});

test("a pattern that would be exponential elsewhere ends on 100,000 characters", async () => {
  // A backtracking engine needs more steps than there are atoms.
  const text = `${"a".repeat(100_000)}!`;
  for (const pattern of ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]) {
    const { verdicts } = await run(text, { pattern, action: "drop" });
    expect(verdicts).toEqual([{ rule: "rule-0", keep: true, value: 0, threshold: 1 }]);
  }
  expect((await run("a".repeat(100_000), { pattern: "(a+)+$", action: "drop" })).verdicts![0]!.keep).toBe(false);
});

test("drop and keep-only are each other's opposite", () => {
  return fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("ab", "c", " "), { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      async (parts, minMatches) => {
        const text = parts.join("");
        const drop = (await run(text, { pattern: "ab", action: "drop", minMatches })).verdicts![0]!;
        const only = (await run(text, { pattern: "ab", action: "keep-only", minMatches })).verdicts![0]!;
        expect(drop.value).toBe(parts.filter(p => p === "ab").length);
        expect(drop.keep).toBe(!only.keep);
      },
    ),
  );
});

test("places are those of the native engine, where both know the pattern", () => {
  const some = ["a+", "b|ab", "\\d{2,3}", "[^a ]+", "(?:ab)*a", "\\bb", "é.", "."];
  fc.assert(
    fc.property(
      fc.constantFrom(...some),
      fc.array(fc.constantFrom("a", "b", "é", "1", "23", " ", "\n", "😀"), { maxLength: 30 }),
      (pattern, parts) => {
        const text = parts.join("");
        const native = [...text.matchAll(new RegExp(pattern, "gu"))].filter(m => m[0] !== "").map(m => [m.index, m.index + m[0].length]);
        // \b is ASCII's in both; the native \b with u and no i too.
        expect([...compilePattern(pattern, "").find(text)]).toEqual(native);
      },
    ),
    { numRuns: 300 },
  );
});

test("the share counts characters in matches", async () => {
  const r = { pattern: "x+", action: "drop", minMatches: null, maxShare: 0.5 };
  expect((await run("xxab", r)).verdicts).toEqual([{ rule: "rule-0-share", keep: true, value: 0.5, threshold: 0.5 }]);
  expect((await run("xxa", r)).verdicts![0]!.keep).toBe(false);
  expect((await run("", r)).verdicts![0]).toMatchObject({ keep: true, value: 0 });
});

test("cut and mask change the matches and nothing else, each after the one before", async () => {
  const { text, edits } = await run(
    "Call 555-1234 or 555-9876.\nRef: AB12",
    { pattern: "\\d{3}-\\d{4}", action: "mask" },
    { pattern: "^Ref:.*$", flags: "m", action: "cut" },
    { pattern: "\\[RULE-0\\] or ", action: "cut" },
    { pattern: "call", flags: "i", action: "mask", with: "$1" },
  );
  expect(text).toBe("$1 [RULE-0].\n");
  expect(edits).toEqual([
    { rule: "rule-0", value: 2 },
    { rule: "rule-1", value: 1 },
    { rule: "rule-2", value: 1 },
    { rule: "rule-3", value: 1 },
  ]);
  expect(await run("a", { pattern: "a", action: "cut", minMatches: 2 })).toEqual({ verdicts: [] });
});

test("a document that goes is kept as it was", async () => {
  const gone = await run("secret spam", { pattern: "secret", action: "cut" }, { pattern: "spam", action: "drop" });
  expect(gone.text).toBeUndefined();
  expect(gone.attributes).toEqual({ patterns: ["rule-1"] });
});

test("a document of which nothing would be left goes instead", async () => {
  const gone = await run("spam spam\n", { pattern: "spam", action: "cut" });
  expect(gone).toEqual({ verdicts: [{ rule: "nothing-left", keep: false, value: 0, threshold: 1 }] });
});

test("matches that are empty are none", async () => {
  expect((await run("abc", { pattern: "x*", action: "drop" })).verdicts![0]).toMatchObject({ value: 0, keep: true });
  expect((await run("abc", { pattern: "x*", action: "mask" })).text).toBeUndefined();
});

test("counting ends where more matches would say no more, and not before the threshold", async () => {
  const text = "a ".repeat(5000);
  expect((await run(text, { pattern: "a", action: "drop" })).verdicts![0]!.value).toBe(maxCounted);
  expect((await run(text, { pattern: "a", action: "drop", minMatches: 4000 })).verdicts![0]).toMatchObject({ value: 4000, keep: false });
});
