/** Sketches of traffic: counted once over servers, restarts and failed writes, bounded, and compared with what the model was trained on. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { toyYaml } from "../../../../test/support/project.ts";
import { type Clock, random, systemClock } from "../../../base/index.ts";
import type { EndedResponse } from "../../../serve/index.ts";
import { changeState, openStore, registerVersion, runStage, type Store, stage, statesOf } from "../../../store/index.ts";
import {
  addToSketch,
  compareSketches,
  driftSince,
  emptySketch,
  featureData,
  mergeSketches,
  type Sketch,
  sketchBytes,
  textFeaturesOf,
  textValuesOf,
  tokenFeaturesOf,
  tokenValuesOf,
} from "../../../watch/index.ts";
import { watchDefaults } from "../../../watch/part.ts";
import { openProject } from "../../open-project.ts";
import { forgetOwner } from "../forget-owner.ts";
import { jumpingClock } from "../live/fakes.ts";
import { RunningWatch, watchedAlarms } from "../live/index.ts";
import { compareTraffic, liveWindows, lookForDrift, openLiveSketches, versionSketch } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-drift-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hourMs = 3_600_000;
const vocabulary = 50;
const draw = random(7);
const tokensOf = (from = 0): number[] => Array.from({ length: 5 + draw.below(20) }, () => from + draw.below(20));
const textOf = (ids: readonly number[]) => ids.map(id => `w${id}`).join(" ");

function trainingSketch({ hasLabels = true } = {}): Sketch {
  const sketch = emptySketch({
    tokenizer: "aa11",
    features: {
      ...textFeaturesOf("input", "input"),
      ...tokenFeaturesOf("input", "input", vocabulary),
      ...(hasLabels ? { label: { type: "category" as const, role: "label" as const } } : {}),
      "attribute group": { type: "category" },
    },
  });
  for (let i = 0; i < 600; i++) {
    const ids = tokensOf();
    addToSketch(
      sketch,
      {
        ...textValuesOf("input", textOf(ids)),
        ...tokenValuesOf("input", ids),
        ...(hasLabels ? { label: i % 3 === 0 ? "spam" : "ham" } : {}),
        "attribute group": "a",
      },
      `document ${i}`,
    );
  }
  return sketch;
}

/** A store with versions `toy@1`, ... and their sketches. */
async function storeWithModel(name: string, clock: Clock = systemClock, trained: Sketch = trainingSketch(), versions = 1): Promise<Store> {
  const store = await openStore({ root: join(folder, name), clock });
  const given = { progress: () => {}, signal: new AbortController().signal };
  const model = stage({
    name: "model",
    version: 1,
    inputs: {},
    options: z.strictObject({ number: z.int() }),
    output: "model",
    async run({ output, options }) {
      await output.write("weights", `w${options.number}`);
      return {};
    },
  });
  const sketch = stage({
    name: "sketch-trained",
    version: 1,
    inputs: { model: "model" },
    options: z.strictObject({}),
    output: "sketch",
    async run({ output }) {
      await output.write("sketch.bin", sketchBytes(trained));
      return {};
    },
  });
  for (let number = 1; number <= versions; number++) {
    const made = await runStage(store, model, { inputs: {}, options: { number }, ...given });
    await runStage(store, sketch, { inputs: { model: made.artifact }, options: {}, ...given });
    await registerVersion(store, "toy", made.artifact.id, {});
  }
  return store;
}

const response = (atMs: number, from = 0, label = draw.below(3) === 0 ? "spam" : "ham"): EndedResponse => ({
  requestId: "chosen by the client",
  responseId: null,
  atMs,
  contract: "openai",
  endpoint: "other",
  route: "/v1/classify",
  model: "toy@1",
  modelName: "toy",
  modelVersion: 1,
  arm: null,
  isShadow: false,
  status: 200,
  outcome: "answered",
  error: null,
  user: null,
  owner: null,
  queuedMs: null,
  firstTokenMs: null,
  totalMs: 5,
  promptTokens: 5,
  cachedTokens: 0,
  answerTokens: 0,
  answers: [],
  readings: [{ tokens: tokensOf(from), label, labels: ["ham", "spam"], probabilities: [0.5, 0.5], vector: null }],
  decode: textOf,
});

