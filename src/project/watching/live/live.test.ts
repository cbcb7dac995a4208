/** Monitoring over one record: several servers, restarts, takeovers, a record that is away, clocks that jump, and receivers of alarms. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { changeState, Lease, openStore, readState, type Store, statesOf } from "../../../store/index.ts";
import { emptyWindow, type ObjectiveRule } from "../../../watch/index.ts";
import { watchDefaults } from "../../../watch/part.ts";
import { alarmEvent } from "./alarm-event.ts";
import { evaluateWindows } from "./evaluate-windows.ts";
import { jumpingClock, toldResponse } from "./fakes.ts";
import { flushWindows } from "./flush-windows.ts";
import { RunningWatch, type WatchOptions } from "./running-watch.ts";
import { historyScope, leaseKey, timeKey, watchScopes, windowsOf } from "./scopes.ts";
import { readWatchHistory, readWatchStatus, watchedAlarms } from "./watch-status.ts";
import { mergeModels, mostWaitingMinutes, WindowMemory } from "./window-memory.ts";

const leaseOf = (store: Store, name: string, { monotonic }: { monotonic(): number }) =>
  new Lease(store, { scope: watchScopes.state, key: leaseKey, name, monotonic });
const startMs = Date.UTC(2026, 10, 30, 12);
const minute = 60_000;

async function opened(clock = jumpingClock(startMs)) {
  const root = mkdtempSync(join(tmpdir(), "loam-watch-"));
  const store = await openStore({ root, clock });
  onTestFinished(async () => {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });
  const warnings: string[] = [];
  const watch = (more: Partial<WatchOptions> = {}) =>
    new RunningWatch({
      store,
      settings: watchDefaults,
      objectives: [],
      project: "mail",
      warn: text => warnings.push(text),
      clock,
      ...more,
    });
  return { root, store, clock, warnings, watch };
}
const historyOf = async (store: Store, step: "1m" | "15m" | "6h" = "1m") =>
  Object.fromEntries((await statesOf(store.records.read, historyScope(step))).map(r => [r.key, windowsOf(r.value)]));
const requestsIn = async (store: Store) => (await readWatchHistory(store, "requests")).points.reduce((n, [, value]) => n + (value ?? 0), 0);

test("two servers are one population: the record has what one server would have counted, whoever of them evaluates", async () => {
  const traffic = Array.from({ length: 60 }, (_, i) =>
    toldResponse({ model: i % 3 ? "mail@1" : "mail@2", status: i % 7 === 0 ? 500 : 200, totalMs: 10 * i + 1, isShadow: i % 11 === 0 }),
  );
  const runs = [];
  for (const servers of [1, 3]) {
    const { store, clock, watch } = await opened();
    const all = Array.from({ length: servers }, () => watch());
    for (const [i, response] of traffic.entries()) {
      all[i % servers]!.observer.ended(response);
      clock.advance(4_000);
      // servers flush when they like
      if (i % 5 === 0) await all[(i * 7) % servers]!.tick();
    }
    clock.advance(2 * minute);
    for (const w of all) await w.tick();
    clock.advance(minute);
    for (const w of all) await w.tick();
    runs.push([await historyOf(store), await historyOf(store, "15m"), await historyOf(store, "6h")]);
    expect(await requestsIn(store)).toBe(traffic.filter(r => !r.isShadow).length);
    expect(await statesOf(store.records.read, watchScopes.windows, { before: timeKey(clock.now() - minute) })).toEqual([]);
    for (const w of all) await w.close();
  }
  // an idle minute has a window of each server's known models, which counts nothing
  const counted = (history: object) =>
    Object.fromEntries(
      Object.entries(history).map(([k, models]) => [
        k,
        Object.fromEntries(Object.entries(models as object).filter(([, w]) => w.requests > 0)),
      ]),
    );
  expect(runs[1]!.map(counted)).toEqual(runs[0]!.map(counted));
});

test("a batch whose fate was unknown is written again and counts once, also after it was evaluated", async () => {
  const { store, clock } = await opened();
  const memory = new WindowMemory();
  const server = { id: "one", startedMs: 0 };
  const facts = {
    status: 200,
    outcome: "stop",
    totalMs: 1,
    firstTokenMs: null,
    queuedMs: null,
    promptTokens: 1,
    answerTokens: 1,
    features: [],
    labels: [],
  };
  memory.count(clock.now(), "mail@1", facts);
  const batch = memory.take()!;
  await flushWindows(store, server, batch, clock.now());
  memory.count(clock.now(), "mail@1", facts);
  // the answer was lost: the same batch is taken again, and what came meanwhile waits
  expect(memory.take()).toBe(batch);
  clock.advance(2 * minute);
  expect(await leaseOf(store, "one", clock).hold()).toBe(true);
  await evaluateWindows({ store, server: "one", monitors: undefined, objectives: [], nowMs: clock.now() });
  await flushWindows(store, server, memory.take()!, clock.now());
  memory.written(batch);
  await flushWindows(store, server, memory.take()!, clock.now());
  await evaluateWindows({ store, server: "one", monitors: undefined, objectives: [], nowMs: clock.now() });
  expect(await requestsIn(store)).toBe(2);
});

test("one holds the lease; when it gives it back, dies or stands still another goes on, and the one before evaluates nothing", async () => {
  const { store, clock } = await opened();
  const [a, b] = [leaseOf(store, "a", clock), leaseOf(store, "b", clock)];
  expect([await a.hold(), await b.hold(), await a.hold()]).toEqual([true, false, true]);
  const windows = { "mail@1": { ...emptyWindow(), requests: 5 } };
  await flushWindows(store, { id: "a", startedMs: 0 }, { number: 1, minutes: new Map([[startMs, windows]]) }, clock.now());
  clock.advance(2 * minute);
  const as = (server: string) => evaluateWindows({ store, server, monitors: undefined, objectives: [], nowMs: clock.now() });
  expect(await as("b")).toBe(0);
  await a.release();
  expect([await b.hold(), await a.hold()]).toEqual([true, false]);
  expect([await as("a"), await as("b"), await as("b")]).toEqual([0, 1, 0]);
  // a process of this machine that is gone
  await changeState(store, watchScopes.state, "lease", value => {
    const lease = value as { owner: { pid: number; started: string } };
    return { value: { ...(lease as object), server: "dead", owner: { ...lease.owner, pid: 999_999_999, started: "never" } }, answer: 0 };
  });
  expect(await a.hold()).toBe(true);
  // a process of another machine, whose beats stand still
  const far = (beat: number) =>
    changeState(store, watchScopes.state, "lease", value => {
      const { owner } = value as { owner: object };
      return { value: { server: "far", owner: { ...owner, space: "elsewhere", host: "far" }, beat }, answer: 0 };
    });
  await far(1);
  // who held it a moment ago asks nothing of the record; what it does is checked there
  expect(await b.hold()).toBe(true);
  clock.advance(16_000);
  expect(await b.hold()).toBe(false);
  clock.advance(44_000);
  await far(2);
  expect(await b.hold()).toBe(false);
  clock.advance(44_000);
  expect(await b.hold()).toBe(false);
  clock.advance(2_000);
  expect(await b.hold()).toBe(true);
});

test("windows that come late are in the history and the objectives, for ten minutes; later ones are counted as late", async () => {
  const { store, clock } = await opened();
  const rule: ObjectiveRule = { name: "up", objective: 0.99 };
  const lease = leaseOf(store, "a", clock);
  await lease.hold();
  let number = 0;
  const put = (atMs: number, bad: number) =>
    flushWindows(
      store,
      { id: "a", startedMs: 0 },
      {
        number: ++number,
        minutes: new Map([[atMs, { "mail@1": { ...emptyWindow(), requests: 10, objectives: { up: { good: 10 - bad, bad } } } }]]),
      },
      clock.now(),
    );
  const evaluate = () => evaluateWindows({ store, server: "a", monitors: undefined, objectives: [rule], nowMs: clock.now() });
  await put(startMs, 0);
  clock.advance(20 * minute);
  await put(startMs + 19 * minute - minute, 0);
  await evaluate();
  await put(startMs + 10 * minute, 5);
  await put(startMs + 2 * minute, 10);
  await evaluate();
  expect((await readWatchHistory(store, "requests")).points.map(([at, value]) => [(at - startMs) / minute, value])).toEqual([
    [0, 10],
    [10, 10],
    [18, 10],
  ]);
  const status = await readWatchStatus(store, [rule]);
  expect([status.late, status.objectives[0]!.reached]).toEqual([10, 1 - 5 / 30]);
});

/** A receiver of an Alertmanager's API. */
async function alertReceiver() {
  const got: { labels: Record<string, string>; annotations: Record<string, string>; startsAt: string; endsAt: string }[][] = [];
  const state = { status: 200 };
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (state.status === 200) got.push(JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(state.status).end();
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { got, state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/am` };
}

test("an objective's alarm is raised once over restarts and takeovers, told to webhooks and Alertmanager, and resolved", async () => {
  const { store, clock, warnings, watch } = await opened();
  const receiver = await alertReceiver();
  receiver.state.status = 503;
  const notices: string[] = [];
  const open = () =>
    watch({
      settings: { ...watchDefaults, alertmanager: receiver.url },
      objectives: [{ name: "answers", objective: 0.99 }],
      notify: ({ type, alarm }) => notices.push(`${type} ${alarm.id}`),
    });
  let [a, b] = [open(), open()];
  const during = async (minutes: number, status: number) => {
    for (let i = 0; i < minutes; i++) {
      for (let k = 0; k < 10; k++) (k % 2 ? a : b).observer.ended(toldResponse({ status }));
      clock.advance(minute);
      await a.tick();
      await b.tick();
      // one of them ends and starts again, in the middle
      if (i % 4 === 2) {
        await a.close();
        [a, b] = [b, open()];
      }
    }
  };
  await during(10, 200);
  expect(await watchedAlarms(store)).toEqual([]);
  await during(8, 500);
  const [alarm, ...others] = await watchedAlarms(store);
  expect(others).toEqual([]);
  expect(alarm).toMatchObject({ monitor: "answers", kind: "slo", model: null, severity: "page", endedAt: null });
  // the Alertmanager is away: told once, and told again when it is back
  expect(receiver.got).toEqual([]);
  expect(warnings.filter(w => w.includes("Alertmanager")).length).toBeLessThanOrEqual(3);
  receiver.state.status = 200;
  await during(2, 500);
  const first = receiver.got[0]!.find(x => x.labels.alarm === alarm!.id)!;
  // a page is routed as one
  expect(first.labels).toMatchObject({ alertname: "LoamSlo", monitor: "answers", project: "mail", severity: "page" });
  expect(Date.parse(first.startsAt)).toBe(alarm!.since);
  expect(Date.parse(first.endsAt)).toBeGreaterThan(clock.now());
  expect(b.figures()).toMatchObject({ alarms: [{ monitor: "answers", kind: "slo", severity: "page" }], objectives: [{ name: "answers" }] });
  // three days' budget burns too fast for six hours yet
  for (let i = 0; i < 14; i++) {
    b.observer.ended(toldResponse());
    clock.advance(30 * minute);
    await a.tick();
    await b.tick();
  }
  await during(2, 200);
  const [ended] = await watchedAlarms(store);
  expect(ended).toMatchObject({ id: alarm!.id });
  expect(ended!.endedAt).toBeGreaterThan(alarm!.since);
  expect(ended!.resolution).toBe("cleared");
  const last = receiver.got.flat().findLast(x => x.labels.alarm === alarm!.id)!;
  expect(Date.parse(last.endsAt)).toBe(ended!.endedAt);
  // receivers know an event by its alarm: it may come again after a restart, and comes
  expect([...new Set(notices)]).toEqual([`alarm.raised ${alarm!.id}`, `alarm.resolved ${alarm!.id}`]);
  await a.close();
  await b.close();
});

test("a monitor's alarm comes from a lasting change of a figure, and of no quiet day", async () => {
  const { store, clock, watch } = await opened();
  const notified = new Set<string>();
  const endings = new Set<unknown>();
  const receiver = await alertReceiver();
  receiver.state.status = 200;
  const a = watch({
    settings: { ...watchDefaults, alertmanager: receiver.url },
    owners: { "model/mail": { owner: "Mail team" }, "model/other": { owner: "Others" } },
    notify(notice) {
      notified.add(`${notice.alarm.model} ${notice.owner?.owner}`);
      if (notice.type === "alarm.resolved") endings.add(alarmEvent(notice).data.resolution);
    },
  });
  let seed = 1;
  const noise = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const during = async (minutes: number, slower: number) => {
    for (let i = 0; i < minutes; i++) {
      for (let k = 0; k < 8; k++)
        a.observer.ended(toldResponse({ totalMs: slower * Math.exp(4 + noise()), firstTokenMs: slower * 20 * (1 + noise()) }));
      clock.advance(minute);
      await a.tick();
    }
  };
  await during(180, 1);
  expect(await watchedAlarms(store)).toEqual([]);
  await during(40, 6);
  const alarms = await watchedAlarms(store);
  expect(alarms.length).toBeGreaterThan(0);
  for (const alarm of alarms) expect(alarm).toMatchObject({ model: "mail@1", kind: "chart", resolution: null });
  expect(JSON.stringify(alarms.map(x => x.evidence))).toContain("latency");
  expect([...notified]).toEqual(["mail@1 Mail team"]);
  // the figure stays where it is: the alarm ends as that, and not as if all were as before
  await during(6 * 60, 6);
  const [adapted] = await watchedAlarms(store);
  expect(adapted).toMatchObject({ resolution: "adapted" });
  expect(adapted!.endedAt! - adapted!.since).toBeGreaterThanOrEqual(6 * 60 * minute - 10 * minute);
  expect([...endings]).toEqual(["adapted"]);
  const told = receiver.got.flat().findLast(x => x.labels.alarm === adapted!.id)!;
  expect(told.annotations.resolution).toBe("adapted");
  await a.close();
}, 120_000);

test("a record that is away costs one warning; counts wait and are all there when it is back", async () => {
  const { store, clock, warnings, watch } = await opened();
  let isAway = true;
  const records = new Proxy(store.records, {
    get: (target, key) => {
      if (isAway && key === "write") return () => Promise.reject(new Error("database or disk is full"));
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const a = watch({ store: { ...store, records } });
  for (let i = 0; i < 30; i++) {
    a.observer.ended(toldResponse());
    clock.advance(minute);
    await a.tick();
  }
  expect(warnings).toEqual([expect.stringContaining("database or disk is full")]);
  isAway = false;
  await a.tick();
  clock.advance(2 * minute);
  await a.tick();
  expect(await requestsIn(store)).toBe(30);
  isAway = true;
  clock.advance(minute);
  await a.tick();
  expect(warnings.length).toBe(2);
  isAway = false;
  await a.close();
});

test("while the record is away memory stays bounded: minutes, models and labels", () => {
  const memory = new WindowMemory();
  const facts = {
    status: 200,
    outcome: "stop",
    totalMs: 1,
    firstTokenMs: null,
    queuedMs: null,
    promptTokens: 1,
    answerTokens: 1,
    features: [],
    labels: [],
  };
  for (let i = 0; i < 1_000; i++) for (let m = 0; m < 100; m++) memory.count(i * minute, `model ${m}@1`, facts);
  const { minutes } = memory.take()!;
  expect(minutes.size).toBe(mostWaitingMinutes);
  for (const windows of minutes.values()) expect(Object.keys(windows).length).toBeLessThanOrEqual(65);
  const counted = [...minutes.values()].reduce(mergeModels, {});
  expect(Object.values(counted).reduce((n, w) => n + w.requests, 0) + memory.lost).toBe(100_000);
});

test("a clock that jumps ahead and back: nothing is lost or counted twice, and monitoring goes on", async () => {
  const { store, clock, warnings, watch } = await opened();
  const a = watch();
  const during = async (minutes: number) => {
    for (let i = 0; i < minutes; i++) {
      a.observer.ended(toldResponse());
      clock.advance(minute);
      await a.tick();
    }
  };
  await during(5);
  clock.jump(3 * 3_600_000);
  await during(5);
  clock.jump(-3 * 3_600_000);
  await during(20);
  clock.jump(-90_000);
  await during(10);
  clock.advance(2 * minute);
  await a.tick();
  await a.tick();
  const { late, lookedAt } = await readWatchStatus(store, []);
  // one that ended in the minute of the jump lies ahead, and waits for its time
  const ahead = (await statesOf(store.records.read, watchScopes.windows, { from: timeKey(clock.now() + minute) }))
    .flatMap(r => Object.values(windowsOf(r.value)))
    .reduce((n, w) => n + w.requests, 0);
  expect((await requestsIn(store)) + late + ahead).toBe(40);
  expect(late).toBeLessThanOrEqual(2);
  expect(Math.abs(clock.now() - lookedAt!)).toBeLessThan(5 * minute);
  expect(warnings.map(w => w.replace(/\d+ s/, "N s"))).toEqual([
    expect.stringContaining("the clock jumped N s ahead"),
    expect.stringContaining("the clock jumped N s back"),
  ]);
  await a.close();
});

test("what a response said stays nowhere: the record has numbers and names of figures alone", async () => {
  const { store, clock, watch } = await opened();
  const a = watch();
  a.observer.ended(
    toldResponse({
      requestId: "secret-request",
      user: "ann@example.com",
      decode: () => "the launch code is 0000, I cannot help with that",
    }),
  );
  clock.advance(3 * minute);
  await a.tick();
  await a.close();
  for (const scope of [...Object.values(watchScopes), historyScope("1m"), historyScope("15m"), historyScope("6h")]) {
    const text = JSON.stringify(await statesOf(store.records.read, scope));
    expect(text).not.toMatch(/launch|secret-request|ann@/);
  }
  expect((await readWatchHistory(store, "refusal", { model: "mail" })).points).toEqual([[startMs, 1, 1]]);
  // of 3 tokens with 2 scored, -2 nats: 1 nat a token
  expect((await readWatchHistory(store, "nll", { model: "mail@1", step: "6h" })).points[0]![1]).toBeCloseTo(1, 6);
  expect(await readState(store.records.read, watchScopes.state, "lease")).toBeUndefined();
});

test("an unknown metric or step is refused by name", async () => {
  const { store } = await opened();
  await expect(readWatchHistory(store, "speed")).rejects.toThrow(/metric: expected one of requests, latency-p50.*"speed"/);
  await expect(readWatchHistory(store, "requests", { step: "2m" as never })).rejects.toThrow(/step: expected one of 1m, 15m, 6h/);
});
