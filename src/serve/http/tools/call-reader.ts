/**
 * One call in JSON, `{"name": "f", "arguments": {...}}`, read while it is written: the name as soon as it stands, the arguments' characters as
 * they come. Linear; a character is looked at once. Arguments before the name wait for it.
 */

export interface CallEvents {
  /** False where no such function was given: the call is then no call. */
  onName(name: string): boolean;
  onArguments(text: string): void;
}

/** Reads one call in whatever way it is written. */
export interface CallSyntax {
  readonly isDone: boolean;
  readonly isFailed: boolean;
  /** Its name has been told, so it stays a call whatever comes. */
  readonly isNamed: boolean;
  /** Everything read, for when it turns out to be no call. */
  readonly raw: string;
  /** Reads on; gives how many characters it took, fewer than all only when it is done or has failed. */
  push(text: string): number;
  /** No more will come. `isCut`: the answer was cut off, so what the call lacks was not left out. */
  end(isCut?: boolean): void;
}

type Phase = "open" | "key" | "in key" | "colon" | "value" | "in value" | "done" | "failed";

const argumentKeys: readonly string[] = ["arguments", "parameters", "args"];
const isSpace = (c: string): boolean => c === " " || c === "\n" || c === "\t" || c === "\r";

export class CallReader implements CallSyntax {
  readonly #events: CallEvents;
  #phase: Phase;
  /** There is no object around the arguments. */
  readonly #isBare: boolean;
  #isNamed: boolean;
  #key = "";
  /** The value's text so far where it is needed whole: a name, arguments before their name, arguments written as a text. */
  #held = "";
  #early = "";
  #hasArguments = false;
  #kind: "string" | "nested" | "plain" = "plain";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Everything read, for when it turns out to be no call. */
  raw = "";

  /** With `isNamed` the name is known and what comes is the arguments alone. */
  constructor(events: CallEvents, isNamed = false) {
    this.#events = events;
    this.#isNamed = isNamed;
    this.#phase = isNamed ? "value" : "open";
    if (isNamed) this.#key = "arguments";
    this.#isBare = isNamed;
  }

  get isDone(): boolean {
    return this.#phase === "done";
  }
  get isFailed(): boolean {
    return this.#phase === "failed";
  }
  /** Its name has been told, so it stays a call whatever comes. */
  get isNamed(): boolean {
    return this.#isNamed;
  }

  /** Reads on; gives how many characters it took, fewer than all only when it is done or has failed. */
  push(text: string): number {
    let streamed = 0;
    const flush = (until: number) => {
      if (this.#isStreaming && until > streamed) this.#events.onArguments(text.slice(streamed, until));
    };
    let at = 0;
    for (; at < text.length && !this.isDone && !this.isFailed; at++) {
      const c = text[at]!;
      const isOver = this.#phase === "in value" && this.#kind === "plain" && (c === "," || c === "}" || (this.#isBare && isSpace(c)));
      if (isOver) {
        flush(at);
        this.#endValue();
        if (this.isDone) break;
      }
      if (this.#phase === "value" && !isSpace(c)) {
        this.#startValue(c);
        streamed = at;
      }
      if (this.#phase === "in value") {
        this.#inValue(c);
        if (this.#valueEnds) {
          flush(at + 1);
          this.#endValue();
        }
      } else this.#between(c);
    }
    if (this.#phase === "in value") flush(at);
    this.raw += text.slice(0, at);
    return at;
  }

  /** No more will come. */
  end(isCut = false): void {
    if (this.#phase === "in value" && this.#kind === "plain") this.#endValue();
    if (this.#isNamed && !this.#hasArguments && !isCut) this.#events.onArguments(this.#early || "{}");
  }

  /** The value is the arguments, which go out as they come. */
  #isStreaming = false;
  #valueEnds = false;

  #startValue(c: string): void {
    this.#phase = "in value";
    this.#kind = c === '"' ? "string" : c === "{" || c === "[" ? "nested" : "plain";
    this.#held = "";
    this.#depth = 0;
    this.#isInString = false;
    this.#isEscaped = false;
    this.#valueEnds = false;
    this.#isStreaming = this.#isNamed && !this.#hasArguments && argumentKeys.includes(this.#key) && this.#kind !== "string";
    if (this.#isStreaming) this.#hasArguments = true;
  }

  #inValue(c: string): void {
    if (!this.#isStreaming) this.#held += c;
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (c === "\\") this.#isEscaped = true;
      else if (c === '"') {
        this.#isInString = false;
        this.#valueEnds = this.#kind === "string";
      }
      return;
    }
    if (c === '"') this.#isInString = true;
    else if (c === "{" || c === "[") this.#depth++;
    else if (c === "}" || c === "]") this.#valueEnds = --this.#depth === 0 && this.#kind === "nested";
  }

  #endValue(): void {
    this.#valueEnds = false;
    this.#isStreaming = false;
    this.#phase = "key";
    if (this.#key === "name") this.#endName();
    else if (argumentKeys.includes(this.#key) && !this.#hasArguments) {
      this.#early = this.#kind === "string" ? textIn(this.#held) : this.#held;
      this.#tellEarly();
    }
    if (this.#isBare) this.#phase = "done";
  }

  #endName(): void {
    const name = textIn(this.#held);
    if (this.#isNamed || !this.#events.onName(name)) {
      this.#phase = "failed";
      return;
    }
    this.#isNamed = true;
    if (this.#early !== "") this.#tellEarly();
  }

  #tellEarly(): void {
    if (!this.#isNamed) return;
    this.#hasArguments = true;
    this.#events.onArguments(this.#early);
  }

  #between(c: string): void {
    if (this.#phase === "in key") {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (c === "\\") this.#isEscaped = true;
      else if (c === '"') {
        this.#phase = "colon";
        return;
      }
      this.#key += c;
      return;
    }
    if (isSpace(c) || this.isFailed) return;
    if (this.#phase === "open" && c === "{") this.#phase = "key";
    else if (this.#phase === "key" && c === '"') {
      this.#phase = "in key";
      this.#key = "";
    } else if (this.#phase === "key" && c === "}") this.#close();
    else if (this.#phase === "colon" && c === ":") this.#phase = "value";
    else if (!(this.#phase === "key" && c === ",")) this.#phase = this.#isNamed ? "done" : "failed";
  }

  #close(): void {
    if (!this.#isNamed) {
      this.#phase = "failed";
      return;
    }
    if (!this.#hasArguments) {
      this.#hasArguments = true;
      this.#events.onArguments("{}");
    }
    this.#phase = "done";
  }
}

/** What a JSON text says, or itself where it is none. */
function textIn(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : json;
  } catch {
    return json;
  }
}
