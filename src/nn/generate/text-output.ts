/** Tokens of an answer to text as it becomes certain: whole characters only, and nothing that may still be part of a stop string. */
import { type StopPattern, type StopState, scanStops, stopPatterns, stopStart } from "./stop-strings.ts";

/** What this needs of a tokenizer: its decoding of tokens one by one (the text room's `TokenStream`). */
export interface TokenTextStream {
  push(id: number): string;
  end(): string;
}

export class TextStream {
  readonly #stream: TokenTextStream;
  readonly #patterns: readonly StopPattern[];
  readonly #keepsStop: boolean;
  #state: StopState;
  #stop: string | undefined;
  #decoded = 0;
  #released = 0;

  /** With `keepsStop`, the stop string that ends the answer is its last text. */
  constructor(stream: TokenTextStream, stops: readonly string[], keepsStop = false) {
    this.#stream = stream;
    this.#keepsStop = keepsStop;
    this.#patterns = stopPatterns(stops);
    this.#state = stopStart(this.#patterns);
  }

  /** The stop string that ended the answer. */
  get stop(): string | undefined {
    return this.#stop;
  }
  /** UTF-16 units decoded so far, and given out so far. */
  get decoded(): number {
    return this.#decoded;
  }
  get released(): number {
    return this.#released;
  }

  /** Text that a further token makes certain, often ""; where it may not stop yet, a stop string that it completes is text. */
  push(token: number, mayStop = true): string {
    return this.#take(this.#stream.push(token), mayStop);
  }

  /** What was held back, once no token follows: an unfinished character is U+FFFD, an unfinished stop string is text. */
  end(): string {
    if (this.#stop !== undefined) return "";
    const text = this.#take(this.#stream.end());
    if (this.#stop !== undefined) return text;
    const { held } = this.#state;
    this.#state = stopStart(this.#patterns);
    this.#released += held.length;
    return text + held;
  }

  #take(piece: string, mayStop = true): string {
    if (this.#stop !== undefined) return "";
    this.#decoded += piece.length;
    const { text, state, stop } = scanStops(this.#patterns, this.#state, piece, mayStop);
    this.#state = state;
    this.#stop = stop;
    const out = stop !== undefined && this.#keepsStop ? text + stop : text;
    this.#released += out.length;
    return out;
  }
}
