/** A reader of calls that looks at one character at a time, so that it makes no difference how a text is cut. */
import type { CallEvents, CallSyntax } from "./call-reader.ts";

export abstract class CharacterReader implements CallSyntax {
  protected readonly events: CallEvents;
  #state: "reading" | "done" | "failed" = "reading";
  #isNamed = false;
  raw = "";

  constructor(events: CallEvents) {
    this.events = events;
  }

  get isDone(): boolean {
    return this.#state === "done";
  }
  get isFailed(): boolean {
    return this.#state === "failed";
  }
  get isNamed(): boolean {
    return this.#isNamed;
  }

  push(text: string): number {
    let at = 0;
    while (at < text.length && this.#state === "reading") this.read(text[at++]!);
    this.raw += text.slice(0, at);
    return at;
  }

  abstract end(isCut?: boolean): void;
  protected abstract read(character: string): void;

  /** Tells the name; false where it is no call. */
  protected named(name: string): boolean {
    this.#isNamed = this.events.onName(name);
    if (!this.#isNamed) this.#state = "failed";
    return this.#isNamed;
  }
  protected done(): void {
    this.#state = "done";
  }
  /** No call; what has been told stays one. */
  protected fail(): void {
    this.#state = this.#isNamed ? "done" : "failed";
  }
}
