/** What a run writes down as it goes: JSON lines, and a TensorBoard event file of the same numbers (people have it open). */
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** What a run logged, as its run data and, while it runs, in its scratch folder. */
export const metricsFile = "metrics.jsonl";

/** One logged step. Losses are nats per token. */
export interface MetricPoint {
  readonly step: number;
  readonly tokens: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  readonly gradientNorm: number;
  readonly heldOut?: number;
  /** Gradient noise scale, tokens. */
  readonly noiseScale?: number;
  /** Share of the trained tokens, by weight, whose target had the greatest logit; of training and of what is held out. */
  readonly tokenAccuracy?: number;
  readonly heldOutTokenAccuracy?: number;
  /** In f16: what the loss is multiplied by, and steps that were skipped so far. */
  readonly lossScale?: number;
  readonly skippedSteps?: number;
  /** Of a training that is debiased: the adversary's loss, nats. */
  readonly adversaryLoss?: number;
}

export const metricLine = (p: MetricPoint): string => `${JSON.stringify(p)}\n`;
export const readMetrics = (text: string): MetricPoint[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as MetricPoint);

/** CRC-32C (Castagnoli), as TFRecord frames use it. */
const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});
export function crc32c(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const b of bytes) c = crcTable[(c ^ b) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** A TFRecord frame: length, its masked CRC, data, its masked CRC. */
function frame(data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(data.length));
  head.writeUInt32LE(masked(crc32c(head.subarray(0, 8))), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(masked(crc32c(data)));
  return Buffer.concat([head, data, tail]);
}

const varint = (n: number): Buffer => {
  const out: number[] = [];
  for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
  return Buffer.from([...out, n]);
};
const field = (number: number, wire: 0 | 1 | 2 | 5, body: Buffer): Buffer =>
  Buffer.concat([varint(number * 8 + wire), ...(wire === 2 ? [varint(body.length)] : []), body]);
const double = (x: number): Buffer => {
  const b = Buffer.alloc(8);
  b.writeDoubleLE(x);
  return b;
};
const single = (x: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeFloatLE(x);
  return b;
};

/** Event { wall_time = 1, step = 2, file_version = 3, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }. */
export function tensorboardEvent(wallSeconds: number, step: number, values: Readonly<Record<string, number>>): Buffer {
  const summary = Buffer.concat(
    Object.entries(values).map(([tag, value]) => field(1, 2, Buffer.concat([field(1, 2, Buffer.from(tag)), field(2, 5, single(value))]))),
  );
  return frame(Buffer.concat([field(1, 1, double(wallSeconds)), field(2, 0, varint(step)), field(5, 2, summary)]));
}
export const tensorboardHeader = (wallSeconds: number): Buffer =>
  frame(Buffer.concat([field(1, 1, double(wallSeconds)), field(3, 2, Buffer.from("brain.Event:2"))]));

export interface MetricLog {
  write(p: MetricPoint): void;
  /** Everything written so far. */
  points(): readonly MetricPoint[];
}

/** The log of a rank that is not the first one. */
export const noMetricLog: MetricLog = { write: () => {}, points: () => [] };

/**
 * Opens the logs of a run in a folder. On resume, lines after `fromStep` are dropped: those steps will be written again, so the log of an
 * interrupted run equals that of an uninterrupted one. TensorBoard's events go to a folder of their own, where they stay.
 */
export function openMetricLog(folder: string, fromStep: number, now: () => number, eventsFolder = folder): MetricLog {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, metricsFile);
  let kept: MetricPoint[] = [];
  if (existsSync(path)) {
    // a torn last line (killed while writing) is not yet a point
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    kept = readMetrics(lines.join("\n")).filter(p => p.step <= fromStep);
    truncateSync(path, 0);
  }
  appendFileSync(path, kept.map(metricLine).join(""));
  mkdirSync(eventsFolder, { recursive: true });
  const events = join(eventsFolder, `events.out.tfevents.${Math.floor(now() / 1000)}.${hostname()}`);
  const fd = openSync(events, "w");
  writeSync(fd, tensorboardHeader(now() / 1000));
  closeSync(fd);
  const points = [...kept];
  return {
    points: () => points,
    write(p) {
      points.push(p);
      appendFileSync(path, metricLine(p));
      const { step, tokens: _, ...values } = p;
      appendFileSync(events, tensorboardEvent(now() / 1000, step, values));
    },
  };
}
