import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { unionFind } from "../steps/near-duplicates/union-find.ts";
import { dateIn, splitByTime } from "./by-time.ts";
import { chooseHeldOut } from "./choose.ts";
import { crossingValues } from "./crossing.ts";
import { groupsOfSets, joinByValues } from "./groups.ts";
import { splitByOptions, timeOptions } from "./options.ts";
import { splitStratified, strataReport } from "./stratified.ts";

const day = 86_400_000;
const idsOf = (n: number) => Array.from({ length: n }, (_, i) => `d:${String(i).padStart(6, "0")}`);

/** Documents in groups of 1 to `most`, with a date and a stratum each. */
function corpus(seed: number, n: number, most = 4) {
  const draw = random(seed);
  const sets = unionFind(n);
  for (let i = 0; i < n; ) {
    const size = 1 + draw.below(most);
    for (let k = 1; k < size && i + k < n; k++) sets.union(i, i + k);
    i += size;
  }
  const ids = idsOf(n);
  return {
    ids,
    sets,
    groups: groupsOfSets(ids, sets, seed),
    dates: Float64Array.from({ length: n }, (_, i) => (draw.uniform() < 0.1 ? Number.NaN : (i + draw.below(40)) * day)),
    strata: Uint32Array.from({ length: n }, () => Math.floor(draw.uniform() ** 2 * 5)),
    sizes: Float64Array.from({ length: n }, () => 1 + draw.below(50)),
  };
}
const counted = (flags: Uint8Array) => flags.reduce((n, f) => n + f, 0);
const seeds = fc.integer({ min: 0, max: 1e9 });

test("groups: equal values of any column join, over several links, and columns join what near-duplication did not", () => {
  const sets = unionFind(6);
  sets.union(0, 1);
  const author = ["ann", undefined, "bob", "bob", undefined, "cy"];
  const thread = ["t1", undefined, undefined, "t2", "t2", undefined];
  expect(joinByValues(sets, [author, thread])).toEqual([1, 1]);
  expect([0, 1, 2, 3, 4, 5].map(i => sets.find(i))).toEqual([0, 0, 2, 2, 2, 5]);
});

test("groups: no value is on both sides, whatever is held out, in any order of joining", () => {
  fc.assert(
    fc.property(seeds, seed => {
      const draw = random(seed);
      const n = 60;
      const columns = [0, 1].map(() => Array.from({ length: n }, () => (draw.uniform() < 0.3 ? undefined : `v${draw.below(20)}`)));
      const [a, b] = [unionFind(n), unionFind(n)];
      joinByValues(a, columns);
      joinByValues(b, [...columns].reverse());
      const groups = groupsOfSets(idsOf(n), a, seed);
      expect(groupsOfSets(idsOf(n), b, seed)).toEqual(groups);
      const heldOut = splitStratified(groups, new Uint32Array(n), undefined, 0.3);
      for (const c of columns) expect(crossingValues("c", c, i => heldOut[groups.groupOf[i]!] === 1).crossing).toBe(0);
    }),
  );
});

test("time, held out across: every train document is older than the cut and groups are whole", () => {
  fc.assert(
    fc.property(seeds, fc.double({ min: 0.05, max: 0.6, noNaN: true }), (seed, share) => {
      const { groups, dates } = corpus(seed, 300);
      const { isHeldOut: heldOut, report } = splitByTime(groups, dates, share, timeOptions.parse({}));
      const cut = Date.parse(report.cut);
      let held = 0;
      dates.forEach((t, i) => {
        if (Number.isNaN(t)) return;
        const isHeld = heldOut[groups.groupOf[i]!] === 1;
        held += isHeld ? 1 : 0;
        if (!isHeld) expect(t).toBeLessThan(cut);
      });
      // The other way around, every held-out document is new.
      const other = splitByTime(groups, dates, share, timeOptions.parse({ across: "train" }));
      dates.forEach((t, i) => {
        if (other.isHeldOut[groups.groupOf[i]!] === 1 && !Number.isNaN(t)) expect(t).toBeGreaterThanOrEqual(Date.parse(other.report.cut));
      });
      expect(held / 300).toBeGreaterThan(share - 0.15);
      expect(held / 300).toBeLessThan(share + 0.1);
    }),
    { numRuns: 50 },
  );
});

