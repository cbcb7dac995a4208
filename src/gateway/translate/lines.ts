/** Lines of JSON (NDJSON) cut out of the bytes of an upstream as they come; a blank line is none. */
import type { EventCutter, StreamEvent } from "../streams/events.ts";

const lf = 10;
const nothing = Buffer.alloc(0);

export function cutLines(): EventCutter {
  let pending: Buffer = nothing;
  return {
    push: chunk => {
      const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const lines: StreamEvent[] = [];
      let from = 0;
      for (let end = bytes.indexOf(lf); end >= 0; end = bytes.indexOf(lf, from)) {
        const own = bytes.subarray(from, end + 1);
        const data = own.toString("utf8").trim();
        lines.push({ bytes: own, data: data === "" ? undefined : data });
        from = end + 1;
      }
      pending = from === bytes.length ? nothing : bytes.subarray(from);
      return lines;
    },
    get pendingBytes() {
      return pending.length;
    },
  };
}
