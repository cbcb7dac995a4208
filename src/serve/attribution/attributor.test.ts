import { expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import type { EngineStats } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import type { EngineObserver } from "../observer.ts";
import { type AttributedEngine, Attributor } from "./attributor.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);

/** An engine whose steps are made by hand. */
function handEngine() {
  const observers = new Set<EngineObserver>();
  const stats: EngineStats = {
    isUniform: true,
    state: "ready",
    slots: 2,
    running: 1,
    queued: 0,
    blocked: 0,
    cacheTokens: 0,
    cacheRoom: 0,
    cacheBytes: 0,
    requests: 1,
    runningAdapters: [],
    queuedAdapters: [],
  };
  const hand: { stats: EngineStats; steps: number; engine: AttributedEngine; step(): void } = {
    stats,
    steps: 0,
    step() {
      hand.steps++;
      for (const o of observers) o.step?.(1, 0, 1);
    },
    engine: {
      model,
      device,
      state: "ready",
      stats: () => hand.stats,
      observe: o => {
        observers.add(o);
        return () => observers.delete(o);
      },
    },
  };
  return { hand, observers };
}
const request = { prompt: [1, 2, 3], answer: [4], targets: [[0]], score: "logprob", baseline: "mean", steps: 2, tolerance: 0 } as const;
const later = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
const never = new AbortController().signal;

test("while answers are written each run waits for a step of theirs; between two steps there is one at most", async () => {
  const { hand, observers } = handEngine();
  let isDone = false;
  const found = new Attributor(hand.engine).attribute(request, never).finally(() => {
    isDone = true;
  });
  await later(150);
  expect([isDone, observers.size]).toEqual([false, 1]);
  while (!isDone) {
    hand.step();
    await later(1);
  }
  const { runs } = await found;
  expect(runs).toBe(2 * (3 + 2 * model.config.layers));
  expect(hand.steps).toBeGreaterThanOrEqual(runs);
  expect(observers.size).toBe(0);
});

test("nobody is waited for who makes no steps: all gone, or all behind with reading", async () => {
  for (const change of [{ running: 0 }, { running: 2, blocked: 2, queued: 3 }]) {
    const { hand } = handEngine();
    hand.stats = { ...hand.stats, ...change };
    await expect(new Attributor(hand.engine).attribute(request, never)).resolves.toMatchObject({ looks: 2 });
  }
  const { hand } = handEngine();
  const found = new Attributor(hand.engine).attribute(request, never);
  await later(20);
  hand.stats = { ...hand.stats, running: 0 };
  await expect(found).resolves.toMatchObject({ looks: 2 });
});

test("leaving while it waits for a step ends it, and nobody is watched any more", async () => {
  const { hand, observers } = handEngine();
  const leaving = new AbortController();
  const found = new Attributor(hand.engine).attribute(request, leaving.signal);
  await later(20);
  leaving.abort();
  await expect(found).rejects.toMatchObject({ code: "serve/cancelled" });
  expect(observers.size).toBe(0);
});

test("a model that is no longer served ends it with an error that says so", async () => {
  const { hand } = handEngine();
  const engine = { ...hand.engine, state: "ready" as AttributedEngine["state"] };
  const found = new Attributor(engine).attribute(request, never);
  await later(20);
  engine.state = "closed";
  hand.step();
  await expect(found).rejects.toMatchObject({ code: "serve/draining" });
});

test("quantised weights, which have no slope, are refused by name", async () => {
  const { hand } = handEngine();
  const codes = await device.zeros([4], "i8");
  const quantised = { ...model, parameters: { ...model.parameters, token: { codes } as never } };
  await expect(new Attributor({ ...hand.engine, model: quantised }).attribute(request, never)).rejects.toThrow(
    "model: expected a model whose weights are served as float32, got tiny@1, which has i8 among them. Serve it without quantisation.",
  );
});