test("time: everything of one day is on one side, and the cut brings the share as near as days allow", () => {
  const n = 100;
  const dates = Float64Array.from({ length: n }, (_, i) => Math.floor(i / 10) * day);
  const groups = groupsOfSets(idsOf(n), unionFind(n), 1);
  const heldIn = (share: number) => splitByTime(groups, dates, share, timeOptions.parse({}));
  expect(counted(heldIn(0.1).isHeldOut)).toBe(10);
  expect(counted(heldIn(0.26).isHeldOut)).toBe(30);
  // Less than one day is one day; all is no split.
  expect(counted(heldIn(0.01).isHeldOut)).toBe(10);
  expect(counted(heldIn(0.9).isHeldOut)).toBe(90);
  expect(heldIn(0.1).report).toMatchObject({
    cut: "1970-01-10",
    train: { from: "1970-01-01", to: "1970-01-09" },
    heldOut: { from: "1970-01-10" },
  });
});

test("time: a given cut is obeyed, documents without a date go where the option says", () => {
  const { groups, dates, ids } = corpus(3, 400, 1);
  const at = (undated: string) => splitByTime(groups, dates, 0.1, timeOptions.parse({ cut: "1970-10-01", undated }));
  const none = [...ids.keys()].filter(i => Number.isNaN(dates[i]!));
  const held = (r: ReturnType<typeof at>) => none.filter(i => r.isHeldOut[groups.groupOf[i]!] === 1).length;
  expect(held(at("train"))).toBe(0);
  expect(held(at("held-out"))).toBe(none.length);
  const share = counted(at("train").isHeldOut) / (400 - none.length);
  expect(held(at("share")) / none.length).toBeCloseTo(share, 1);
  expect(at("train").report).toMatchObject({ cut: "1970-10-01", undatedDocuments: none.length, across: { groups: 0, documents: 0 } });
});

test("time: dates that cannot be true are none", () => {
  const groups = groupsOfSets(idsOf(4), unionFind(4), 1);
  const o = timeOptions.parse({ earliest: "1970-01-01", latest: "1971" });
  const dates = Float64Array.from(["1968-11-27", "1970-01-02", "1970-01-03", "2024-10-04"], dateIn(o));
  const { report, isHeldOut: heldOut } = splitByTime(groups, dates, 0.5, o);
  expect(report).toMatchObject({ cut: "1970-01-03", undatedDocuments: 2, train: { to: "1970-01-02" }, heldOut: { to: "1970-01-03" } });
  expect(counted(heldOut)).toBe(1);
});

test("time: groups across the cut are counted with their documents", () => {
  const sets = unionFind(4);
  sets.union(1, 3);
  const groups = groupsOfSets(idsOf(4), sets, 1);
  const dates = Float64Array.of(0, day, 2 * day, 3 * day);
  const { report, isHeldOut: heldOut } = splitByTime(groups, dates, 0.3, timeOptions.parse({ cut: "1970-01-03" }));
  expect(report.across).toEqual({ groups: 1, documents: 1 });
  expect(counted(heldOut)).toBe(2);
});

test("time: no dates, a cut beyond them, and a cut that is no date are told", () => {
  const { groups, dates } = corpus(4, 50);
  const split = (d: Float64Array, o: object) => () => splitByTime(groups, d, 0.1, timeOptions.parse(o));
  expect(split(new Float64Array(50).fill(Number.NaN), { attribute: "sent" })).toThrow(
    /split by time: sent: expected documents with a date .* none in \d+ groups/,
  );
  expect(split(dates, { cut: "2040" })).toThrow("expected groups on both sides of the cut, got 0 of");
  expect(split(dates, { cut: "soon" })).toThrow('expected a date such as 2024-03-01, got "soon"');
});

test("stratified: with single documents every stratum's share is met within one document", () => {
  fc.assert(
    fc.property(seeds, fc.double({ min: 0.05, max: 0.5, noNaN: true }), (seed, share) => {
      const { groups, strata } = corpus(seed, 500, 1);
      const heldOut = splitStratified(groups, strata, undefined, share);
      for (const s of strataReport(["a", "b", "c", "d", "e"], strata, i => heldOut[groups.groupOf[i]!] === 1))
        expect(Math.abs(s.heldOut - share * (s.train + s.heldOut))).toBeLessThanOrEqual(1);
    }),
    { numRuns: 50 },
  );
});

