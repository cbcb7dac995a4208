import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { eraseNames, namedVotes, undatedVotes, votesOf, votesOlder, withoutNames } from "./erase-votes.ts";
import { agreementOf, alphaOf, appendVote, isErasedPerson, majority, newestDecisions, newestVotes, readVotes, type Vote } from "./votes.ts";

const root = mkdtempSync(join(tmpdir(), "loam-old-votes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (name: string) => join(root, name, "x.votes.jsonl");
const write = (path: string, votes: readonly Vote[]) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, votes.map(v => `${JSON.stringify(v)}\n`).join(""));
};
const vote = (id: string, by: string, label: Vote["label"], atMs: number, more: Partial<Vote> = {}): Vote => ({
  id,
  by,
  label,
  atMs,
  ...more,
});
const older = votesOlder({ beforeMs: 100, except: ["user:held", "kept"] });

/** What counts: of each text the values with how many gave each, and the decision. */
const counted = (votes: readonly Vote[]) => ({
  values: [...newestVotes(votes)]
    .filter(([, own]) => own.size > 0)
    .map(([id, own]) => [id, [...own.values()].sort()])
    .sort(),
  decisions: [...newestDecisions(votes)].map(([id, { key }]) => [id, key]).sort(),
});

const drawnVote = fc.record({
  id: fc.constantFrom("a", "b", "c"),
  by: fc.constantFrom("ann", "bob", "cid", "held", "kept"),
  isVerified: fc.constantFrom(true, false),
  label: fc.constantFrom("x", "y", null),
  isDecision: fc.boolean(),
});

test("counts of every text and decisions are the same without the old names, whatever was given, changed and taken back", () => {
  const log = fc.tuple(fc.array(drawnVote, { maxLength: 25 }), fc.nat(25));
  fc.assert(
    fc.property(log, ([drawn, young]) => {
      // a log in the order of its times, of which the last ones are newer
      const votes = drawn.map(({ isDecision, ...v }, i): Vote => {
        const atMs = i < drawn.length - young ? 1 + i : 200 + i;
        return { ...v, ...(isDecision ? { adjudicated: true } : {}), atMs };
      });
      const left = withoutNames(votes, older);
      expect(counted(left)).toEqual(counted(votes));
      const names = left.filter(v => v.atMs > 0 && v.atMs < 100).map(v => v.by);
      expect(names.filter(name => !["held", "kept"].includes(name))).toEqual([]);
      // done twice it does nothing
      expect(withoutNames(left, older)).toEqual(left);
    }),
  );
});

test("alpha is the same without the names; people are no longer told, and newer ones are", () => {
  const classes = ["x", "y"];
  const votes = ["xx", "xy", "yy", "xx", "yx", "xx"].flatMap((labels, i) =>
    [...labels].map((label, who) => vote(`t${i}`, ["ann", "bob"][who]!, label, 1)),
  );
  const several = votes.map(v => ({ ...v, label: [String(v.label)] }));
  const before = alphaOf(newestVotes(several), classes);
  const after = alphaOf(newestVotes(withoutNames(several, older)), classes);
  expect(after).toEqual({ ...before, people: [] });
  const kept = newestVotes(withoutNames([...votes, vote("t9", "dan", "x", 200)], older));
  const agreement = agreementOf(kept, classes);
  expect(agreement).toMatchObject({ kind: "Krippendorff", items: 6, people: [{ name: "dan", labelled: 1 }] });
  expect(agreement.kappa).toBeCloseTo(1 - 2 / 6 / ((2 * 8 * 4) / (12 * 11)), 10);
});

test("a file loses names and keeps the majority; its texts keep their order; a vote without a time is named and stays", () => {
  const path = at("file");
  write(path, [
    vote("a", "ann", "x", 1),
    vote("b", "bob", "y", 2),
    vote("a", "bob", "x", 3),
    vote("a", "kept", "y", 4),
    vote("c", "ann", "x", 0),
    vote("b", "ann", "y", 500),
    vote("b", "bob", "x", 5, { adjudicated: true }),
  ]);
  expect(undatedVotes(path)).toEqual([{ line: 5, problem: "atMs: 0" }]);
  expect(namedVotes(path, older).length).toBe(4);
  expect(eraseNames(path, older)).toBe(4);
  const text = readFileSync(path, "utf8");
  expect(text).not.toContain("bob");
  expect(readVotes(path).map(v => [v.id, v.by, v.label, v.erased])).toEqual([
    ["a", "", "x", 2],
    ["b", "", "y", 1],
    ["a", "kept", "y", undefined],
    ["c", "ann", "x", undefined],
    ["b", "ann", "y", undefined],
    ["b", "", "x", undefined],
  ]);
  const own = newestVotes(readVotes(path)).get("a")!;
  expect([majority(own.values()), [...own.keys()].filter(isErasedPerson).length]).toEqual(["x", 2]);
  expect(eraseNames(path, older)).toBe(0);
  expect(readFileSync(path, "utf8")).toBe(text);
  expect(eraseNames(at("absent"), older)).toBe(0);
});

test("a vote that a server adds while names are erased is not lost", () => {
  const path = at("late");
  write(path, [vote("a", "ann", "x", 1)]);
  expect(eraseNames(path, older, () => appendVote(path, vote("b", "bob", "y", 500)))).toBe(1);
  expect(readVotes(path).map(v => [v.id, v.by])).toEqual([
    ["a", ""],
    ["b", "bob"],
  ]);
});

test("a person's name goes from all their votes and decisions, typed or of an account, and nobody else's", () => {
  const votes = [
    vote("a", "ann", "x", 1, { isVerified: true }),
    vote("a", "bob", "y", 2),
    vote("b", "ann", "x", 300),
    vote("b", "ann", "y", 301, { adjudicated: true }),
    vote("b", "anna", "x", 302),
  ];
  const left = withoutNames(votes, votesOf("user:ann"));
  expect(counted(left)).toEqual(counted(votes));
  expect(left.map(v => v.by)).toEqual(["", "bob", "", "", "anna"]);
});
