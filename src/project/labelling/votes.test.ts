import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import {
  agreementOf,
  alphaOf,
  appendVote,
  majority,
  newestDecisions,
  newestVotes,
  readVotes,
  valueKey,
  valuesOfKey,
  votesInKind,
} from "./votes.ts";

const root = mkdtempSync(join(tmpdir(), "loam-votes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (name: string) => join(root, name, "x.votes.jsonl");
const vote = (id: string, by: string, label: string | null) => ({ id, by, label, atMs: 1 });

test("votes come back as they were given; a line that a crash cut off is none, and the next takes its place", () => {
  const path = at("cut");
  appendVote(path, vote("a", "ann", "spam"));
  appendFileSync(path, '{"id":"b","by":"ann","la');
  expect(readVotes(path)).toEqual([vote("a", "ann", "spam")]);
  appendVote(path, vote("c", "bob", "ham"));
  expect(readVotes(path)).toEqual([vote("a", "ann", "spam"), vote("c", "bob", "ham")]);
  appendFileSync(path, "[1]\n");
  expect(() => readVotes(path)).toThrow(/x\.votes\.jsonl:3: expected object/);
  writeFileSync(path, `${JSON.stringify(vote("a", "ann", "ham"))}\n`);
  expect(readVotes(path)).toEqual([vote("a", "ann", "ham")]);
  expect(readVotes(at("absent"))).toEqual([]);
});

test("a person has one label a text, the newest; null takes it back", () => {
  const all = [vote("a", "ann", "x"), vote("a", "bob", "y"), vote("a", "ann", "z"), vote("b", "ann", "x"), vote("b", "ann", null)];
  expect([...newestVotes(all)].map(([id, own]) => [id, Object.fromEntries(own)])).toEqual([
    ["a", { ann: "z", bob: "y" }],
    ["b", {}],
  ]);
});

test("the majority is the class with more votes than any other, whatever their order", () => {
  expect([majority([]), majority(["a"]), majority(["a", "b"]), majority(["b", "a", "b"])]).toEqual([undefined, "a", undefined, "b"]);
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c")), labels => {
      expect(majority(labels.toReversed())).toBe(majority(labels));
    }),
  );
});

test("who types an account's name is another person than the account, and takes none of its labels", () => {
  const own = { ...vote("t0", "ann", "a"), isVerified: true };
  const typed = [vote("t0", "ann", "b"), vote("t1", "ann", null)];
  const votes = newestVotes([own, { ...own, id: "t1" }, ...typed]);
  expect([...votes.get("t0")!.values()].sort()).toEqual(["a", "b"]);
  expect([...votes.get("t1")!.values()]).toEqual(["a"]);
  expect(agreementOf(votes, ["a", "b"]).people).toEqual([
    { name: "ann", isVerified: false, labelled: 1 },
    { name: "ann", isVerified: true, labelled: 2 },
  ]);
});

test("two people are held beside each other by Cohen's kappa, three by Fleiss', on what all of them labelled", () => {
  const classes = ["a", "b"];
  const votes = (rows: readonly (readonly (string | null)[])[]) =>
    newestVotes(rows.flatMap((row, i) => row.flatMap((l, p) => (l === null ? [] : [vote(`t${i}`, `p${p}`, l)]))));
  // 20 and 15 agree, 5 and 10 do not: Wikipedia's example of Cohen's kappa, 0.4
  const pairs = [...Array(20).fill(["a", "a"]), ...Array(5).fill(["a", "b"]), ...Array(10).fill(["b", "a"]), ...Array(15).fill(["b", "b"])];
  const two = agreementOf(votes([...pairs, ["a", null]]), classes);
  expect(two).toMatchObject({
    kind: "Cohen",
    items: 50,
    people: [
      { name: "p0", isVerified: false, labelled: 51 },
      { name: "p1", isVerified: false, labelled: 50 },
    ],
  });
  expect(two.kappa).toBeCloseTo(0.4, 12);
  const all = agreementOf(
    votes([
      ["a", "a", "a"],
      ["b", "b", "b"],
    ]),
    classes,
  );
  expect(all).toMatchObject({ kind: "Fleiss", kappa: 1, items: 2 });
  // alone, nothing in common, one class only: no figure, and none made up
  expect(agreementOf(votes([["a"]]), classes)).toMatchObject({ kind: null, kappa: null });
  expect(
    agreementOf(
      votes([
        ["a", null],
        [null, "b"],
      ]),
      classes,
    ),
  ).toMatchObject({ kind: "Cohen", kappa: null, items: 0 });
  expect(agreementOf(votes([["a", "a"]]), classes)).toMatchObject({ kappa: null, items: 1 });
});