/** The first response of a version only makes its sketch known. */
async function opened(store: Store, process: string) {
  const sketches = openLiveSketches(store, process);
  sketches.ended(response(0));
  await versionSketch(store, "toy@1");
  await new Promise(resolve => setTimeout(resolve, 50));
  return sketches;
}

test("two servers, a restart and a write that is repeated come to the counts of one server", async () => {
  const store = await storeWithModel("counts");
  const [a, b] = [await opened(store, "a"), await opened(store, "b")];
  const start = Math.floor(store.clock.now() / hourMs) * hourMs;
  for (let i = 0; i < 100; i++) (i % 2 === 0 ? a : b).ended(response(start + i));
  for (const sketches of [a, b, a, b]) await sketches.flush();
  const c = await opened(store, "a after a restart");
  for (let i = 100; i < 120; i++) c.ended(response(start + i));
  for (let i = 120; i < 130; i++) a.ended(response(start + i));
  for (const sketches of [a, b, c]) await sketches.flush();
  const [window, ...others] = await liveWindows(store, "toy@1");
  expect(others).toEqual([]);
  expect(window).toMatchObject({ atMs: start, sketch: { events: 130 } });
  expect(featureData(window!.sketch, "tokens")).toMatchObject({ values: 130 });
  // one state a process, not one a write
  expect((await statesOf(store.records.read, "watch/sketches/toy@1")).length).toBe(3);
  // text and ids of requests are not there
  const bytes = Buffer.from(sketchBytes(window!.sketch)).toString("latin1");
  for (const text of ["w1", "chosen"]) expect(bytes).not.toContain(text);
});

test("failed, shadowed and unknown responses are not traffic; a record that is away loses nothing", async () => {
  const store = await storeWithModel("away");
  const sketches = await opened(store, "a");
  const start = Math.floor(store.clock.now() / hourMs) * hourMs;
  for (const not of [{ status: 500 }, { isShadow: true }, { model: null }, { model: "other@1" }])
    sketches.ended({ ...response(start), ...not });
  for (let i = 0; i < 10; i++) sketches.ended(response(start));
  const { write } = store.records;
  store.records.write = () => Promise.reject(new Error("the disk is full"));
  await expect(sketches.flush()).rejects.toThrow("the disk is full");
  store.records.write = write;
  for (let i = 10; i < 15; i++) sketches.ended(response(start));
  await sketches.flush();
  expect((await liveWindows(store, "toy@1")).map(w => w.sketch.events)).toEqual([15]);
});

test("traffic like the training data is no drift, and what changes is told with its hour", async () => {
  const store = await storeWithModel("since");
  const sketches = await opened(store, "a");
  const start = Math.floor(store.clock.now() / hourMs) * hourMs - 9 * hourMs;
  for (let hour = 0; hour < 10; hour++)
    for (let i = 0; i < 80; i++) {
      // from the seventh hour on other tokens come, and all is said to be spam
      const isChanged = hour >= 6;
      sketches.ended(response(start + hour * hourMs, isChanged && i % 2 === 0 ? 20 : 0, isChanged ? "spam" : undefined));
    }
  await sketches.flush();
  const reference = (await versionSketch(store, "toy@1"))!.sketch;
  const windows = await liveWindows(store, "toy@1");
  expect(windows.length).toBe(10);
  const before = compareSketches(
    reference,
    windows
      .slice(0, 6)
      .map(w => w.sketch)
      .reduce(mergeSketches),
  );
  expect(before.verdict).not.toBe("drift");
  const after = compareSketches(
    reference,
    windows
      .slice(6)
      .map(w => w.sketch)
      .reduce(mergeSketches),
  );
  expect(after.kinds.covariate!.features).toContain("tokens");
  expect(after.kinds.prediction).toMatchObject({ verdict: "drift", features: ["label"] });
  expect(after.kinds.label).toBeUndefined();
  const onset = driftSince(reference, windows, { alpha: 0.001 }).find(o => o.feature === "label" && o.value === "spam");
  expect(onset).toMatchObject({ sinceMs: start + 6 * hourMs, windows: 4 });
  expect(await liveWindows(store, "toy@1", start + 8 * hourMs)).toHaveLength(2);
});

