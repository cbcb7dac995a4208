/** Feedback in the record: joins in any order over several servers, owners, bounds, restarts, erasure. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handClock } from "../../../base/index.ts";
import { type GivenFeedback, givenFeedback } from "../../../protocols/index.ts";
import { openStore, type Store } from "../../../store/index.ts";
import { feedbackDefaults, watchDefaults } from "../../../watch/part.ts";
import { RunningWatch } from "../live/index.ts";
import type { ToldResponse } from "./feedback-memory.ts";
import { labelledRequests, removeOwner } from "./feedback-record.ts";
import { labelledSince } from "./labelled-since.ts";
import { modelQuality } from "./model-quality.ts";
import { openFeedback } from "./open-feedback.ts";
import { qualityFigures } from "./quality-figures.ts";

const root = mkdtempSync(join(tmpdir(), "loam-feedback-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = Date.UTC(2026, 10, 30, 12);
const clock = handClock(start);
let places = 0;
const opened: Store[] = [];
const openAt = async (place: string): Promise<Store> => {
  const store = await openStore({ root: join(root, place), clock });
  opened.push(store);
  return store;
};
afterAll(() => Promise.all(opened.map(s => s.close())));
const fresh = () => openAt(`${places++}`);

const told = (requestId: string, more: Partial<ToldResponse> = {}): ToldResponse => ({
  requestId,
  responseId: null,
  atMs: clock.now(),
  modelName: "spam",
  model: "spam@3",
  modelVersion: 3,
  isShadow: false,
  status: 200,
  owner: "user:ann",
  answers: [],
  readings: [{ label: "spam", labels: ["spam", "ham"], probabilities: [0.9, 0.1] }],
  ...more,
});
const given = (requestId: string, more: Partial<GivenFeedback> = {}): GivenFeedback => ({
  ...givenFeedback({ request_id: requestId, source: "reviewers", label: "ham" }),
  ...more,
});

describe("whose request it is", () => {
  let store: Store;
  beforeAll(async () => {
    store = await fresh();
  });

  test("its owner labels it; for another owner, for nobody in particular and of an unknown id the answer is the same", async () => {
    const { ended, port } = openFeedback({ store });
    ended(told("r1"));
    expect(await port.give("user:ann", given("r1"))).toMatchObject({
      kind: "kept",
      isReplaced: false,
      feedback: { request_id: "r1", model: "spam@3", source: "reviewers", label: "ham", trusted: false },
    });
    const unknown = { kind: "unknown" };
    expect(await port.give("user:bob", given("r1"))).toEqual(unknown);
    expect(await port.give(null, given("r1"))).toEqual(unknown);
    expect(await port.give("user:ann", given("r2"))).toEqual(unknown);
    expect([await port.list("user:bob", "r1"), await port.remove("user:bob", "r1")]).toEqual([undefined, undefined]);
    expect(await port.list("user:ann", "r1")).toHaveLength(1);
    // what others tried to say is nowhere
    expect((await labelledRequests(store, "spam")).size).toBe(1);
  });

  test("two owners with the same request id have a request each", async () => {
    const { ended, port } = openFeedback({ store });
    ended(told("same", { modelVersion: 3 }));
    ended(told("same", { owner: "user:bob", modelVersion: 4 }));
    await port.give("user:bob", given("same", { label: "spam" }));
    expect(await port.list("user:ann", "same")).toEqual([]);
    expect(await port.list("user:bob", "same")).toMatchObject([{ model: "spam@4", label: "spam" }]);
  });

  test("the second label of a source replaces its first, another source's stands beside it", async () => {
    const { ended, port } = openFeedback({ store });
    ended(told("r3"));
    await port.give("user:ann", given("r3"));
    clock.advance(5);
    expect(await port.give("user:ann", given("r3", { label: "spam" }))).toMatchObject({ isReplaced: true, feedback: { label: "spam" } });
    await port.give("user:ann", given("r3", { source: "end-user", label: null, score: 1 }));
    expect((await port.list("user:ann", "r3"))!.map(l => [l.source, l.label, l.score])).toEqual([
      ["end-user", null, 1],
      ["reviewers", "spam", null],
    ]);
  });

  test("a text that the request did not have is refused, and sources are bounded", async () => {
    const { ended, port } = openFeedback({ store });
    ended(told("r4"));
    expect(await port.give("user:ann", given("r4", { index: 1 }))).toMatchObject({ kind: "wrong", place: "index" });
    for (let i = 0; i < 64; i++) expect((await port.give("user:ann", given("r4", { source: `s${i}` }))).kind).toBe("kept");
    expect(await port.give("user:ann", given("r4", { source: "s64" }))).toMatchObject({ kind: "wrong", place: "source" });
    expect((await port.give("user:ann", given("r4", { source: "s63" }))).kind).toBe("kept");
  });

  test("an owner gives so many labels a minute, others meanwhile theirs", async () => {
    const { port } = openFeedback({ store: await fresh() });
    for (let i = 0; i < 600; i++) expect((await port.give("user:ann", given("none"))).kind).toBe("unknown");
    expect(await port.give("user:ann", given("none"))).toMatchObject({ kind: "full", retryAfterSeconds: 1 });
    expect((await port.give("user:bob", given("none"))).kind).toBe("unknown");
    clock.advance(1000);
    expect((await port.give("user:ann", given("none"))).kind).toBe("unknown");
  });

  test("a trusted source is told apart where it was declared", async () => {
    const config = { ...feedbackDefaults, trusted: [{ source: "reviewers", from: ["user:ann"] }] };
    const { ended, port } = openFeedback({ store: await fresh(), config });
    for (const owner of ["user:ann", "user:bob"]) {
      ended(told("r", { owner }));
      expect(await port.give(owner, given("r"))).toMatchObject({ feedback: { trusted: owner === "user:ann" } });
    }
  });
});

test("a response is named by its own id as well, and its labels are the same", async () => {
  const { ended, port } = openFeedback({ store: await fresh() });
  ended(told("req-1", { responseId: "chatcmpl-1" }));
  await port.give("user:ann", given("chatcmpl-1"));
  expect(await port.list("user:ann", "req-1")).toEqual(await port.list("user:ann", "chatcmpl-1"));
  expect(await port.list("user:ann", "req-1")).toMatchObject([{ request_id: "req-1" }]);
  expect(await port.remove("user:ann", "chatcmpl-1")).toBe(1);
  expect(await port.list("user:ann", "req-1")).toBeUndefined();
  expect(await port.list("user:ann", "chatcmpl-1")).toBeUndefined();
});

test("a label before its request is joined when the request is told, within ten minutes", async () => {
  const store = await fresh();
  const { ended, port, flush } = openFeedback({ store });
  expect(await port.give("user:ann", given("soon"))).toEqual({ kind: "unknown" });
  expect(await port.give("user:bob", given("soon"))).toEqual({ kind: "unknown" });
  expect(await port.give("user:ann", given("cmpl-9", { source: "end-user" }))).toEqual({ kind: "unknown" });
  expect(await port.give("user:ann", given("late"))).toEqual({ kind: "unknown" });
  clock.advance(9 * 60_000);
  ended(told("soon"));
  ended(told("by-its-id", { responseId: "cmpl-9" }));
  await flush();
  expect(await port.list("user:ann", "soon")).toMatchObject([{ label: "ham" }]);
  expect(await port.list("user:ann", "by-its-id")).toMatchObject([{ source: "end-user" }]);
  clock.advance(2 * 60_000);
  ended(told("other"));
  await flush();
  ended(told("late"));
  await flush();
  expect(await port.list("user:ann", "late")).toEqual([]);
});

const sources = ["a", "b"];
const owners = ["user:ann", "user:bob", null];
const event = fc.oneof(
  fc.record({ kind: fc.constant("told" as const), id: fc.nat(2), owner: fc.nat(2), server: fc.nat(1) }),
  fc.record({
    kind: fc.constant("label" as const),
    id: fc.nat(2),
    owner: fc.nat(2),
    source: fc.nat(1),
    label: fc.constantFrom("spam", "ham"),
    atMs: fc.nat(3),
    server: fc.nat(1),
  }),
  fc.record({ kind: fc.constant("flush" as const), server: fc.nat(1) }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** What the record holds after events came to two servers of it, some of them twice. */
