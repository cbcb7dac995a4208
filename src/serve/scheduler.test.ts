import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { defined } from "../base/index.ts";
import { planStep, type RunningView, type SchedulerLimits, type SchedulerView, type StepPlan, type WaitingView } from "./scheduler.ts";

const limits: SchedulerLimits = { chunkTokens: 16, widths: [4, 16], room: 100 };

const running = fc.record({
  group: fc.constantFrom("a", "b", "c"),
  known: fc.integer({ min: 1, max: 90 }),
  share: fc.double({ min: 0, max: 0.999, noNaN: true }),
  isBlocked: fc.boolean(),
  lastChunk: fc.integer({ min: -1, max: 20 }),
});
const views: fc.Arbitrary<SchedulerView> = fc
  .record({
    slots: fc.integer({ min: 1, max: 12 }),
    running: fc.array(running, { maxLength: 12 }),
    waiting: fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 }),
  })
  .map(({ slots, running: all, waiting }) => {
    const inSlots = all.slice(0, slots);
    return {
      freeSlots: Array.from({ length: slots - inSlots.length }, (_, i) => inSlots.length + i),
      running: inSlots.map(({ share, ...r }, i): RunningView => ({ ...r, id: i + 1, slot: i, computed: Math.floor(share * r.known) })),
      waiting: waiting.map((group, i): WaitingView => ({ id: 100 + i, group, known: 1 })),
    };
  });

