/**
 * One line of JSON a request, written in batches: a line costs no system call of its own, and what waits is bounded. The record holds no prompt,
 * no answer and no secret by construction; what an upstream said of itself is redacted.
 */
import { createWriteStream } from "node:fs";
import { redact } from "../../base/index.ts";
import type { RequestRecord } from "./exchange.ts";

export interface AccessLog {
  write(record: RequestRecord): void;
  close(): Promise<void>;
}

export interface AccessLogOptions {
  /** A file that is added to, `stdout` or `none`. */
  readonly to: string;
  /** Share of answers below 400 that are logged. */
  readonly sample: number;
  readonly random: () => number;
}

const flushMs = 200;
/** Characters that wait; beyond it, where the disk does not keep up, lines are counted and dropped. */
const mostWaiting = 8 * 1024 * 1024;

const silent: AccessLog = { write: () => {}, close: async () => {} };

export function openAccessLog({ to, sample, random }: AccessLogOptions): AccessLog {
  if (to === "none") return silent;
  const stream = to === "stdout" ? process.stdout : createWriteStream(to, { flags: "a", mode: 0o600 });
  // a full disk must not end the gateway
  const onError = () => {};
  stream.on("error", onError);
  let lines: string[] = [];
  let waiting = 0;
  let dropped = 0;
  const flush = () => {
    if (dropped > 0) lines.push(JSON.stringify({ dropped }));
    if (lines.length === 0 || stream.writableLength > mostWaiting) return;
    stream.write(`${lines.join("\n")}\n`);
    lines = [];
    waiting = 0;
    dropped = 0;
  };
  const timer = setInterval(flush, flushMs);
  timer.unref();
  return {
    write: record => {
      if (record.status < 400 && sample < 1 && random() >= sample) return;
      const line = JSON.stringify(record.detail === null ? record : { ...record, detail: redact(record.detail) });
      waiting += line.length;
      if (waiting > mostWaiting) dropped++;
      else lines.push(line);
    },
    close: async () => {
      clearInterval(timer);
      flush();
      stream.off("error", onError);
      if (stream !== process.stdout) await new Promise<void>(resolve => stream.end(() => resolve()));
    },
  };
}
