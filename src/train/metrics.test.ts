import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { crc32c, type MetricPoint, openMetricLog, readMetrics } from "./metrics.ts";

const root = mkdtempSync(join(tmpdir(), "loam-metrics-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const point = (step: number): MetricPoint => ({
  step,
  tokens: step * 100,
  loss: 5 - step / 100,
  learningRate: 0.01,
  tokensPerSecond: 9000,
  gradientNorm: 1,
});

test("CRC-32C gives the check value of its definition", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
});

test("a log opened again drops what will be written again, and a torn line", () => {
  const folder = join(root, "a");
  const log = openMetricLog(folder, 0, () => 1000);
  for (const step of [10, 20, 30]) log.write(point(step));
  appendFileSync(join(folder, "metrics.jsonl"), '{"step":40,"tok');
  const again = openMetricLog(folder, 20, () => 2000);
  expect(again.points().map(p => p.step)).toEqual([10, 20]);
  again.write(point(30));
  expect(readMetrics(readFileSync(join(folder, "metrics.jsonl"), "utf8"))).toEqual([10, 20, 30].map(point));
});

test("an event file is frames of length, masked checksum, data, masked checksum", () => {
  const folder = join(root, "b");
  const log = openMetricLog(folder, 0, () => 1000, join(folder, "events"));
  log.write({ ...point(10), heldOut: 4 });
  const [name] = readdirSync(join(folder, "events"));
  const bytes = readFileSync(join(folder, "events", name!));
  const unmask = (m: number) => {
    const r = (m - 0xa282ead8) >>> 0;
    return ((r >>> 17) | (r << 15)) >>> 0;
  };
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(unmask(bytes.readUInt32LE(at + 8))).toBe(crc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(crc32c(data));
    frames.push(data);
    at += 16 + length;
  }
  expect(frames.length).toBe(2);
  expect(frames[0]!.includes("brain.Event:2")).toBe(true);
  for (const tag of ["loss", "heldOut", "gradientNorm"]) expect(frames[1]!.includes(tag)).toBe(true);
});
