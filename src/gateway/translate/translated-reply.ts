/**
 * An upstream's answer read in OpenAI's words, as bytes of the same kind that an upstream of OpenAI's would send: so that what relays, counts, guards
 * and keeps answers knows one language. Pieces are read as they come, one is held only until it is whole.
 */
import {
  afterPiece,
  cutEvents,
  cutLines,
  dataEvent,
  doneData,
  isDoneData,
  isRow,
  namedEvent,
  noBlock,
  ProtocolFault,
  piecesOf,
  type StreamPiece,
  type TranslatedRequest,
} from "../../protocols/index.ts";
import { gatewayBounds } from "../http/limits.ts";
import { readWhole } from "../routing/read-answer.ts";
import type { StreamedApi } from "../streams/progress.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { inGatewayErrors, withGatewayErrors } from "./gateway-faults.ts";

/** An event's data and the event itself, as OpenAI writes it. */
function written(piece: Exclude<StreamPiece, "closed">, api: StreamedApi | undefined): { readonly data: string; readonly event: string } {
  if (piece === "done") return { data: doneData, event: dataEvent(doneData) };
  const data = JSON.stringify(piece);
  return { data, event: api === "responses" && typeof piece.type === "string" ? namedEvent(piece.type, data) : dataEvent(data) };
}

function parsed(text: string, what: string) {
  try {
    const value: unknown = JSON.parse(text);
    if (isRow(value)) return value;
  } catch {
    // told below
  }
  throw ProtocolFault.malformed(what);
}

/** The upstream's error as OpenAI's; as it came where it is in nobody's form. */
function errorText(text: string, { read }: TranslatedRequest): string {
  try {
    const value: unknown = JSON.parse(text);
    const said = isRow(value) ? read.error(value) : undefined;
    if (said) return JSON.stringify({ error: { message: said.message, type: said.type ?? null, param: null, code: said.code ?? null } });
  } catch {
    // told by its status
  }
  return text;
}

/** One buffer, made when it is asked for. */
const once = (reply: UpstreamReply, make: () => Promise<Buffer>): UpstreamReply => {
  let isGiven = false;
  return {
    status: reply.status,
    headers: reply.headers,
    cancel: () => reply.cancel(),
    read: async () => {
      if (isGiven) return undefined;
      isGiven = true;
      return make();
    },
  };
};

const wholeAnswer = async (reply: UpstreamReply, { read, passage }: TranslatedRequest) => {
  const text = (await readWhole(reply, gatewayBounds.answerBytes)).toString("utf8");
  const value = withGatewayErrors(() => parsed(text, "a 200 whose body is no JSON object"));
  const error = read.error(value);
  if (error) throw new UpstreamFailure("errorObject", "an error object inside of a 200", { body: JSON.stringify(error) });
  const answer = withGatewayErrors(() => read.whole(value));
  passage?.begin();
  passage?.add({ said: JSON.stringify(answer), own: text, ...noBlock });
  return answer;
};

/** Reads the pieces of a stream; what they come to is given as soon as it is. */
function streamed(reply: UpstreamReply, { read, passage }: TranslatedRequest, api: StreamedApi | undefined): UpstreamReply {
  const cutter = read.framing === "lines" ? cutLines() : cutEvents();
  const say = read.stream();
  passage?.begin();
  let block = noBlock;
  /** The upstream's own words that have come to nothing yet. */
  let own = "";
  let isClosed = false;

  const told = (pieces: readonly StreamPiece[], from: StreamPiece, bytes: Buffer | undefined): string => {
    if (passage) {
      own += bytes?.toString("utf8") ?? "";
      block = afterPiece(block, from);
    }
    let out = "";
    for (const piece of pieces) {
      if (piece === "closed") continue;
      const { data, event } = written(piece, api);
      passage?.add({ said: data, own, ...block });
      own = "";
      out += event;
    }
    return out;
  };
  const pieceOf = (data: string): StreamPiece => (isDoneData(data) ? "done" : parsed(data, "a piece that is no JSON object"));
  /** What is wrong with the bytes is told after what came before it. */
  let failure: unknown;
  const push = (bytes: Buffer): string => {
    let out = "";
    try {
      for (const { data, bytes: event } of cutter.push(bytes)) {
        if (data === undefined || data.trim() === "") continue;
        const piece = pieceOf(data);
        out += told(say(piece), piece, event);
      }
      if (cutter.pendingBytes > gatewayBounds.eventBytes) throw ProtocolFault.malformed("an event without an end");
    } catch (error) {
      failure = inGatewayErrors(error);
    }
    return out;
  };
  const close = (): string => {
    // a last piece may lack its end
    const last = push(Buffer.from("\n\n"));
    return failure === undefined ? last + withGatewayErrors(() => told(say("closed"), "closed", undefined)) : last;
  };

  return {
    status: reply.status,
    headers: reply.headers,
    cancel: () => reply.cancel(),
    read: async (waitMs = Number.POSITIVE_INFINITY) => {
      const untilMs = performance.now() + waitMs;
      if (failure !== undefined) throw failure;
      while (!isClosed) {
        const bytes = await reply.read(Math.max(0, untilMs - performance.now()));
        if (bytes === "waiting") return bytes;
        isClosed = bytes === undefined;
        const text = bytes ? push(bytes) : close();
        if (text !== "") return Buffer.from(text);
        if (failure !== undefined) throw failure;
        if (performance.now() >= untilMs && !isClosed) return "waiting";
      }
      return undefined;
    },
  };
}

/** `api`: of the stream that the client asked for, undefined where it asked for none. */
export function translatedReply(
  reply: UpstreamReply,
  told: TranslatedRequest,
  isStream: boolean,
  api: StreamedApi | undefined,
): UpstreamReply {
  if (reply.status >= 300)
    return once(reply, async () => Buffer.from(errorText((await readWhole(reply, gatewayBounds.errorBytes)).toString("utf8"), told)));
  if (isStream && told.read.framing !== "whole") return streamed(reply, told, api);
  return once(reply, async () => {
    const answer = await wholeAnswer(reply, told);
    if (!isStream) return Buffer.from(JSON.stringify(answer));
    return Buffer.from([...piecesOf(answer), "done" as const].map(p => written(p, api).event).join(""));
  });
}
