/**
 * Spans of a response (a sentence, or so many tokens) that are judged before they are said: a refused span is taken back and drawn again, and after some attempts
 * the response ends at its beginning. Where a span ends depends on the response's tokens alone, so verdicts never depend on who else is served.
 */
import type { TokenTextStream } from "../nn/index.ts";
import { serveErrors } from "./errors.ts";
import type { EndEvent, GenerationEvent } from "./generation.ts";

/** Judges spans of all responses of an engine. */
export interface SpanGuard {
  /** Tokens of a span at most; a few more where they would end within a character. */
  readonly tokens: number;
  /** Spans that are drawn at one place before the response ends there. */
  readonly attempts: number;
  /** Whether a text may not be said: a span, behind what its sentence has before it. A rejection fails the response. */
  refuses(text: string): Promise<boolean>;
}

/** Tokens without text that a span waits for the end of a character; the longest has four bytes. */
const characterTokens = 4;
/** Characters before a span that are judged with it, at most. */
const mostBefore = 400;

const hasWord = /[\p{L}\p{N}]/u;
const sentenceEnd = /[.!?…。！？]["'”’)\]]?$|\n$/u;
const sentenceEnds = /[.!?…。！？]["'”’)\]]?(?=\s|$)|\n/gu;

/** Where the sentence begins that is not over at the end of a text. */
function sentenceStart(text: string): number {
  const from = Math.max(0, text.length - mostBefore);
  let start = from;
  for (const { index, 0: end } of text.slice(from).matchAll(sentenceEnds)) start = from + index + end.length;
  return start;
}

interface JudgedSpan<Mark> {
  /** The state of its response before its first token. */
  readonly start: Mark;
  readonly events: readonly GenerationEvent[];
  verdict: "pending" | "said" | "refused" | "failed";
  error?: unknown;
}

interface SpansParts<Mark> {
  readonly guard: SpanGuard;
  /** Decodes a response from its beginning. */
  readonly stream: () => TokenTextStream;
  readonly start: Mark;
  /** A verdict is there. */
  readonly onVerdict: () => void;
}

/** The spans of one response. `Mark` is a state that it can go back to. */
export class Spans<Mark> {
  readonly #parts: SpansParts<Mark>;
  #stream: TokenTextStream;
  /** The text of all tokens, stop strings included, and where the open span begins in it. */
  #text = "";
  #from = 0;
  #count = 0;
  #start: Mark;
  #events: GenerationEvent[] = [];
  #closed: JudgedSpan<Mark>[] = [];
  #isEnded = false;

  constructor(parts: SpansParts<Mark>) {
    this.#parts = parts;
    this.#stream = parts.stream();
    this.#start = parts.start;
  }

  /** No token follows, unless the response is taken back. */
  get isEnded(): boolean {
    return this.#isEnded;
  }
  get isPending(): boolean {
    return this.#closed.some(s => s.verdict === "pending");
  }
  get hasVerdict(): boolean {
    return this.#closed.length > 0 && this.#closed[0]!.verdict !== "pending";
  }

  /** One more token; true where the span ends behind it. */
  take(token: number): boolean {
    const piece = this.#stream.push(token);
    this.#text += piece;
    this.#count++;
    const { tokens } = this.#parts.guard;
    if (piece === "") return this.#count >= tokens + characterTokens;
    if (this.#count >= tokens) return true;
    const span = this.#text.slice(this.#from);
    return sentenceEnd.test(span) && hasWord.test(span);
  }

  /** What the open span would say. */
  hold(event: GenerationEvent): void {
    this.#events.push(event);
  }

  /** The span is whole; the next one begins. */
  close(next: Mark): void {
    this.#judge(this.#text.length);
    this.#start = next;
  }

  /** The response is whole; its text has so many characters, without a stop string that ended it. */
  end(event: EndEvent, length: number): void {
    this.#text += this.#stream.end();
    this.#events.push(event);
    this.#isEnded = true;
    this.#judge(length);
  }

  #judge(until: number): void {
    const span: JudgedSpan<Mark> = { start: this.#start, events: this.#events, verdict: "pending" };
    this.#closed.push(span);
    const text = this.#text.slice(0, until);
    const isBlank = !text.slice(this.#from).trim();
    const judged = text.slice(sentenceStart(this.#text.slice(0, this.#from)));
    this.#events = [];
    this.#from = this.#text.length;
    this.#count = 0;
    if (isBlank) span.verdict = "said";
    else void this.#ask(span, judged);
  }

  async #ask(span: JudgedSpan<Mark>, text: string): Promise<void> {
    try {
      span.verdict = (await this.#parts.guard.refuses(text)) ? "refused" : "said";
    } catch (error) {
      span.error = error;
      span.verdict = "failed";
    }
    this.#parts.onVerdict();
  }

  /** The oldest span that was judged, once. Errors: serve/moderation where the judge failed. */
  next(): { readonly start: Mark; readonly events: readonly GenerationEvent[]; readonly isRefused: boolean } | undefined {
    if (!this.hasVerdict) return undefined;
    const { start, events, verdict, error } = this.#closed.shift()!;
    if (verdict === "failed")
      throw serveErrors.fail(
        "moderation",
        { message: "the response could not be moderated", hint: "The server's log names the reason." },
        error,
      );
    return { start, events, isRefused: verdict === "refused" };
  }

  /** Goes back to the beginning of a span that follows these tokens; later spans are forgotten. */
  rewind(tokens: readonly number[], start: Mark): void {
    this.#stream = this.#parts.stream();
    this.#text = tokens.map(t => this.#stream.push(t)).join("");
    this.#from = this.#text.length;
    this.#count = 0;
    this.#start = start;
    this.#events = [];
    this.#closed = [];
    this.#isEnded = false;
  }
}
