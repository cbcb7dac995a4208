/**
 * Server-sent events (the HTML standard, "Interpreting an event stream") from text in any pieces: a line, a field or a pair of CR and LF
 * may be cut anywhere. Leaves out `id` and `retry`: a completion is not resumed.
 */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export interface SseParser {
  /** The events that this piece completes. */
  push(text: string): ServerEvent[];
}

export function sseParser(): SseParser {
  let line = "";
  let afterReturn = false;
  let isFirst = true;
  let event = "";
  let data: string[] = [];

  const endLine = (out: ServerEvent[]) => {
    if (line === "") {
      if (data.length > 0) out.push({ event: event || "message", data: data.join("\n") });
      event = "";
      data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    line = "";
  };

  return {
    push(text) {
      const out: ServerEvent[] = [];
      let rest = text;
      if (isFirst && rest !== "") {
        isFirst = false;
        rest = rest.replace(/^\uFEFF/, "");
      }
      for (const part of rest.split(/(\r|\n)/)) {
        if (part === "") continue;
        // LF right after CR ends the same line.
        if (part === "\n" && afterReturn) afterReturn = false;
        else if (part === "\n" || part === "\r") {
          endLine(out);
          afterReturn = part === "\r";
        } else {
          line += part;
          afterReturn = false;
        }
      }
      return out;
    },
  };
}
