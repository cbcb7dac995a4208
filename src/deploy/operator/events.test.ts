import { expect, test, vi } from "vitest";
import type { KubernetesClient } from "../../kubernetes/index.ts";
import { mostHeldBackMs, openEventQueue } from "./events.ts";
import { type LoamModel, loamModelSpec } from "./spec.ts";

const model = {
  metadata: { name: "mail", namespace: "here", uid: "u", resourceVersion: "7" },
  spec: loamModelSpec.parse({ image: "localhost/app", version: "1" }),
} as LoamModel;
const event = (note: string) => ({ type: "Normal", reason: "Rollout", note }) as const;

function opened({ lead = () => {}, fails = 0 } = {}) {
  let [nowMs, isBusy, left] = [1_800_000_000_000, true, fails];
  const written: { readonly note: string; readonly eventTime: string }[] = [];
  const failed: string[] = [];
  const ended = new AbortController();
  const create = async (_: unknown, object: (typeof written)[number], { guard }: { readonly guard: () => void }) => {
    guard();
    if (left-- > 0) throw new Error("no room");
    written.push(object);
  };
  const queue = openEventQueue({
    client: { create } as unknown as KubernetesClient, // reason: a fake of one method
    identity: "me",
    clock: { now: () => nowMs, monotonic: () => nowMs },
    signal: ended.signal,
    guard: lead,
    isBusy: () => isBusy,
    failed: error => failed.push(error.message),
  });
  return {
    queue,
    failed,
    ended,
    notes: () => written.map(w => w.note),
    times: () => written.map(w => w.eventTime),
    rest: () => {
      isBusy = false;
    },
    later: (ms: number) => {
      nowMs += ms;
    },
  };
}

test("an event gives way to what models wait for, and has the time at which it happened", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { queue, notes, times, rest, later } = opened();
    queue.add("here/mail", model, [event("1")]);
    await vi.advanceTimersByTimeAsync(2_000);
    later(2_000);
    queue.add("here/mail", model, [event("2")]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(notes()).toEqual([]);
    rest();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(notes()).toEqual(["1", "2"]);
    expect(times()).toEqual(["2027-01-15T08:00:00.000000Z", "2027-01-15T08:00:02.000000Z"]);
  } finally {
    vi.useRealTimers();
  }
});

test("an event waits no longer than some seconds, however busy the operator is", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { queue, notes, later } = opened();
    queue.add("here/mail", model, [event("1")]);
    later(mostHeldBackMs);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(notes()).toEqual(["1"]);
  } finally {
    vi.useRealTimers();
  }
});

test("an event that could not be written is lost; a process that does not lead writes none", async () => {
  const one = opened({ fails: 1 });
  one.rest();
  one.queue.add("here/mail", model, [event("1"), event("2")]);
  await expect.poll(one.notes).toEqual(["2"]);
  expect(one.failed).toEqual(["no room"]);
  const other = opened({
    lead: () => {
      throw new Error("another leads");
    },
  });
  other.rest();
  other.queue.add("here/mail", model, [event("1")]);
  await expect.poll(() => other.failed).toEqual(["another leads"]);
  expect(other.notes()).toEqual([]);
});
