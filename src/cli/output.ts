/**
 * What a command says. For people: lines on stdout, progress that rewrites one line on stderr. With --json: one JSON document (or one JSON line
 * an event) on stdout and nothing for people there. A verb never writes by itself.
 */
import { formatDuration, type Progress, type ProgressEvent } from "../base/index.ts";

export interface Output {
  readonly json: boolean;
  /** A line for people. */
  line(text?: string): void;
  /** A piece of a line for people, as it comes. */
  piece(text: string): void;
  /** A line for people about something that went otherwise than hoped. */
  warn(text: string): void;
  /** Progress of a long job under a label. */
  progress(label: string): Progress;
  /** The end of a progress line: replaced by its result. */
  done(label: string, text: string, tookMs?: number): void;
  /** An event for machines while the command runs. */
  event(name: string, data: object): void;
  /** Takes an unfinished progress line away. */
  clear(): void;
  /** The command's result for machines; people have read it in lines. */
  result(data: object): void;
}

interface Streams {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };
}

const barWidth = 20;
/** Redraws a progress line at most this often (ms). */
const redrawMs = 100;
/** Without a terminal a progress line is written at most this often (ms), so that logs stay short. */
const logMs = 10_000;

export const bar = (done: number): string => {
  const full = Math.round(Math.max(0, Math.min(1, done)) * barWidth);
  return "█".repeat(full) + "░".repeat(barWidth - full);
};

/** One line of progress: label, bar, share, message, time left. */
export function progressLine(label: string, e: ProgressEvent): string {
  const share = e.done === undefined ? "" : `${bar(e.done)} ${String(Math.floor(e.done * 100)).padStart(3)} %`;
  const left = e.leftMs === undefined ? "" : `${formatDuration(e.leftMs)} left`;
  return `  ${label.padEnd(18)} ${[share, e.message ?? "", left].filter(Boolean).join("  ")}`;
}

export function createOutput(json: boolean, { out, err }: Streams = { out: process.stdout, err: process.stderr }): Output {
  const people = json ? err : out;
  let drawn = false;
  let last = 0;
  const clear = () => {
    if (drawn) err.write("\r\x1b[2K");
    drawn = false;
  };
  const say = (text: string) => {
    clear();
    people.write(`${text}\n`);
  };
  return {
    json,
    line: (text = "") => say(text),
    piece: text => {
      clear();
      people.write(text);
    },
    warn: text => {
      clear();
      err.write(`${text}\n`);
    },
    progress: label => e => {
      if (json) {
        const now = performance.now();
        if (now - last < redrawMs && e.done !== 1) return;
        last = now;
        out.write(`${JSON.stringify({ event: "progress", label, ...e })}\n`);
        return;
      }
      const now = performance.now();
      const every = err.isTTY ? redrawMs : logMs;
      if (now - last < every) return;
      last = now;
      const text = progressLine(label, e);
      if (!err.isTTY) {
        err.write(`${text}\n`);
        return;
      }
      err.write(`\r\x1b[2K${text.slice(0, Math.max(20, (err.columns || 120) - 1))}`);
      drawn = true;
    },
    done: (label, text, tookMs) => {
      last = 0;
      say(`  ${label.padEnd(18)} ${tookMs === undefined ? text : `${text.padEnd(74)} ${formatDuration(tookMs).padStart(7)}`}`);
    },
    clear,
    event: (name, data) => {
      if (json) out.write(`${JSON.stringify({ event: name, ...data })}\n`);
    },
    result: data => {
      if (json) out.write(`${JSON.stringify(data)}\n`);
    },
  };
}