test("stratified: with groups that mix strata, shares are met far better than by the hash alone, by bytes too", () => {
  let [ours, byHash] = [0, 0];
  for (let seed = 1; seed <= 20; seed++) {
    const { groups, strata, sizes, ids, sets } = corpus(seed, 400);
    const weighed = groupsOfSets(ids, sets, seed, sizes);
    const worst = (heldOut: Uint8Array) =>
      Math.max(
        ...strataReport(["a", "b", "c", "d", "e"], strata, i => heldOut[groups.groupOf[i]!] === 1, sizes).map(s => Math.abs(s.share - 0.2)),
      );
    ours += worst(splitStratified(weighed, strata, sizes, 0.2));
    byHash += worst(Uint8Array.from({ length: groups.count }, (_, g) => (g < groups.count * 0.2 ? 1 : 0)));
  }
  expect(ours / 20).toBeLessThan(0.01);
  expect(byHash / 20).toBeGreaterThan(0.04);
});

test("stratified: the seed decides, not the order of members; large groups are not favoured", () => {
  let [large, all, largeHeld, allHeld] = [0, 0, 0, 0];
  for (let seed = 0; seed < 30; seed++) {
    const { groups, strata } = corpus(seed, 400);
    const heldOut = splitStratified(groups, strata, undefined, 0.2);
    for (let g = 0; g < groups.count; g++) {
      const isHeld = heldOut[g] === 1 ? 1 : 0;
      all += groups.sizes[g]!;
      allHeld += isHeld * groups.sizes[g]!;
      if (groups.sizes[g]! < 4) continue;
      large += groups.sizes[g]!;
      largeHeld += isHeld * groups.sizes[g]!;
    }
  }
  expect(allHeld / all).toBeCloseTo(0.2, 2);
  expect(Math.abs(largeHeld / large - 0.2)).toBeLessThan(0.03);
});

test("both sides exist however small the corpus", () => {
  const groups = groupsOfSets(idsOf(3), unionFind(3), 1);
  for (const share of [0.01, 0.9]) {
    const size = counted(splitStratified(groups, Uint32Array.of(0, 0, 0), undefined, share));
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(3);
  }
});

test("crossing values are counted, and named by how many held-out documents have them", () => {
  const column = ["a", "a", "a", "b", "b", undefined, "c"];
  const held = new Set([0, 1, 3, 5, 6]);
  expect(crossingValues("author", column, i => held.has(i))).toEqual({
    attribute: "author",
    values: 3,
    crossing: 2,
    heldOutDocuments: 3,
    heldOutWithValue: 4,
    most: [
      { value: "a", train: 1, heldOut: 2 },
      { value: "b", train: 1, heldOut: 1 },
    ],
  });
});

test("options together: an author and near-duplicates stay on one side, labels keep their proportion, the check finds what else crosses", () => {
  const draw = random(8);
  const n = 400;
  const author = Array.from({ length: n }, () => `author ${draw.below(120)}`);
  const label = Array.from({ length: n }, () => (draw.uniform() < 0.25 ? "spam" : "ham"));
  const list = Array.from({ length: n }, () => `list ${draw.below(5)}`);
  const near = unionFind(n);
  for (let i = 0; i < 60; i++) near.union(draw.below(n), draw.below(n));
  const pairs = Array.from({ length: n }, (_, i) => [i, near.find(i)] as const);
  const columns: Record<string, string[]> = { author, label, list };
  const o = splitByOptions.parse({ together: ["author"], stratify: "label", check: ["list"] });
  const choice = chooseHeldOut({ ids: idsOf(n), sets: near, column: a => columns[a]! }, 0.2, 1, o);
  for (const [i, root] of pairs) expect(choice.isHeldOut(i)).toBe(choice.isHeldOut(root));
  expect(choice.crossing.map(c => [c.attribute, c.crossing])).toEqual([
    ["author", 0],
    ["list", 5],
  ]);
  expect(choice.strata!.map(s => s.value)).toEqual(["ham", "spam"]);
  for (const s of choice.strata!) expect(s.share).toBeCloseTo(0.2, 1.5);
  const one = unionFind(2);
  expect(() =>
    chooseHeldOut({ ids: idsOf(2), sets: one, column: () => ["a", "a"] }, 0.2, 1, splitByOptions.parse({ together: ["author"] })),
  ).toThrow("expected at least 2 groups");
  expect(() => splitByOptions.parse({ time: {}, stratify: "label" })).toThrow("either time or stratify");
});