test("several classes and ranges are equal in any order, and come back from the file as they were given", () => {
  const path = at("kinds");
  const spans = [
    { start: 4, end: 9, label: "place" },
    { start: 0, end: 3, label: "name" },
  ];
  const votes = [
    { id: "a", by: "ann", label: ["x", "y"], atMs: 1 },
    { id: "b", by: "ann", label: spans, atMs: 2 },
    { id: "c", by: "ann", label: [], atMs: 3 },
  ];
  for (const v of votes) appendVote(path, v);
  expect(readVotes(path)).toEqual(votes);
  expect(valueKey(["y", "x", "x"])).toBe(valueKey(["x", "y"]));
  expect(valueKey(spans.toReversed())).toBe(valueKey(spans));
  expect(valueKey([])).not.toBe(valueKey(["x"]));
});

test("a decision is no vote: it is kept beside them, the newest counts, and null takes it back", () => {
  const decision = (label: string | null) => ({ id: "a", by: "eve", label, adjudicated: true as const, atMs: 2 });
  const votes = [vote("a", "ann", "x"), vote("a", "bob", "y"), decision("x")];
  expect([...newestVotes(votes).get("a")!.keys()]).toEqual(["ann", "bob"]);
  expect(newestDecisions([...votes, decision("y")]).get("a")).toEqual({ by: "eve", isVerified: false, key: "y" });
  expect(newestDecisions([...votes, decision(null)]).size).toBe(0);
});

test("alpha of several classes and of ranges is 1 where all agree, falls with each difference, and a boundary off by one costs little", () => {
  const of = (first: object[] | string[], second: object[] | string[], length?: number) => {
    const votes = newestVotes([
      { id: "a", by: "ann", label: first as string[], atMs: 1 },
      { id: "a", by: "bob", label: second as string[], atMs: 1 },
    ]);
    return alphaOf(votes, ["x", "y"], length === undefined ? undefined : () => length).kappa;
  };
  expect(of(["x"], ["x"])).toBe(1);
  // coincidences of two items, yes-no and no-yes: observed 1, expected 2/3 of pairs, by Krippendorff's formula (n-1)/n
  expect(of(["x"], ["y"])).toBeCloseTo(-0.5, 12);
  const range = (start: number, end: number) => [{ start, end, label: "x" }];
  expect(of(range(10, 50), range(10, 50), 200)).toBe(1);
  const near = of(range(10, 50), range(10, 49), 200)!;
  const far = of(range(10, 50), range(40, 80), 200)!;
  expect(near).toBeGreaterThan(0.95);
  expect(far).toBeLessThan(near);
  expect(far).toBeLessThan(0.5);
});

test("the kind of a set can be changed: votes that fit the new kind count, others stay in the file and do not", () => {
  const range = [{ start: 0, end: 3, label: "name" }];
  const votes = ["work", ["work"], ["work", "ham"], [], range, null].map((label, i) => ({ id: `t${i}`, by: "ann", label, atMs: i }));
  const counted = (kind: "one" | "several" | "spans") => votesInKind(votes, kind).map(v => [v.id, v.label]);
  expect(counted("one")).toEqual([
    ["t0", "work"],
    ["t1", "work"],
    ["t5", null],
  ]);
  expect(counted("several")).toEqual([
    ["t0", ["work"]],
    ["t1", ["work"]],
    ["t2", ["work", "ham"]],
    ["t3", []],
    ["t5", null],
  ]);
  expect(counted("spans")).toEqual([
    ["t3", []],
    ["t4", range],
    ["t5", null],
  ]);
  // what counts of several classes and of ranges is read from its key; one class is its own key
  for (const kind of ["several", "spans"] as const)
    for (const own of newestVotes(votesInKind(votes, kind)).values())
      for (const key of own.values()) expect(Array.isArray(valuesOfKey(key))).toBe(true);
});