test("traffic that differs raises one alarm that names what moved and since when, and the first look that finds nothing ends it", async () => {
  const clock = jumpingClock(Date.UTC(2026, 10, 30, 0, 0, 1));
  const store = await storeWithModel("alarms", clock);
  const sketches = await opened(store, "a");
  const told: string[] = [];
  const watch = new RunningWatch({
    store,
    clock,
    settings: watchDefaults,
    objectives: [],
    project: "mail",
    warn: () => {},
    notify: ({ type, alarm }) => told.push(`${type} ${alarm.monitor} ${alarm.model}`),
  });
  /** Hours of traffic; `from` is the first token id that texts are drawn from. */
  const serve = async (hours: number, from: number, anHour = 10, stepHours = 1) => {
    for (let hour = 0; hour < hours; hour += stepHours) {
      for (let i = 0; i < anHour; i++) {
        const one = response(clock.now(), from);
        sketches.ended(one);
        watch.observer.ended(one);
      }
      await sketches.flush();
      await watch.tick();
      clock.advance(stepHours * hourMs);
      await watch.tick();
    }
  };
  await serve(50, 0, 10, 2);
  expect(await watchedAlarms(store)).toEqual([]);
  const changedMs = clock.now();
  await serve(49, 20, 40);
  const drift = (await watchedAlarms(store)).filter(a => a.kind === "drift");
  expect(drift).toHaveLength(1);
  expect(drift[0]).toMatchObject({ monitor: "drift", model: "toy@1", severity: "ticket", endedAt: null });
  expect(Math.abs(drift[0]!.since - changedMs)).toBeLessThan(3 * hourMs);
  expect(JSON.stringify(drift[0]!.evidence)).toContain('"feature":"tokens"');
  expect(watch.figures()!.drift.map(f => f.feature)).toContain("tokens");
  expect(told).toEqual(["alarm.raised drift toy@1"]);
  // as it was, until the comparison's week holds nothing else
  await serve(8 * 24, 0, 60, 24);
  const after = (await watchedAlarms(store)).filter(a => a.kind === "drift");
  expect(after.map(a => a.id)).toEqual([drift[0]!.id]);
  expect(after[0]!.endedAt).not.toBeNull();
  expect(told).toEqual(["alarm.raised drift toy@1", "alarm.resolved drift toy@1"]);
  await watch.close();
});

test("a look comes once in its time, with less of the false-alarm rate each time; without traffic or a sketch there is none", async () => {
  const store = await storeWithModel("looks");
  const rule = { alpha: 0.05, every: 24 };
  const start = Math.floor(store.clock.now() / hourMs) * hourMs - 40 * hourMs;
  const sketches = await opened(store, "a");
  for (let i = 0; i < 400; i++) sketches.ended(response(start + i));
  await sketches.flush();
  let kept: Awaited<ReturnType<typeof lookForDrift>>;
  const look = async (nowMs: number, version = "toy@1") => {
    kept = await lookForDrift(store, rule, version, nowMs);
    const { state } = kept ?? {};
    if (state !== undefined) await changeState(store, "watch/drift", version, () => ({ value: state, answer: 0 }));
    return kept;
  };
  expect(await look(start)).toMatchObject({ state: { looks: 0 } });
  expect(await look(start + 23 * hourMs)).toBeUndefined();
  expect(await look(start + 24 * hourMs)).toMatchObject({ changes: [], state: { looks: 1, isDrifting: false } });
  expect(await look(start + 25 * hourMs)).toBeUndefined();
  // a clock that was set back waits anew, and takes no look
  expect(await look(start - hourMs)).toMatchObject({ state: { looks: 1 } });
  expect(await look(start + 22 * hourMs)).toBeUndefined();
  expect(await look(start + 23 * hourMs)).toMatchObject({ state: { looks: 2 } });
  await look(start, "none@1");
  expect(await look(start + 30 * hourMs, "none@1")).toMatchObject({ changes: [], state: { looks: 0 } });
});

