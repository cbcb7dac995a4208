import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { callOf, type Watch } from "./call.ts";
import { eventVersion, type ProjectEvent } from "./events.ts";

const warning = (message: string): ProjectEvent => ({ event: "warning", message, v: eventVersion });
const progress = (label: string, done: number): ProjectEvent => ({ event: "progress", label, stage: "train", done, v: eventVersion });

test("a call that is awaited gives its result, and runs once however often it is awaited", async () => {
  let runs = 0;
  const call = callOf(async () => ++runs);
  expect(runs).toBe(0);
  expect(await call).toBe(1);
  expect(await call).toBe(1);
});

test("a call that is read gives its events in order, then its result", async () => {
  const call = callOf(async ({ emit }) => {
    emit(warning("a"));
    await setImmediate();
    emit(warning("b"));
    return 7;
  });
  const seen: ProjectEvent[] = [];
  for await (const event of call) seen.push(event);
  expect(seen).toEqual([warning("a"), warning("b")]);
  expect(await call).toBe(7);
});

test("of progress that nobody has read the newest of a label is kept, and nothing else is lost", async () => {
  const told = [progress("a", 0.1), progress("a", 0.2), progress("b", 0.1), warning("w"), progress("b", 0.3)];
  const call = callOf(async ({ emit }) => told.forEach(emit));
  const seen: ProjectEvent[] = [];
  for await (const event of call) seen.push(event);
  expect(seen).toEqual(told.slice(1));
});

test("the start of a job is not lost to the steps that come before anybody reads it: the newest of each stage is kept", async () => {
  const launch = { ...progress("a", 0), stage: "launch" };
  const told = [launch, progress("a", 0.1), progress("b", 0.1), progress("a", 0.2), { ...launch, message: "waits" }, progress("b", 0.3)];
  const call = callOf(async ({ emit }) => told.forEach(emit));
  const seen: ProjectEvent[] = [];
  for await (const event of call) seen.push(event);
  expect(seen).toEqual([told[3], told[4], told[5]]);
  const first: ProjectEvent[] = [];
  for await (const event of callOf(async ({ emit }) => told.slice(0, 4).forEach(emit))) first.push(event);
  expect(first).toEqual([launch, told[2], told[3]]);
});

/** Works until it is stopped, then puts away what it holds. */
const untilStopped =
  (log: string[]) =>
  async ({ signal, emit }: Watch) => {
    try {
      emit(warning("begun"));
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    } finally {
      await setImmediate();
      log.push("put away");
    }
  };

test("a broken for await stops the work and waits until it has put everything away", async () => {
  const log: string[] = [];
  for await (const _ of callOf(untilStopped(log))) break;
  expect(log).toEqual(["put away"]);
});

test("the signal stops the work, awaited as read, and it fails with base/interrupted", async () => {
  for (const read of [false, true]) {
    const log: string[] = [];
    const stop = new AbortController();
    const call = callOf(untilStopped(log), { signal: stop.signal });
    const use = async () => {
      if (read) for await (const _ of call) stop.abort();
      else await call;
    };
    const used = use();
    await setImmediate();
    if (!read) stop.abort();
    await expect(used).rejects.toMatchObject({ code: "base/interrupted" });
    expect(log).toEqual(["put away"]);
  }
});

test("a signal that is aborted before begins nothing", async () => {
  let runs = 0;
  await expect(callOf(async () => ++runs, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "base/interrupted" });
  expect(runs).toBe(0);
});

test("an error of the work is thrown where it is read, after the events before it", async () => {
  const seen: ProjectEvent[] = [];
  const read = async () => {
    const call = callOf(async ({ emit }) => {
      emit(warning("a"));
      throw new Error("broken");
    });
    for await (const event of call) seen.push(event);
  };
  await expect(read()).rejects.toThrow("broken");
  expect(seen).toEqual([warning("a")]);
});

test("an error while whoever reads is busy is thrown when it reads on, and rejects nothing that nobody handles", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    const read = async () => {
      const call = callOf(async ({ emit }) => {
        emit(warning("a"));
        throw new Error("broken");
      });
      for await (const _ of call) for (let turn = 0; turn < 3; turn++) await setImmediate();
    };
    await expect(read()).rejects.toThrow("broken");
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