async function outcome(events: readonly Event[]): Promise<unknown> {
  const place = `${places++}`;
  const stores = [await openAt(place), await openAt(place)];
  const servers = stores.map((store, i) => openFeedback({ store, process: `${i}` }));
  for (const e of events) {
    const { ended, port, flush } = servers[e.server]!;
    if (e.kind === "flush") await flush();
    else if (e.kind === "told") ended(told(`r${e.id}`, { owner: owners[e.owner]!, atMs: start + e.id * 3_600_000, modelVersion: e.id }));
    // the label's own time is the clock's: no other event may move it
    else await port.give(owners[e.owner]!, given(`r${e.id}`, { source: sources[e.source]!, label: e.label }));
  }
  for (const { flush } of servers) await flush();
  const rows = await labelledRequests(stores[0]!, "spam");
  return [...rows].map(([key, { facts, labels }]) => [key, facts, labels.map(({ atMs: _, ...l }) => l)]);
}

/** Labels of one source are given once here: which of two counts is by their time, tested above. */
const withoutRivals = (events: readonly Event[]): Event[] => {
  const said = new Map<string, string>();
  return events.map(e => {
    if (e.kind !== "label") return e;
    const key = `${e.id} ${e.owner} ${e.source}`;
    said.set(key, said.get(key) ?? e.label);
    return { ...e, label: said.get(key) as "spam" | "ham" };
  });
};