test("a plan gives free slots to waiting sequences, each once, and leaves neither idle while both are there", () => {
  fc.assert(
    fc.property(views, view => {
      const { admit } = planStep(view, limits);
      expect(admit.length).toBe(Math.min(view.freeSlots.length, view.waiting.length));
      expect(new Set(admit.map(a => a.slot)).size).toBe(admit.length);
      expect(new Set(admit.map(a => a.id)).size).toBe(admit.length);
      expect(admit.every(a => view.freeSlots.includes(a.slot) && view.waiting.some(w => w.id === a.id))).toBe(true);
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test("every sequence that wants one token gets it in every step, however many prompts wait; a blocked one gets nothing", () => {
  fc.assert(
    fc.property(views, view => {
      const { decode, chunks } = planStep(view, limits);
      expect(decode.map(d => d.id)).toEqual(view.running.filter(r => !r.isBlocked && r.known - r.computed === 1).map(r => r.id));
      const blocked = new Set(view.running.filter(r => r.isBlocked).map(r => r.id));
      expect(chunks.some(c => blocked.has(c.id))).toBe(false);
    }),
    { seed: 2, numRuns: 1000 },
  );
});

test("chunks stay within the budget, except that one always runs", () => {
  fc.assert(
    fc.property(views, fc.integer({ min: 1, max: 64 }), (view, chunkTokens) => {
      const { chunks } = planStep(view, { ...limits, chunkTokens });
      const width = chunks.reduce((n, c) => n + c.chunk.width, 0);
      expect(chunks.length <= 1 || width <= chunkTokens).toBe(true);
      const wants = view.running.some(r => !r.isBlocked && r.known - r.computed > 1);
      expect(chunks.length > 0).toBe(wants);
    }),
    { seed: 3, numRuns: 1000 },
  );
});

interface Arrival {
  readonly id: number;
  readonly group: string;
  readonly prompt: number;
  readonly answer: number;
  /** Step before which it comes. */
  readonly at?: number;
}

/** Carries plans out on numbers alone, until nothing is left; gives the step in which each sequence got its first token. */
function simulate(slots: number, arrivals: readonly Arrival[], cacheTokens?: number) {
  const bounds = { ...limits, ...defined({ cacheTokens }) };
  const answer = new Map(arrivals.map(a => [a.id, a.answer]));
  let waiting: WaitingView[] = [];
  let all: RunningView[] = [];
  const firstToken = new Map<number, number>();
  const plans: StepPlan[] = [];
  for (let step = 0; step === 0 || waiting.length + all.length > 0; step++) {
    if (step > 10_000) throw new Error("the simulation does not end");
    waiting.push(...arrivals.filter(a => (a.at ?? 0) === step).map(({ id, group, prompt }) => ({ id, group, known: prompt })));
    const used = new Set(all.map(r => r.slot));
    const freeSlots = Array.from({ length: slots }, (_, i) => i).filter(s => !used.has(s));
    const plan = planStep({ freeSlots, waiting, running: all }, bounds);
    plans.push(plan);
    waiting.unshift(...all.filter(r => plan.preempt.includes(r.id)).map(({ id, group, known }) => ({ id, group, known, isResumed: true })));
    all = all.filter(r => !plan.preempt.includes(r.id));
    expect(all.reduce((n, r) => n + r.known, 0)).toBeLessThanOrEqual(cacheTokens ?? Number.POSITIVE_INFINITY);
    const moved = new Map([
      ...plan.decode.map(d => [d.id, undefined] as const),
      ...plan.chunks.map(c => [c.id, c.chunk.start + c.chunk.count] as const),
    ]);
    all = all.flatMap(r => {
      if (!moved.has(r.id)) return [r];
      const end = moved.get(r.id);
      const next = { ...r, computed: end ?? r.computed + 1, lastChunk: end === undefined ? r.lastChunk : step };
      if (next.computed < next.known) return [next];
      if (!firstToken.has(r.id)) firstToken.set(r.id, step);
      const left = answer.get(r.id)! - 1;
      answer.set(r.id, left);
      return left > 0 ? [{ ...next, known: next.known + 1 }] : [];
    });
    for (const { id, slot } of plan.admit) {
      const { group, known } = waiting.find(w => w.id === id)!;
      all.push({ id, group, slot, computed: 0, known, isBlocked: false, lastChunk: -1 });
    }
    waiting = waiting.filter(w => !plan.admit.some(a => a.id === w.id));
  }
  return { firstToken, plans };
}

test("every sequence is answered in the end", () => {
  const arrival = fc.record({
    group: fc.constantFrom("a", "b"),
    prompt: fc.integer({ min: 1, max: 80 }),
    answer: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(arrival, { minLength: 1, maxLength: 12 }), (slots, list) => {
      const { firstToken } = simulate(
        slots,
        list.map((a, i) => ({ id: i + 1, ...a })),
      );
      expect(firstToken.size).toBe(list.length);
    }),
    { seed: 4, numRuns: 100 },
  );
});

test("with fewer positions than the slots have, nobody holds more than there are and every sequence is answered", () => {
  const arrival = fc.record({
    group: fc.constantFrom("a", "b"),
    prompt: fc.integer({ min: 1, max: 60 }),
    answer: fc.integer({ min: 1, max: 40 }),
  });
  let preempted = 0;
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 6 }), fc.array(arrival, { minLength: 1, maxLength: 12 }), (slots, list) => {
      const arrivals = list.map((a, i) => ({ id: i + 1, ...a }));
      const { firstToken, plans } = simulate(slots, arrivals, limits.room);
      expect(firstToken.size).toBe(list.length);
      preempted += plans.reduce((n, p) => n + p.preempt.length, 0);
      // whoever came first is never put back
      expect(plans.some(p => p.preempt.includes(Math.min(...arrivals.map(a => a.id))))).toBe(false);
    }),
    { seed: 5, numRuns: 100 },
  );
  expect(preempted).toBeGreaterThan(rounds(50));
});

test("lack of positions puts the newest back, a search as a whole, and lets it in again before those who never ran", () => {
  const one = (id: number, known: number, more: Partial<RunningView> = {}): RunningView => ({
    id,
    group: `g${id}`,
    slot: id,
    computed: known - 1,
    known,
    isBlocked: false,
    lastChunk: 0,
    ...more,
  });
  const beams = [one(20, 15, { search: 3 }), one(21, 15, { search: 3 })];
  const bounds = { ...limits, cacheTokens: 100 };
  const full = planStep(
    { freeSlots: [9], waiting: [{ id: 5, group: "w", known: 1 }], running: [one(1, 50), one(2, 21), ...beams] },
    bounds,
  );
  expect(full.preempt).toEqual([3]);
  expect(full.admit).toEqual([]);
  expect(full.decode.map(d => d.id)).toEqual([1, 2]);
  const waiting: WaitingView[] = [
    { id: 5, group: "w", known: 1 },
    { id: 3, group: "g20", known: 30, slots: 2, isResumed: true },
  ];
  // positions are there, but not for the steps after the next: nobody passes it meanwhile
  expect(planStep({ freeSlots: [7, 8, 9], waiting, running: [one(1, 50)] }, bounds).admit).toEqual([]);
  expect(planStep({ freeSlots: [7, 8, 9], waiting, running: [one(1, 30)] }, bounds).admit.map(a => a.id)).toEqual([3, 5]);
});

test("a request of a hundred answers does not hold off a request of one", () => {
  const many = Array.from({ length: 100 }, (_, i) => ({ id: i + 1, group: "many", prompt: 4, answer: 10 }));
  const { firstToken } = simulate(4, [...many, { id: 200, group: "one", prompt: 4, answer: 10 }]);
  const earlier = [...firstToken.values()].filter(s => s < firstToken.get(200)!).length;
  expect(earlier).toBeLessThanOrEqual(4);
});

test("a short prompt that comes after a long one is through before it", () => {
  const { firstToken } = simulate(2, [
    { id: 1, group: "long", prompt: 90, answer: 1 },
    { id: 2, group: "short", prompt: 4, answer: 1 },
  ]);
  expect(firstToken.get(2)!).toBeLessThan(firstToken.get(1)!);
});

test("which chunks a prompt is cut into does not depend on who else is there", () => {
  const alone = simulate(4, [{ id: 1, group: "a", prompt: 77, answer: 5 }]);
  const others = Array.from({ length: 9 }, (_, i) => ({ id: i + 2, group: `g${i}`, prompt: 5 + 9 * i, answer: 7 }));
  const busy = simulate(4, [{ id: 1, group: "a", prompt: 77, answer: 5 }, ...others]);
  const chunksOf = (plans: readonly StepPlan[]) => plans.flatMap(p => p.chunks.filter(c => c.id === 1).map(c => c.chunk));
  expect(chunksOf(busy.plans)).toEqual(chunksOf(alone.plans));
  expect(busy.plans.length).toBeGreaterThan(alone.plans.length);
});

test("one that needs several slots gets them all at once, and free ones are kept for it until it does", () => {
  const running = (slot: number): RunningView => ({
    id: slot + 1,
    group: `g${slot}`,
    slot,
    computed: 4,
    known: 5,
    isBlocked: false,
    lastChunk: 0,
  });
  const waiting: WaitingView[] = [
    { id: 10, group: "wide", slots: 3, known: 12 },
    { id: 11, group: "narrow", known: 4 },
  ];
  const two = planStep({ freeSlots: [1, 2], waiting, running: [running(0), running(3)] }, limits);
  expect(two.admit).toEqual([]);
  const four = planStep({ freeSlots: [2, 0, 3, 1], waiting, running: [] }, limits);
  expect(four.admit).toEqual([
    { id: 10, slot: 2, more: [0, 3] },
    { id: 11, slot: 1 },
  ]);
});

test("guesses are verified where one sequence decodes alone, and what was given beforehand always; never past the slot's end", () => {
  const one = (id: number, more: Partial<RunningView> = {}): RunningView => ({
    id,
    group: `g${id}`,
    slot: id,
    computed: 20,
    known: 21,
    isBlocked: false,
    lastChunk: 0,
    ...more,
  });
  const plan = (running: RunningView[], verifyWidth: number | undefined = 8) =>
    planStep({ freeSlots: [], waiting: [], running }, { ...limits, ...(verifyWidth ? { verifyWidth } : {}) });
  const ids = (list: readonly { readonly id: number }[]) => list.map(x => x.id);
  const alone = plan([one(1, { guessed: 3 })]);
  expect([ids(alone.decode), ids(alone.verify)]).toEqual([[], [1]]);
  const two = plan([one(1, { guessed: 3 }), one(2)]);
  expect([ids(two.decode), ids(two.verify)]).toEqual([[1, 2], []]);
  const given = plan([one(1, { guessed: 3, isForced: true }), one(2)]);
  expect([ids(given.decode), ids(given.verify)]).toEqual([[2], [1]]);
  const late = plan([one(1, { guessed: 3, computed: 93, known: 94 })]);
  expect([ids(late.decode), ids(late.verify)]).toEqual([[1], []]);
  expect(ids(plan([one(1, { guessed: 3 })], 0).verify)).toEqual([]);
  expect(ids(plan([one(1, { guessed: 0 })]).verify)).toEqual([]);
});

test("who is guessed for by a small model has rounds and neither steps nor lookups; chunks leave its last token to the round", () => {
  const one = (id: number, computed: number, known: number, more: Partial<RunningView> = {}): RunningView => ({
    id,
    group: `g${id}`,
    slot: id,
    computed,
    known,
    isBlocked: false,
    lastChunk: 0,
    ...more,
  });
  const drafted = { guessed: 4, isDrafted: true };
  const plan = planStep(
    { freeSlots: [], waiting: [], running: [one(1, 20, 21, drafted), one(2, 30, 31), one(3, 10, 14, drafted), one(4, 40, 42, drafted)] },
    { ...limits, verifyWidth: 8 },
  );
  expect(plan.round.map(r => r.id)).toEqual([1]);
  expect(plan.decode.map(r => r.id)).toEqual([2]);
  expect(plan.verify).toEqual([]);
  expect(plan.chunks).toEqual([
    { id: 3, slot: 3, chunk: { start: 10, count: 3, width: 4 }, end: 13 },
    { id: 4, slot: 4, chunk: { start: 40, count: 1, width: 4 }, end: 41 },
  ]);
  // guesses are reserved for: 21 + 4 and 71 + 4 are one too many for 99
  const tight = planStep(
    { freeSlots: [], waiting: [], running: [one(1, 20, 21, drafted), one(2, 70, 71, drafted)] },
    { ...limits, cacheTokens: 99 },
  );
  expect(tight.preempt).toEqual([2]);
});

test("the table of the documentation is what the scheduler does", () => {
  // spaces that only align the table do not count
  const spaced = (t: string) => t.replace(/ +/g, " ");
  const text = spaced(readFileSync(new URL("../../docs/serving.md", import.meta.url), "utf8"));
  // step 0 only admits; from then on the documentation's steps count from 1
  const { plans } = simulate(3, [
    { id: 1, group: "A", prompt: 6, answer: 4 },
    { id: 2, group: "B", prompt: 20, answer: 3 },
    { id: 3, group: "C", prompt: 3, answer: 3, at: 1 },
    { id: 4, group: "D", prompt: 1, answer: 2, at: 1 },
  ]);
  const computed = new Map<number, number>();
  const rows = plans.slice(1).map((plan, i) => {
    const cells = ["", "", ""];
    const name = (id: number) => "-ABCD"[id];
    for (const { id, slot } of plan.decode) {
      const at = computed.get(id) ?? 0;
      cells[slot] = `${name(id)} ${at} `;
      computed.set(id, at + 1);
    }
    for (const { id, slot, chunk } of plan.chunks) {
      cells[slot] = `${name(id)} ${chunk.start}-${chunk.start + chunk.count - 1}/${chunk.width} `;
      computed.set(id, chunk.start + chunk.count);
    }
    return `| ${i + 1} | ${cells.join("| ")}|`;
  });
  expect(rows.length).toBe(7);
  for (const row of rows) expect(text).toContain(spaced(row));
});
