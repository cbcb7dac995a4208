/** Lines of JSON (NDJSON) cut out of the bytes of an upstream as they come; a blank line is none. */
import type { EventCutter, StreamEvent } from "./cut-events.ts";
import { Waiting } from "./waiting.ts";

const lf = 10;

export function cutLines(): EventCutter {
  const waiting = new Waiting();
  return {
    push: chunk => {
      const looked = waiting.size;
      const bytes = waiting.with(chunk);
      const lines: StreamEvent[] = [];
      let from = 0;
      for (let end = bytes.indexOf(lf, looked); end >= 0; end = bytes.indexOf(lf, from)) {
        const own = bytes.subarray(from, end + 1);
        const data = own.toString("utf8").trim();
        lines.push({ bytes: own, data: data === "" ? undefined : data });
        from = end + 1;
      }
      waiting.keep(from);
      return lines;
    },
    get pendingBytes() {
      return waiting.size;
    },
  };
}