test("requests and labels in any order, late, twice and over two servers join to the same rows", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 4, maxLength: 14 }).map(withoutRivals),
      fc.infiniteStream(fc.nat()),
      async (events, draws) => {
        const order = events.map((e): [number, Event] => [draws.next().value, e]).sort(([a], [b]) => a - b);
        const shuffled = order.map(([, e]) => e);
        expect(await outcome([...shuffled, ...shuffled.slice(0, 3)])).toEqual(await outcome(events));
      },
    ),
    { numRuns: 40 },
  ));

test("what was written survives a restart, and a label that comes to another server is joined there", async () => {
  const place = `${places++}`;
  const first = await openAt(place);
  const before = openFeedback({ store: first });
  before.ended(told("r1"));
  await before.flush();
  before.ended(told("r2"));
  const other = openFeedback({ store: await openAt(place) });
  // the first server has not told of it yet
  expect(await other.port.give("user:ann", given("r2"))).toEqual({ kind: "unknown" });
  expect(await other.port.give("user:ann", given("r1"))).toMatchObject({ kind: "kept" });
  await before.flush();
  expect(await other.port.list("user:ann", "r2")).toMatchObject([{ label: "ham" }]);
  const [found] = await modelQuality(await openAt(place), undefined);
  expect(found).toMatchObject({ model: "spam", versions: [{ version: 3, responses: 2, true: { requests: 2, classified: 2 } }] });
});

test("a write that fails loses nothing and counts nothing twice", async () => {
  const store = await fresh();
  let isFull = true;
  const records = {
    ...store.records,
    read: store.records.read,
    write: (...args: Parameters<typeof store.records.write>) =>
      isFull ? Promise.reject(new Error("disk full")) : store.records.write(...args),
  } as typeof store.records;
  const { ended, port, flush } = openFeedback({ store: { ...store, records } });
  ended(told("r1"));
  await expect(flush()).rejects.toThrow("disk full");
  ended(told("r2"));
  isFull = false;
  await flush();
  await flush();
  expect(await port.list("user:ann", "r1")).toEqual([]);
  const [found] = await modelQuality(store, "spam");
  expect(found!.versions[0]).toMatchObject({ responses: 2, estimated: { texts: 2 } });
});

test("requests beyond the bound are chosen by their ids; the estimate counts all of them", async () => {
  const store = await fresh();
  const { ended, port, flush } = openFeedback({ store });
  for (let i = 0; i < 5000; i++) ended(told(`r${i}`));
  await flush();
  let known = 0;
  for (let i = 0; i < 500; i++) if (await port.list("user:ann", `r${i}`)) known++;
  expect(known).toBeGreaterThan(50);
  expect(known).toBeLessThan(200);
  expect((await modelQuality(store, "spam"))[0]!.versions[0]!.estimated.accuracy!.value).toBeCloseTo(0.9, 9);
});

test("what is known of quality is figures of /metrics: with labels, and estimated without", async () => {
  const store = await fresh();
  const { ended, port, flush } = openFeedback({ store });
  for (let i = 0; i < 10; i++) ended(told(`r${i}`));
  for (let i = 0; i < 4; i++) await port.give("user:ann", given(`r${i}`, { label: i === 0 ? "ham" : "spam" }));
  await flush();
  const { versions } = (await modelQuality(store, "spam"))[0]!;
  const figures = await qualityFigures(store);
  const value = (metric: string, source: string) => figures.find(f => f.metric === metric && f.source === source)?.value;
  expect(new Set(figures.map(f => f.model))).toEqual(new Set(["spam@3"]));
  expect(value("accuracy", "labels")).toBe(versions[0]!.true.accuracy!.value);
  expect(value("accuracy", "estimate")).toBe(versions[0]!.estimated.accuracy!.value);
  expect(value("accuracy", "labels")).not.toBe(value("accuracy", "estimate"));
  expect(figures.every(f => Number.isFinite(f.value))).toBe(true);
  const monitors = new RunningWatch({
    store,
    settings: watchDefaults,
    objectives: [],
    project: null,
    warn: () => {},
    quality: () => qualityFigures(store),
  });
  await monitors.tick();
  expect(monitors.figures()!.quality).toEqual(figures);
  await monitors.close();
});

