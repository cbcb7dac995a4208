/**
 * One line of JSON a request, written in batches: a line costs no system call of its own, and what waits is bounded. The record holds no prompt,
 * no answer and no secret by construction; what an upstream said of itself is redacted.
 */
import type { Writable } from "node:stream";
import type { LogConfig } from "../config/gateway-config.ts";
import type { ShadowRecord } from "../routing/shadow.ts";
import { textOfRecord } from "./exchange.ts";
import { fileSink, type LogSink } from "./log-file.ts";
import type { RequestRecord } from "./request-record.ts";

export interface AccessLog {
  write(record: RequestRecord): void;
  /** A copy to a model's shadow; sampled as answers are. */
  copy(record: ShadowRecord): void;
  close(): Promise<void>;
}

interface AccessLogOptions extends Omit<LogConfig, "sizeBytes" | "keepMs"> {
  /** Never full when absent. */
  readonly sizeBytes?: number;
  /** Kept for ever when absent. */
  readonly keepMs?: number;
  readonly random: () => number;
  readonly now?: () => number;
  /** What `stdout` means. Default: nothing is logged there. */
  readonly stdout?: Writable;
}

const flushMs = 200;
/** Characters that wait; beyond it, where the disk does not keep up, lines are counted and dropped. */
const mostWaiting = 8 * 1024 * 1024;

const silent: AccessLog = { write: () => {}, copy: () => {}, close: async () => {} };
// a full disk must not end the gateway
const onError = () => {};

const streamSink = (stream: Writable): LogSink => ({
  get waiting() {
    return stream.writableLength;
  },
  write: text => void stream.write(text),
  close: async () => {},
});

export function openAccessLog({ to, sample, random, sizeBytes, keepMs, now = Date.now, stdout }: AccessLogOptions): AccessLog {
  const stream = to === "stdout" ? stdout : undefined;
  if (to === "none" || (to === "stdout" && !stream)) return silent;
  const sink = stream ? streamSink(stream) : fileSink(to, { sizeBytes, keepMs, now });
  stream?.on("error", onError);
  let lines: string[] = [];
  let waiting = 0;
  let dropped = 0;
  const flush = () => {
    if (dropped > 0) lines.push(JSON.stringify({ dropped }));
    if (lines.length === 0 || sink.waiting > mostWaiting) return;
    sink.write(`${lines.join("\n")}\n`);
    lines = [];
    waiting = 0;
    dropped = 0;
  };
  const add = (line: string) => {
    waiting += line.length;
    if (waiting > mostWaiting) dropped++;
    else lines.push(line);
  };
  const timer = setInterval(flush, flushMs);
  timer.unref();
  return {
    write: record => {
      if (record.status < 400 && sample < 1 && random() >= sample) return;
      add(textOfRecord(record));
    },
    copy: record => {
      if (sample >= 1 || random() < sample) add(JSON.stringify(record));
    },
    close: async () => {
      clearInterval(timer);
      flush();
      stream?.off("error", onError);
      await sink.close();
    },
  };
}
