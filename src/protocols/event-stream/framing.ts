/** How the pieces of a stream look on the wire: OpenAI's events, events named by their type, Anthropic's, lines of JSON. */
import type { WireError } from "../wire-error.ts";
import { dataEvent, doneEvent, namedEvent } from "./event-text.ts";

export interface Framing {
  readonly contentType: string;
  piece(value: unknown): string;
  /** What stands after the last piece. */
  readonly end: string;
  error(error: WireError): string;
  /** Keeps a silent stream open and says nothing; absent where there is no such thing. */
  readonly silence?: string;
}

const eventType = "text/event-stream; charset=utf-8";
const silence = ": still working\n\n";
const data = (value: unknown): string => dataEvent(JSON.stringify(value));

/** Events of data, at the end `data: [DONE]`; an error is an event with an `error` object, after which the stream closes. */
export const openaiEvents: Framing = {
  contentType: eventType,
  piece: data,
  end: doneEvent,
  error: ({ error }) => data({ error }),
  silence,
};

/** Events of data without a last one. */
export const plainEvents = (error: (wire: WireError) => unknown): Framing => ({
  ...openaiEvents,
  end: "",
  error: wire => data(error(wire)),
});

/** Events named by the `type` of what they carry. */
export const typedEvents = (error: (wire: WireError) => { readonly type: string }): Framing => {
  const typed = (value: { readonly type: string }) => namedEvent(value.type, JSON.stringify(value));
  return {
    contentType: eventType,
    piece: value => typed(value as { readonly type: string }),
    end: "",
    error: wire => typed(error(wire)),
    silence,
  };
};

/** Pieces that are events already, as text. */
export const writtenEvents = (error: (wire: WireError) => string, quiet: string): Framing => ({
  contentType: eventType,
  piece: text => text as string,
  end: "",
  error,
  silence: quiet,
});

/** A line of JSON a piece. */
export const jsonLines = (error: (wire: WireError) => unknown): Framing => {
  const line = (value: unknown) => `${JSON.stringify(value)}\n`;
  return { contentType: "application/x-ndjson", piece: line, end: "", error: wire => line(error(wire)) };
};
