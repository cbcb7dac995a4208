/** Outliers are looked for among the targets of one model. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { handClock } from "../../base/index.ts";
import { checkConfig } from "../config/read-config.ts";
import { openAccess } from "../fakes.ts";
import { Runtime } from "./runtime.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a target that fails far more than its model's others rests, and its upstream's other models do not", async () => {
  const targets = [{ upstream: "first" }, { upstream: "second" }];
  const config = await checkConfig(
    {
      state: "memory:",
      access: openAccess,
      upstreams: { first: { url: "http://127.0.0.1:1/v1", breaker: { failures: 1_000 } }, second: { url: "http://127.0.0.1:2/v1" } },
      models: { chat: { targets }, mail: { targets }, alone: { targets: [{ upstream: "first" }] } },
    },
    "gateway.yaml",
    ".",
  );
  const runtime = new Runtime({ config, clock: handClock(), random: () => 0.5 });
  const ended = (upstream: string, model: string, how: "answered" | "failed") => {
    const u = runtime.upstream(upstream);
    u.lane!.tryEnter("a");
    u.begin({ model, caller: "a", fingerprint: () => "same" }).end(how);
  };
  for (let i = 0; i < 12; i++) {
    for (const model of ["chat", "mail"]) ended("second", model, "answered");
    ended("first", "mail", "answered");
    ended("first", "chat", "failed");
    ended("first", "alone", "failed");
  }
  const available = () => ["chat", "mail", "alone"].map(model => runtime.upstream("first").stateOf(model, "a").isAvailable);
  expect(available()).toEqual([true, true, true]);
  vi.advanceTimersByTime(10_000);
  // the one without others to be compared with stays: there is nowhere else to go
  expect(available()).toEqual([false, true, true]);
  expect(runtime.upstream("second").stateOf("chat", "a").isAvailable).toBe(true);
  runtime.leave();
});
