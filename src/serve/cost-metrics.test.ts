import { setImmediate } from "node:timers/promises";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { openDevice } from "../tensor/index.ts";
import { costMetrics } from "./cost-metrics.ts";
import { createEngine } from "./engine.ts";
import { Engines } from "./engines.ts";
import { scriptedProgram, tinyModel } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const open = async () => scriptedProgram({ slots: 1, room: 64, widths: [16] });

test("all processor time is some model's or nobody's, and money is its price", async () => {
  const engines = [
    createEngine({ model: await tinyModel(device, { id: "a@1" }), device, open }),
    createEngine({ model: await tinyModel(device, { id: "b@1" }), device, open }),
  ];
  await Promise.all(engines.map(e => e.ready));
  const registry = new Registry();
  let used = 100;
  costMetrics(new Engines(engines), [registry], { usdPerCoreHour: 0.36, processorSeconds: () => used });
  const read = async () => {
    const found = [...(await registry.metrics()).matchAll(/^loam_(\w+)_total\{model="([^"]+)"\} (.*)$/gm)];
    return Object.fromEntries(found.map(m => [`${m[1]} ${m[2]}`, Number(m[3])]));
  };
  used += 2;
  const idle = await read();
  expect(Object.keys(idle)).toEqual(["core_seconds none", "cost_usd none"]);
  expect(idle["core_seconds none"]).toBe(2);
  expect(idle["cost_usd none"]).toBeCloseTo(2 * 0.0001, 12);
  for await (const _ of engines[0]!.submit({ tokens: [1], maxTokens: 2 }));
  // the last token arrives before its step is reported
  await setImmediate();
  used += 6;
  expect(await read()).toMatchObject({ "core_seconds none": 2, "core_seconds a@1": 6 });
  for (const engine of engines) for await (const _ of engine.submit({ tokens: [1], maxTokens: 2 }));
  await setImmediate();
  used += 10;
  const last = await read();
  expect(last["core_seconds b@1"]).toBeGreaterThan(0);
  expect(last["core_seconds none"]! + last["core_seconds a@1"]! + last["core_seconds b@1"]!).toBeCloseTo(18, 9);
  expect(last["cost_usd a@1"]).toBeCloseTo(last["core_seconds a@1"]! * 0.0001, 12);
  // a clock that is set back takes nothing from anybody
  used -= 5;
  expect((await read())["core_seconds none"]).toBe(2);
  await Promise.all(engines.map(e => e.close()));
});
