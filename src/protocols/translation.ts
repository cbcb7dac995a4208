/**
 * What stands between a request in OpenAI's words and an upstream that speaks others: the request it is told, and how its answer, its pieces and
 * its errors are read back. It stands on the upstream's side of the relay: everything above sees OpenAI's answers and events alone.
 */
import type { Passage } from "./anthropic/passage.ts";
import type { Row } from "./values.ts";

/** A request as it is to be put to one upstream. */
export interface TranslationRequest {
  /** OpenAI's body, whose model is the upstream's own. */
  readonly body: Row;
  readonly model: string;
  readonly isStream: boolean;
  /** Where the request bounds its answer by nothing, and the upstream must be told a bound. */
  readonly maxOutputTokens: number;
  /** Of the prompt, as it was counted or estimated: said where the upstream says nothing. */
  readonly inputTokens: number;
  /** Seconds since 1970. */
  readonly now: number;
  /** Parameters that the upstream does not know are left out instead of refused. */
  readonly isLenient: boolean;
  /** Whether streams are asked for their token counts. */
  readonly asksUsage: boolean;
  /** Names of the tensors of texts and vectors. */
  readonly tensors: { readonly input: string; readonly output: string };
}

/** Of a stream: an object; `done`, the upstream's word that this was all; `closed`, its connection's end. */
export type StreamPiece = Row | "done" | "closed";

export interface UpstreamErrorText {
  readonly message: string;
  readonly type?: string | undefined;
  readonly code?: string | undefined;
}

export interface AnswerReading {
  /** How its streams are cut: server-sent events, lines of JSON, or not at all (a stream is then made of the whole answer). */
  readonly framing: "events" | "lines" | "whole";
  /** An answer in OpenAI's words. Errors: ProtocolFault `malformed` where it is none. */
  whole(value: Row): Row;
  /** Of one stream: OpenAI's pieces from each of its own. Errors: ProtocolFault `malformed`. */
  stream(): (piece: StreamPiece) => readonly StreamPiece[];
  /** What the upstream says of an error; undefined where it is not in its own form. */
  error(value: Row): UpstreamErrorText | undefined;
}

export interface TranslatedRequest {
  /** Behind the upstream's own address. */
  readonly path: string;
  readonly body: Row;
  readonly read: AnswerReading;
  /** Where the client's API is the upstream's: takes its own words beside OpenAI's. */
  readonly passage?: Passage | undefined;
}

/** Errors: ProtocolFault with the parameter's place. */
export type Translation = (asked: TranslationRequest) => TranslatedRequest;

/** What the first makes of a request is put to the second, and what that reads is read by the first. */
export const composeTranslations =
  (first: Translation, second: Translation): Translation =>
  asked => {
    const outer = first(asked);
    const inner = second({ ...asked, body: outer.body });
    return {
      path: inner.path,
      body: inner.body,
      read: {
        framing: inner.read.framing,
        whole: value => outer.read.whole(inner.read.whole(value)),
        stream: () => {
          const [own, others] = [outer.read.stream(), inner.read.stream()];
          return piece => [...others(piece).flatMap(own), ...(piece === "closed" ? own("closed") : [])];
        },
        error: inner.read.error,
      },
    };
  };
