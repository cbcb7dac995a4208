import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openMetrics } from "./own-metrics.ts";

function context() {
  const scratch = mkdtempSync(join(tmpdir(), "loam-own-metrics-"));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const written = new Map<string, string>();
  const output = {
    write: async (name: string, data: string | Uint8Array) => void written.set(name, data.toString()),
    writeStream: async () => {},
  };
  return { scratch, output, written, lines: () => readFileSync(join(scratch, "metrics.jsonl"), "utf8") };
}

test("numbers of any name lie in the scratch folder at once, and in the artifact when they are written", async () => {
  const c = context();
  const metrics = openMetrics(c);
  metrics.log(0, { loss: 3, purity: 0.25 });
  metrics.log(2, { loss: Number.NaN, purity: 0.5 });
  expect(c.lines()).toBe('{"step":0,"loss":3,"purity":0.25}\n{"step":2,"purity":0.5}\n');
  expect(c.written.size).toBe(0);
  await metrics.write();
  expect(c.written.get("metrics.jsonl")).toBe(c.lines());
});

test("with run data its numbers are no part of the artifact: speeds among them would change its digest", async () => {
  const { scratch, output, written, lines } = context();
  const kept = new Map<string, string>();
  const metrics = openMetrics({ scratch, output, runData: { write: (name, text) => void kept.set(name, text) } });
  metrics.log(1, { loss: 3, tokensPerSecond: 1234 });
  await metrics.write();
  expect([...kept]).toEqual([["metrics.jsonl", lines()]]);
  expect(written.size).toBe(0);
});

test("one that goes on from a step has the log of one that was never killed", () => {
  const [whole, killed] = [context(), context()];
  const log = (metrics: ReturnType<typeof openMetrics>, from: number, to: number) => {
    for (let step = from; step <= to; step++) metrics.log(step, { loss: 1 / step });
  };
  log(openMetrics(whole), 1, 6);
  log(openMetrics(killed), 1, 4);
  appendFileSync(join(killed.scratch, "metrics.jsonl"), '{"step":5,"lo');
  log(openMetrics(killed, 3), 4, 6);
  expect(killed.lines()).toBe(whole.lines());
});

test("what is no number, and steps that do not rise, are refused by name", () => {
  const metrics = openMetrics(context());
  metrics.log(3, { loss: 1 });
  expect(() => metrics.log(3, { loss: 1 })).toThrow("metrics of step 3: expected a whole step above 3, got 3");
  expect(() => metrics.log(4, { loss: "1" as never })).toThrow('metrics of step 4: loss: expected a number, got "1"');
  expect(() => metrics.log(4, { step: 1 })).toThrow("another name");
  expect(() => openMetrics(context(), -1)).toThrow("a whole step from 0");
});
