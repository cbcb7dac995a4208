import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { levelOfLook } from "../statistics/index.ts";
import { gateLevel, type LossGate, lossGates, type PairedLoss } from "./gates.ts";
import { advanceLoop } from "./machine.ts";
import { loopPart, loopPolicy } from "./part.ts";
import { type DatedRow, drawRound, stratifiedSample } from "./replay.ts";
import { idleState, type LoopState } from "./state.ts";
import { decideTrigger, type LoopSignals, lossSample, roundBudget } from "./triggers.ts";

const day = 86_400_000;
const policy = loopPolicy.parse({
  data: { new: "arrivals", least: 100 },
  signals: { quality: { least: 50 }, drift: {} },
  every: "7d",
  cooldown: "2d",
  budget: { round: 60, month: 100 },
});
const sample = (n: number, mean: number, seed: string) => {
  const r = random(seed);
  return lossSample(Array.from({ length: n }, () => -mean * Math.log(1 - r.uniform())));
};
const home = sample(400, 0.1, "home");
const quiet: LoopSignals = { nowMs: 10 * day, newDocuments: 200, labelled: 200, sinceMs: 9 * day };
const kindOf = (s: LoopSignals, state: LoopState = idleState) => decideTrigger(policy, state, s).trigger?.kind;

test("quality comes before drift, drift before the schedule, and nothing starts without new documents", () => {
  const bad = { now: sample(300, 0.3, "now"), home };
  const drift = [{ id: "d", severity: "ticket" as const, since: 5, what: "length of documents" }];
  expect(kindOf(quiet)).toBeUndefined();
  expect(kindOf({ ...quiet, quality: bad, drift, sinceMs: 0 })).toBe("quality");
  expect(kindOf({ ...quiet, drift, sinceMs: 0 })).toBe("drift");
  expect(kindOf({ ...quiet, sinceMs: 0 })).toBe("schedule");
  const few = decideTrigger(policy, idleState, { ...quiet, drift, newDocuments: 99 });
  expect(few.trigger).toBeUndefined();
  expect(few.why).toBe("a drift alarm is open: length of documents, but there are 99 new documents of the least 100");
});

test("cool-down and budget hold every round back, and a clock that goes back does not end the cool-down", () => {
  const s = { ...quiet, sinceMs: 0 };
  expect(decideTrigger(policy, { ...idleState, lastEndedMs: 9 * day }, s).why).toMatch(/^cool-down for another 24 hours$/);
  const another = (ms: number) => decideTrigger(policy, { ...idleState, lastEndedMs: s.nowMs - policy.cooldown + ms }, s).why;
  expect([1, 119 * 60_000, 120 * 60_000 + 1].map(another)).toEqual(
    ["1 minute", "119 minutes", "3 hours"].map(t => `cool-down for another ${t}`),
  );
  expect(decideTrigger(policy, { ...idleState, lastEndedMs: 30 * day }, s).why).toMatch(/^cool-down/);
  const spent = { month: "1970-01", coreSeconds: 100, money: 0 };
  expect(decideTrigger(policy, { ...idleState, spent }, s).why).toBe("the month's budget is spent: 100.00 of 100 core-seconds");
  expect(decideTrigger(policy, { ...idleState, spent: { ...spent, month: "1969-12" } }, s).trigger?.kind).toBe("schedule");
  expect(roundBudget(policy, { spent: { ...spent, coreSeconds: 70 } }, s.nowMs)).toBe(30);
  // what a full disk cut off in this round counts
  expect(roundBudget(policy, { spent: { ...spent, coreSeconds: 50 }, round: { coreSeconds: 45, money: 0 } }, s.nowMs)).toBe(15);
});

test("a clock that jumps a year ahead begins one round and not one a week that it passed", () => {
  const sinceMs = 9 * day;
  const ahead = 375 * day;
  expect(kindOf({ ...quiet, sinceMs })).toBeUndefined();
  expect(kindOf({ ...quiet, sinceMs, nowMs: ahead })).toBe("schedule");
  // the round that began ended there
  const after = { ...idleState, lastEndedMs: ahead };
  for (const hours of [0, 24, 72, 167]) expect(kindOf({ ...quiet, sinceMs, nowMs: ahead + hours * 3_600_000 }, after)).toBeUndefined();
  expect(kindOf({ ...quiet, sinceMs, nowMs: ahead + 7 * day }, after)).toBe("schedule");
});

