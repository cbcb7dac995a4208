import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Closers } from "./closers.ts";
import { loadedUnlessLeft, untilStopped } from "./until-stopped.ts";

/** A load that ends when it is told. */
function slowLoad() {
  let end: (error?: Error) => void = () => {};
  const load = new Promise<string>((resolve, reject) => {
    end = error => (error ? reject(error) : resolve("model"));
  });
  return { load, end };
}

test("a stop waits for what loads and closes it, whatever the load ends with", async () => {
  for (const error of [undefined, new Error("damaged")]) {
    const { load, end } = slowLoad();
    const stop = new AbortController();
    const closed: string[] = [];
    let isOver = false;
    const waiting = untilStopped(load, { signal: stop.signal }, model => closed.push(model)).finally(() => {
      isOver = true;
    });
    waiting.catch(() => {});
    stop.abort(new Error("stopped"));
    await setImmediate();
    expect(isOver).toBe(false);
    end(error);
    await expect(waiting).rejects.toThrow("stopped");
    expect(closed).toEqual(error ? [] : ["model"]);
  }
});

test("a program that ends with the stop leaves the load behind and is told so once; nothing waits for it when it closes", async () => {
  const { load } = slowLoad();
  const stop = new AbortController();
  let left = 0;
  const stopping = { signal: stop.signal, abandon: () => void left++ };
  const waiting = untilStopped(load, stopping);
  stop.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
  expect(left).toBe(1);
  expect(await loadedUnlessLeft(load, stopping)).toBeUndefined();
});

test("what is loaded is given, and found to be closed after a stop", async () => {
  const stop = new AbortController();
  for (const stopping of [{ signal: stop.signal }, { signal: stop.signal, abandon: () => {} }, {}])
    expect(await untilStopped(Promise.resolve("model"), stopping)).toBe("model");
  stop.abort();
  for (const stopping of [{ signal: stop.signal }, { signal: stop.signal, abandon: () => {} }, {}])
    expect(await loadedUnlessLeft(Promise.resolve("model"), stopping)).toBe("model");
});

test("what was opened is closed in the reverse order, each whatever happens to the others", async () => {
  const closed: string[] = [];
  const closers = new Closers();
  closers.add(() => closed.push("first"));
  closers.add(() => {
    throw new Error("second");
  });
  closers.add(async () => closed.push("third"));
  await expect(closers[Symbol.asyncDispose]()).rejects.toThrow("second");
  expect(closed).toEqual(["third", "first"]);
  await closers[Symbol.asyncDispose]();
  expect(closed).toEqual(["third", "first"]);
});