test("a version that was trained on documents alone raises no alarm, whatever its prompts are like", async () => {
  const store = await storeWithModel("documents", systemClock, trainingSketch({ hasLabels: false }));
  const start = Math.floor(store.clock.now() / hourMs) * hourMs - 40 * hourMs;
  const sketches = await opened(store, "a");
  for (let i = 0; i < 400; i++) sketches.ended(response(start + i, 20));
  await sketches.flush();
  const first = await lookForDrift(store, { alpha: 0.05, every: 24 }, "toy@1", start);
  await changeState(store, "watch/drift", "toy@1", () => ({ value: first!.state, answer: 0 }));
  const second = await lookForDrift(store, { alpha: 0.05, every: 24 }, "toy@1", start + 25 * hourMs);
  expect(second).toMatchObject({ changes: [], state: { isDrifting: false } });
  expect(JSON.stringify(second!.state)).toContain('"feature":"tokens"');
});

const weekMs = 7 * 24 * hourMs;

test("traffic that differs from the training data as it did in the same hours of earlier weeks is reported as usual, in its alarm too", async () => {
  const store = await storeWithModel("season");
  const sketches = await opened(store, "a");
  const nowMs = Math.floor(store.clock.now() / hourMs) * hourMs;
  const serve = (fromMs: number, hours: number, from: number, label?: string) => {
    for (let hour = 0; hour < hours; hour++) for (let i = 0; i < 60; i++) sketches.ended(response(fromMs + hour * hourMs + i, from, label));
  };
  // three hours whose tokens are others than those of training, each week; this week all is said to be spam as well
  for (const weeks of [3, 2, 1]) serve(nowMs - 3 * hourMs - weeks * weekMs, 3, 20);
  serve(nowMs - 3 * hourMs, 3, 20, "spam");
  await sketches.flush();
  const compared = await compareTraffic(store, "toy@1", { fromMs: nowMs - 3 * hourMs });
  if (typeof compared === "string") throw new Error(compared);
  expect(compared.season).toMatchObject({ version: "toy@1", seasons: [1, 2, 3], coverage: 1, unusual: ["label"] });
  expect(compared.season!.usual).toContain("tokens");
  const rule = { alpha: 0.05, every: 24 };
  const first = await lookForDrift(store, rule, "toy@1", nowMs - 24 * hourMs);
  await changeState(store, "watch/drift", "toy@1", () => ({ value: first!.state, answer: 0 }));
  const look = await lookForDrift(store, rule, "toy@1", nowMs);
  expect(look!.changes[0]).toMatchObject({ event: "raised", evidence: { season: { weeks: [1, 2, 3], unusual: ["label"] } } });
});