test("a round that ended while the clock was a year ahead holds the next one back for one cool-down, not for the year", () => {
  const state = { ...idleState, lastEndedMs: 375 * day };
  const back = advanceLoop(state, { type: "clock" }, 10 * day, policy);
  expect(back).toEqual({ state: { ...state, lastEndedMs: 10 * day }, steps: [] });
  const s = { ...quiet, sinceMs: 0 };
  expect(decideTrigger(policy, back.state, s).why).toBe("cool-down for another 2 days");
  expect(decideTrigger(policy, back.state, { ...s, nowMs: 17 * day }).trigger?.kind).toBe("schedule");
  expect(advanceLoop(back.state, { type: "clock" }, 11 * day, policy).state).toBe(back.state);
});

test("levels of looks sum to alpha, and a quiet year of looks alarms in at most alpha of the runs", () => {
  let sum = 0;
  for (let k = 0; k < 1e5; k++) sum += levelOfLook(0.05, k);
  expect(sum).toBeCloseTo(0.05, 5);
  let alarms = 0;
  const runs = 300;
  for (let run = 0; run < runs; run++) {
    const r = random(`quiet/${run}`);
    const draw = () => -0.1 * Math.log(1 - r.uniform());
    const own = lossSample(Array.from({ length: 400 }, draw));
    const losses: number[] = [];
    let state: LoopState = idleState;
    for (let week = 0; week < 52; week++) {
      for (let i = 0; i < 60; i++) losses.push(draw());
      const now = lossSample(losses);
      const { trigger, hasLooked } = decideTrigger(policy, state, { ...quiet, labelled: now.count, quality: { now, home: own } });
      if (trigger) {
        alarms++;
        break;
      }
      if (hasLooked) state = { ...state, looks: state.looks + 1, lookedAt: now.count };
    }
  }
  expect(alarms / runs).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / runs));
});

const pairs = (n: number, shift: number, seed: string, groups = n): PairedLoss[] => {
  const r = random(seed);
  return Array.from({ length: n }, (_, i) => {
    const current = r.uniform() * 0.3;
    return { id: `d${i}`, group: `g${i % groups}`, current, candidate: current + shift + (r.uniform() - 0.5) * 0.05 };
  });
};
const rules = policy.gates;
const passed = (gates: readonly LossGate[]) => gates.map(g => g.passed);

test("a version passes if it is not worse on the frozen set and better on the recent one; too few groups decide nothing", () => {
  expect(passed(lossGates({ frozen: pairs(300, 0.005, "a"), recent: pairs(200, -0.03, "b") }, rules, rules.alpha))).toEqual([true, true]);
  expect(passed(lossGates({ frozen: pairs(300, 0.05, "a"), recent: pairs(200, -0.03, "b") }, rules, rules.alpha))).toEqual([false, true]);
  expect(passed(lossGates({ frozen: pairs(300, 0, "a"), recent: pairs(200, 0, "b") }, rules, rules.alpha))).toEqual([true, false]);
  const few = lossGates({ frozen: pairs(300, 0, "a", 5), recent: [] }, rules, rules.alpha);
  expect(passed(few)).toEqual([false, false]);
  expect(few[0]!.told).toContain("5 groups are too few to decide (least 10)");
});

test("bounds take groups as one: copies of a document add nothing", () => {
  const once = pairs(60, 0, "c");
  const copies = once.flatMap(p => Array.from({ length: 9 }, (_, i) => ({ ...p, id: `${p.id}-${i}` })));
  const [a, b] = [once, copies].map(frozen => lossGates({ frozen, recent: once }, rules, rules.alpha)[0]!);
  expect(b!.high - b!.low).toBeCloseTo(a!.high - a!.low, 12);
});

