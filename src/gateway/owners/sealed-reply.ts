/** An upstream's answer with the ids of stored objects sealed for their owner: whole, or event by event as a stream comes. */
import { cutEvents, type StreamEvent } from "../../protocols/index.ts";
import { gatewayBounds } from "../http/limits.ts";
import { readWhole } from "../routing/read-answer.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { answerIds, certainIds, type IdRules, mayHoldCertainIds, withAnswerIds } from "./object-ids.ts";

interface AnswerSeal {
  readonly seal: (id: string) => string;
  /** Where ids stand in it. */
  readonly rules: IdRules;
}

/** Of OpenAI's APIs. */
export const openaiSeal = (seal: AnswerSeal["seal"]): AnswerSeal => ({ seal, rules: answerIds });
/** Of a server's own words, whose other ids are of one answer. */
export const ownWordsSeal = (seal: AnswerSeal["seal"]): AnswerSeal => ({ seal, rules: certainIds });

/** JSON text with its ids sealed; as it came where it is no JSON, which others say. */
function sealedText(text: string, { seal, rules }: AnswerSeal): string {
  if (rules === certainIds && !mayHoldCertainIds(text)) return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const own = withAnswerIds(value, rules, seal);
  return own === value ? text : JSON.stringify(own);
}

function sealedEvent({ bytes, data }: StreamEvent, seal: AnswerSeal): Buffer {
  if (data === undefined) return bytes;
  const own = sealedText(data, seal);
  if (own === data) return bytes;
  const lines = bytes.toString("utf8").split(/\r\n|\n|\r/);
  const others = lines.filter(line => line !== "" && !line.startsWith("data:"));
  return Buffer.from(`${[...others, `data: ${own}`].join("\n")}\n\n`);
}

/** A whole answer, read when it is asked for. */
export function sealedWhole(reply: UpstreamReply, seal: AnswerSeal, mostBytes: number = gatewayBounds.answerBytes): UpstreamReply {
  let isGiven = false;
  return {
    status: reply.status,
    headers: reply.headers,
    cancel: () => reply.cancel(),
    read: async () => {
      if (isGiven) return undefined;
      isGiven = true;
      return Buffer.from(sealedText((await readWhole(reply, mostBytes)).toString("utf8"), seal));
    },
  };
}

/** A stream of events: each is given on as soon as it is complete. */
export function sealedStream(reply: UpstreamReply, seal: AnswerSeal): UpstreamReply {
  const cutter = cutEvents();
  let isClosed = false;
  const sealed = (bytes: Buffer): Buffer[] => cutter.push(bytes).map(event => sealedEvent(event, seal));
  return {
    status: reply.status,
    headers: reply.headers,
    cancel: () => reply.cancel(),
    read: async (waitMs = Number.POSITIVE_INFINITY) => {
      const untilMs = performance.now() + waitMs;
      while (!isClosed) {
        const bytes = await reply.read(Math.max(0, untilMs - performance.now()));
        if (bytes === "waiting") return bytes;
        isClosed = bytes === undefined;
        // a last event may lack its blank line
        const events = bytes ? sealed(bytes) : cutter.pendingBytes > 0 ? sealed(Buffer.from("\n\n")) : [];
        if (events.length > 0) return Buffer.concat(events);
        if (cutter.pendingBytes > gatewayBounds.eventBytes) throw new UpstreamFailure("malformed", "an event without an end");
        if (performance.now() >= untilMs && !isClosed) return "waiting";
      }
      return undefined;
    },
  };
}

export const sealedReply = (reply: UpstreamReply, isStream: boolean, seal: AnswerSeal): UpstreamReply => {
  // what is refused stores nothing
  if (reply.status < 200 || reply.status >= 300) return reply;
  return isStream ? sealedStream(reply, seal) : sealedWhole(reply, seal);
};