test("failed responses are nobody's to label, and a shadow's count in estimates alone", async () => {
  const store = await fresh();
  const { ended, port } = openFeedback({ store });
  ended(told("failed", { status: 500 }));
  ended(told("shadow", { isShadow: true, modelVersion: 4 }));
  ended(told("seen"));
  expect((await port.give("user:ann", given("failed"))).kind).toBe("unknown");
  expect((await port.give("user:ann", given("shadow"))).kind).toBe("unknown");
  expect((await port.give("user:ann", given("seen"))).kind).toBe("kept");
  const [found] = await modelQuality(store, "spam");
  expect(found!.versions.map(v => [v.version, v.responses])).toEqual([
    [4, 1],
    [3, 1],
  ]);
});

test("an owner's requests and labels are forgotten together, others' stay", async () => {
  const store = await fresh();
  const { ended, port } = openFeedback({ store });
  for (const owner of ["user:ann", "user:anna", "user:bob"]) {
    ended(told("r1", { owner }));
    await port.give(owner, given("r1"));
    await port.give(owner, given("early"));
  }
  expect(await removeOwner(store, "user:ann")).toEqual({ labelled: 1, requests: 1 });
  expect(await port.list("user:ann", "r1")).toBeUndefined();
  expect(await port.list("user:anna", "r1")).toHaveLength(1);
  expect((await labelledSince(store, "spam", 0)).map(l => l.requestId)).toEqual(["r1", "r1"]);
});

test("labelled requests since a time are those whose newest label came after it, with who said it", async () => {
  const store = await fresh();
  const { ended, port } = openFeedback({ store, config: { ...feedbackDefaults, trusted: ["reviewers"] } });
  ended(told("old"));
  ended(told("new"));
  await port.give("user:ann", given("old"));
  const then = clock.now();
  clock.advance(1000);
  await port.give("user:ann", given("new", { source: "end-user", label: "spam", confidence: 0.5 }));
  expect(await labelledSince(store, "spam", then)).toMatchObject([
    {
      requestId: "new",
      version: 3,
      predicted: "spam",
      truth: { label: "spam", isTrusted: false },
      labels: [{ source: "end-user", confidence: 0.5 }],
    },
  ]);
  clock.advance(1000);
  await port.give("user:ann", given("old", { label: "spam" }));
  expect((await labelledSince(store, "spam", then)).map(l => [l.requestId, l.truth.isTrusted])).toEqual([
    ["new", false],
    ["old", true],
  ]);
});

test("what is past its days is gone: requests after 30, labels after 365", async () => {
  const store = await fresh();
  const { ended, port, flush } = openFeedback({ store });
  ended(told("r1"));
  ended(told("r2"));
  await port.give("user:ann", given("r1"));
  clock.advance(31 * 86_400_000);
  ended(told("r3"));
  await flush();
  expect(await port.list("user:ann", "r2")).toBeUndefined();
  expect((await labelledRequests(store, "spam")).size).toBe(1);
  clock.advance(340 * 86_400_000);
  ended(told("r4"));
  await flush();
  expect((await labelledRequests(store, "spam")).size).toBe(0);
  expect(await port.list("user:ann", "r4")).toEqual([]);
});

test("no text of a request is kept: ids, classes and numbers alone", async () => {
  const store = await fresh();
  const { ended, port, flush } = openFeedback({ store });
  ended({ ...told("r1"), ...{ prompt: "my secret", decode: () => "my secret" } });
  await flush();
  await port.give("user:ann", given("r1"));
  const all = await store.records.read.selectFrom("states").select(["scope", "key", "value"]).execute();
  expect(JSON.stringify(all)).not.toMatch(/secret|user:ann/);
  expect(all.map(s => s.scope).sort()).toEqual(["feedback/models", "feedback/requests", "feedback/spam", "feedback/sums"]);
});