test("a new version has the season of the version before it, of what goes in alone", async () => {
  const store = await storeWithModel("season-before", systemClock, trainingSketch(), 2);
  const sketches = await opened(store, "a");
  const nowMs = Math.floor(store.clock.now() / hourMs) * hourMs;
  for (let i = 0; i < 400; i++) sketches.ended(response(nowMs - weekMs + i, 20));
  sketches.ended({ ...response(0), model: "toy@2" });
  await versionSketch(store, "toy@2");
  await new Promise(resolve => setTimeout(resolve, 50));
  for (let i = 0; i < 400; i++) sketches.ended({ ...response(nowMs + i, 20, "spam"), model: "toy@2" });
  await sketches.flush();
  const compared = await compareTraffic(store, "toy@2", { fromMs: nowMs });
  if (typeof compared === "string") throw new Error(compared);
  expect(compared.season).toMatchObject({ version: "toy@1", seasons: [1], unusual: [], unknown: ["label"] });
  expect(compared.season!.usual).toContain("tokens");
});

test("a person who is forgotten leaves the season: the hours with their requests go, of this server's memory too", async () => {
  const store = await storeWithModel("forgotten");
  const [a, b] = [await opened(store, "a"), await opened(store, "b")];
  const start = Math.floor(store.clock.now() / hourMs) * hourMs;
  const ask = (sketches: typeof a, atMs: number, owner: string | null) => sketches.ended({ ...response(atMs), owner });
  for (const hour of [-2, -1, 0]) for (let i = 0; i < 10; i++) ask(a, start + hour * hourMs + i, "user:bob");
  ask(a, start - hourMs, "user:ann");
  ask(a, start, "user:ann");
  ask(b, start - hourMs, null);
  await a.flush();
  await b.flush();
  const counts = async () => (await liveWindows(store, "toy@1")).map(w => [(w.atMs - start) / hourMs, w.sketch.events]);
  expect(await counts()).toEqual([
    [-2, 10],
    [-1, 12],
    [0, 11],
  ]);
  expect(await forgetOwner(store, "user:ann")).toEqual({ labelled: 0, requests: 0, sketches: 2, samples: 0 });
  // what others asked of another server stays
  const after = [
    [-2, 10],
    [-1, 1],
  ];
  expect(await counts()).toEqual(after);
  // the hour that the server has in memory is not written again; it begins anew
  ask(a, start + 20, "user:bob");
  await a.flush();
  expect(await counts()).toEqual(after);
  ask(a, start + 21, "user:bob");
  await a.flush();
  expect(await counts()).toEqual([...after, [0, 1]]);
  expect(await forgetOwner(store, "user:ann")).toMatchObject({ sketches: 0 });
  const kept = JSON.stringify(await statesOf(store.records.read, "watch/sketch-owners"));
  for (const name of ["ann", "bob"]) expect(kept).not.toContain(name);
});

test("of more owners than are told apart in an hour, each is in it", async () => {
  const store = await storeWithModel("owners");
  const sketches = await opened(store, "a");
  const start = Math.floor(store.clock.now() / hourMs) * hourMs;
  for (let i = 0; i < 1100; i++) sketches.ended({ ...response(start + i), owner: `user:${i}` });
  await sketches.flush();
  expect(await forgetOwner(store, "user:1099")).toMatchObject({ sketches: 1 });
  expect(await liveWindows(store, "toy@1")).toEqual([]);
});

test("a model that bears its data set's name is watched by its traffic, and texts are compared with what it learned from", async () => {
  const store = await storeWithModel("one-name");
  await store.close();
  const root = join(folder, "one-name");
  writeFileSync(join(root, "loam.yaml"), toyYaml().replaceAll("letters", "toy"));
  writeFileSync(join(root, "new.jsonl"), `${JSON.stringify({ text: "w1 w2 w3" })}\n`.repeat(20));
  const project = await openProject(root);
  // no server has answered yet
  for (const name of [undefined, "toy"])
    await expect(project.watch.drift(name)).rejects.toMatchObject({
      code: "project/nothing",
      message: expect.stringMatching(/^toy@1: .*responses/),
    });
  const { reference, report } = await project.watch.drift("new.jsonl", { features: ["characters", "words"] });
  expect(reference).toMatchObject({ kind: "model", name: "toy@1" });
  expect(report.verdict).toBe("drift");
  await project.close();
});
