/**
 * Server-sent events cut out of the bytes of an upstream as they come: each event keeps its own bytes, so that it can be passed on as it was.
 * Nothing is parsed twice and nothing is held longer than until its blank line. The format: WHATWG HTML, section 9.2.6.
 */
import { Waiting } from "./waiting.ts";

export interface StreamEvent {
  /** The event with its blank line, as the upstream wrote it. */
  readonly bytes: Buffer;
  /** Its `data` lines joined; undefined for comments. */
  readonly data: string | undefined;
}

export interface EventCutter {
  /** The events that these bytes complete. */
  push(chunk: Buffer): StreamEvent[];
  /** Bytes of an event that is not complete. */
  readonly pendingBytes: number;
}

const lf = 10;
const cr = 13;
/** Bytes of a blank line before its last: so many may have come before the piece that it ends in. */
const seam = 2;

/** Where the first event ends whose blank line begins at `from` or later: behind that line's feed; -1 where that has not come. */
function endOf(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(lf, from); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at + 1] === lf) return at + 2;
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return at + 3;
  }
  return -1;
}

const dataPrefix = /^data: ?/;

function dataOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  // nearly every event is one line
  if (text.startsWith("data: ") && text.indexOf("\n") === text.length - 2) return text.slice(6, -2);
  const lines = text.split(/\r\n|\n|\r/).filter(line => line.startsWith("data:"));
  return lines.length === 0 ? undefined : lines.map(line => line.replace(dataPrefix, "")).join("\n");
}

export function cutEvents(): EventCutter {
  const waiting = new Waiting();
  return {
    push: chunk => {
      const looked = Math.max(0, waiting.size - seam);
      const bytes = waiting.with(chunk);
      const events: StreamEvent[] = [];
      let from = 0;
      for (let end = endOf(bytes, looked); end >= 0; end = endOf(bytes, from)) {
        const own = bytes.subarray(from, end);
        events.push({ bytes: own, data: dataOf(own) });
        from = end;
      }
      waiting.keep(from);
      return events;
    },
    get pendingBytes() {
      return waiting.size;
    },
  };
}