test("a quiet stretch of scheduled rounds promotes nothing that has no proven gain: 52 rounds have one false-alarm rate together", () => {
  const draw = random("quiet year");
  const years = 400;
  const promoted = (level: (k: number) => number): number => {
    let count = 0;
    for (let year = 0; year < years; year++) {
      let isPromoted = false;
      for (let k = 0; k < 52 && !isPromoted; k++) {
        // exactly the fall that is not enough: the worst case of "no gain"
        const recent = Array.from({ length: 40 }, (_, i) => ({
          id: `${i}`,
          group: `${i}`,
          current: 0.2,
          candidate: 0.2 - Number(rules.recent) + 0.05 * draw.normal(),
        }));
        isPromoted = lossGates({ frozen: pairs(40, -0.1, "f"), recent }, rules, level(k)).every(g => g.passed);
      }
      count += Number(isPromoted);
    }
    return count / years;
  };
  const shared = promoted(k => gateLevel(rules.alpha, { kind: "schedule" }, k));
  const unshared = promoted(k => gateLevel(rules.alpha, { kind: "quality" }, k));
  // 4 standard errors of a share of 0.05 in 400 years; the t tails of 40 documents come on top
  expect(shared).toBeLessThan(0.05 + 4 * Math.sqrt((0.05 * 0.95) / years) + 0.02);
  expect(unshared).toBeGreaterThan(0.8);
  const sum = Array.from({ length: 1e4 }, (_, k) => gateLevel(0.05, { kind: "schedule" }, k)).reduce((a, b) => a + b, 0);
  expect(sum).toBeLessThan(0.05);
});

test("an update whose gain is not proven is promoted only where that is asked for", () => {
  const sets = { frozen: pairs(300, 0, "a"), recent: pairs(200, 0.001, "b") };
  expect(passed(lossGates(sets, rules, 0.05))).toEqual([true, false]);
  expect(passed(lossGates(sets, { ...rules, recent: "not worse" }, 0.05))).toEqual([true, true]);
  const worse = { ...sets, recent: pairs(200, 0.05, "b") };
  expect(passed(lossGates(worse, { ...rules, recent: "not worse" }, 0.05))).toEqual([true, false]);
});

const rows = (n: number, from: number): DatedRow[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `${from}-${i}`,
    label: i % 4 === 0 ? "spam" : "ham",
    atMs: from + (i % 60) * day,
    group: `${from}-${i >> 1}`,
  }));

test("a round's draw is the same in any order, keeps groups on one side, and replays classes and months by their shares", () => {
  const [fresh, earlier] = [rows(400, 200 * day), rows(1200, 0)];
  const options = { replay: 0.5, recent: 0.25, seed: 3 };
  const drawn = drawRound(fresh, earlier, options);
  expect(drawRound(fresh.toReversed(), earlier.toReversed(), options)).toEqual(drawn);
  expect(drawn.fresh.length + drawn.recent.length).toBe(400);
  expect(drawn.replayed.length).toBe(drawn.fresh.length);
  const groupOf = new Map(fresh.map(r => [r.id, r.group]));
  const recent = new Set(drawn.recent.map(id => groupOf.get(id)));
  expect(drawn.fresh.filter(id => recent.has(groupOf.get(id)))).toEqual([]);
  const spam = (ids: readonly string[]) => ids.filter(id => Number(id.split("-")[1]) % 4 === 0).length;
  expect(spam(drawn.replayed) / drawn.replayed.length).toBeCloseTo(0.25, 2);
  expect(stratifiedSample(earlier, 5000, 1)).toHaveLength(1200);
});

test("new documents of a group that a version has learnt from train and test nothing", () => {
  const [fresh, earlier] = [rows(400, 200 * day), rows(1200, 0)];
  const copied = fresh.map((r, i) => (i < 200 ? { ...r, group: earlier[i]!.group } : r));
  const drawn = drawRound(copied, earlier, { replay: 0.5, recent: 0.5, seed: 3 });
  const learnt = new Set(copied.slice(0, 200).map(r => r.id));
  expect(drawn.recent.length).toBeGreaterThan(50);
  expect(drawn.recent.filter(id => learnt.has(id))).toEqual([]);
  expect(drawn.fresh.filter(id => learnt.has(id))).toHaveLength(200);
});

test("a policy with an unknown key, a share of 1 or a time without a unit is refused with its place", () => {
  const wrong = (given: object) => loopPart.safeParse({ m: { data: { new: "a" }, ...given } }).error?.issues[0];
  expect(wrong({ evry: "7d" })).toMatchObject({ path: ["m"], code: "unrecognized_keys" });
  expect(wrong({ every: "7" })).toMatchObject({ path: ["m", "every"], message: "a time such as 30s, 5m, 12h or 7d, at most 3660d" });
  expect(wrong({ canary: { share: 100 } })).toMatchObject({ path: ["m", "canary", "share"] });
  expect(loopPart.parse({ m: { data: { new: "a" }, canary: {} } }).m!.canary).toMatchObject({ share: 10, longest: 2 * day });
});
