import fc from "fast-check";
import { expect, test } from "vitest";
import { handClock, random } from "../../base/index.ts";
import type { TargetState } from "../upstreams/upstream.ts";
import { choose, type TargetCandidate } from "./choose.ts";
import { claim } from "./hash.ts";
import { outliers } from "./outliers.ts";
import { backoffMs, retryBudget } from "./retry-budget.ts";
import type { Route, Strategy } from "./route.ts";

const state = (more: Partial<TargetState> = {}): TargetState => ({
  outstanding: 0,
  latencyMs: undefined,
  isAvailable: true,
  isFull: false,
  pressure: 0,
  ...more,
});
const target = (id: string, weight: number, more: Partial<TargetState> = {}, priority = 0): TargetCandidate => ({
  target: { id, upstream: id, model: "m", weight, priority, tags: [], price: undefined, priceName: "m" },
  state: state(more),
});
const route = (strategy: Strategy): Route => ({ name: "m", strategy, sticky: "none", targets: [], fallbacks: [] });
const drawn = random(7);
const asked = { stickyKey: undefined, prefix: undefined, random: () => drawn.uniform() };
const nobody = new Set<string>();

test("weights are exact: of any run of requests each of up to four targets has its share to within one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 4 }),
      fc.integer({ min: 1, max: 200 }),
      (weights, n) => {
        const candidates = weights.map((w, i) => target(`t${i}`, w));
        const shares = new Map<string, number>();
        const got = new Map<string, number>();
        for (let i = 0; i < n; i++) {
          const { id } = choose(route("weighted"), candidates, nobody, asked, shares)!.target;
          got.set(id, (got.get(id) ?? 0) + 1);
        }
        const total = weights.reduce((a, b) => a + b);
        for (const [i, w] of weights.entries()) expect(Math.abs((got.get(`t${i}`) ?? 0) - (n * w) / total)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

test("a sticky caller keeps its target; when another target leaves it does not move; shares follow the weights", () => {
  const all = [target("a", 9), target("b", 1), target("c", 2)];
  const of = (key: string, candidates: readonly TargetCandidate[]) =>
    choose(route("weighted"), candidates, nobody, { ...asked, stickyKey: key }, new Map())!.target.id;
  const keys = Array.from({ length: 12_000 }, (_, i) => `user-${i}`);
  const before = keys.map(k => of(k, all));
  expect(keys.map(k => of(k, all))).toEqual(before);
  const after = keys.map(k => of(k, all.slice(0, 2)));
  for (const [i, id] of before.entries()) if (id !== "c") expect(after[i]).toBe(id);
  const share = before.filter(id => id === "b").length / keys.length;
  // 5 standard deviations of a binomial share
  expect(Math.abs(share - 1 / 12)).toBeLessThan((5 * Math.sqrt((1 / 12) * (11 / 12))) / Math.sqrt(keys.length));
});

test("a worse priority is asked only while none of the better can be; what was tried or rests is not asked", () => {
  const first = target("first", 1);
  const second = target("second", 1, {}, 1);
  expect(choose(route("weighted"), [second, first], nobody, asked, new Map())!.target.id).toBe("first");
  expect(choose(route("weighted"), [second, first], new Set(["first"]), asked, new Map())!.target.id).toBe("second");
  expect(choose(route("weighted"), [second, target("first", 1, { isAvailable: false })], nobody, asked, new Map())!.target.id).toBe(
    "second",
  );
  expect(choose(route("weighted"), [first], new Set(["first"]), asked, new Map())).toBeUndefined();
});

test("a target of weight 0 is asked only where nothing else is left", () => {
  const [on, off] = [target("on", 1), target("off", 0)];
  expect(choose(route("weighted"), [off, on], nobody, asked, new Map())!.target.id).toBe("on");
  expect(choose(route("weighted"), [off, on], new Set(["on"]), asked, new Map())!.target.id).toBe("off");
});

test("least outstanding counts what is under way for each unit of weight", () => {
  const of = (a: number, b: number) =>
    choose(route("leastOutstanding"), [target("a", 1, { outstanding: a }), target("b", 2, { outstanding: b })], nobody, asked, new Map())!
      .target.id;
  expect([of(0, 2), of(1, 2), of(3, 6)]).toEqual(["a", "b", "b"]);
});

test("latency never takes the slowest of three that are equally busy, and tries one that has no time yet", () => {
  const three = [target("slow", 1, { latencyMs: 900 }), target("mid", 1, { latencyMs: 90 }), target("quick", 1, { latencyMs: 9 })];
  const got = new Set(Array.from({ length: 300 }, () => choose(route("latency"), three, nobody, asked, new Map())!.target.id));
  expect(got).toEqual(new Set(["mid", "quick"]));
  const two = [target("known", 1, { latencyMs: 1 }), target("new", 1)];
  expect(choose(route("latency"), two, nobody, asked, new Map())!.target.id).toBe("new");
});

test("one beginning of a prompt goes to one target until that has more than its share, then to the same next one", () => {
  const at = (busy: Readonly<Record<string, number>>) =>
    choose(
      route("prefix"),
      ["a", "b", "c"].map(id => target(id, 1, { outstanding: busy[id] ?? 0 })),
      nobody,
      { ...asked, prefix: "You are a helpful assistant." },
      new Map(),
    )!.target.id;
  const home = at({});
  expect(at({ a: 2, b: 2, c: 2 })).toBe(home);
  const next = at({ [home]: 9 });
  expect(next).not.toBe(home);
  expect(at({ [home]: 9 })).toBe(next);
});

test("claims are uniform: no target of ten differs from its share by more than 5 standard deviations", () => {
  const n = 20_000;
  const wins = new Array<number>(10).fill(0);
  for (let i = 0; i < n; i++) {
    const scores = wins.map((_, t) => claim(`key ${i}`, `target ${t}`, 1));
    wins[scores.indexOf(Math.max(...scores))]!++;
  }
  for (const w of wins) expect(Math.abs(w - n / 10)).toBeLessThan(5 * Math.sqrt(n * 0.1 * 0.9));
});

test("when everything fails, retries stay within their share of requests, and come back as time passes", () => {
  const clock = handClock();
  const budget = retryBudget({ budgetRatio: 0.2 }, clock);
  let granted = 0;
  for (let i = 0; i < 1000; i++) {
    budget.deposit();
    if (budget.withdraw()) granted++;
  }
  expect(granted).toBe(210);
  clock.advance(10_000);
  expect(budget.withdraw()).toBe(true);
});

test("a wait before a retry is spread over everything up to its bound, which doubles and ends at five seconds", () => {
  const options = { attempts: 9, budgetRatio: 1, backoffMs: 100 };
  expect([0, 1, 2, 9].map(attempt => backoffMs(options, attempt, () => 0.5))).toEqual([50, 100, 200, 5000]);
  expect(backoffMs(options, 3, () => 0)).toBe(0);
});

test("an upstream that fails more than its peers is left alone, but never more than half of them, and few requests say nothing", () => {
  const of = (...rows: readonly (readonly [number, number])[]) =>
    outliers(rows.map(([failures, answers], i) => ({ id: `${i}`, failures, answers })));
  expect(of([10, 10], [0, 20], [1, 20])).toEqual(["0"]);
  expect(of([10, 10], [0, 20])).toEqual(["0"]);
  expect(of([10, 10], [10, 10])).toEqual([]);
  expect(of([4, 1], [0, 20])).toEqual([]);
  expect(of([20, 0], [20, 0], [20, 0], [0, 20])).toEqual([]);
});
