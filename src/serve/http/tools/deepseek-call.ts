/**
 * Calls as DeepSeek writes them, between special tokens: V3 and R1 with the word `function`, the name and the arguments in a fence of JSON; V3.1
 * with the name and the arguments alone.
 */
import { type CallEvents, CallReader } from "./call-reader.ts";
import { CharacterReader } from "./character-reader.ts";

export const deepseekMarks = {
  calls: "<｜tool▁calls▁begin｜>",
  endCalls: "<｜tool▁calls▁end｜>",
  call: "<｜tool▁call▁begin｜>",
  separator: "<｜tool▁sep｜>",
  endCall: "<｜tool▁call▁end｜>",
} as const;
const ends: readonly string[] = [deepseekMarks.endCall, deepseekMarks.endCalls];
/** Kind, name and fence of a call. */
const mostCharacters = 512;

export class DeepseekReader extends CharacterReader {
  #phase: "open" | "head" | "arguments" | "close" = "open";
  #held = "";
  readonly #arguments: CallReader;

  constructor(events: CallEvents) {
    super(events);
    this.#arguments = new CallReader(events, true);
  }

  protected read(c: string): void {
    switch (this.#phase) {
      case "open":
        this.#held += c;
        if (this.#held === deepseekMarks.call) this.#next("head");
        else if (!deepseekMarks.call.startsWith(this.#held)) this.fail();
        return;
      case "head":
        if (c === "{") this.#endHead();
        else if (this.#held.length > mostCharacters) this.fail();
        else this.#held += c;
        return;
      case "arguments":
        this.#argument(c);
        return;
      case "close":
        // what stands between the arguments and the mark is the end of the fence
        if (this.#held === "" && (c === "\n" || c === "`" || c === " ")) return;
        this.#held += c;
        if (ends.includes(this.#held) || !ends.some(e => e.startsWith(this.#held))) this.done();
    }
  }

  end(isCut = false): void {
    if (this.#phase === "arguments") this.#arguments.end(isCut);
  }

  #next(phase: "head" | "arguments" | "close"): void {
    this.#phase = phase;
    this.#held = "";
  }

  #endHead(): void {
    const [first = "", second = ""] = this.#held.split(deepseekMarks.separator);
    const behind = second.replace(/```(?:json)?/, "").trim();
    if (!this.named(behind === "" ? first.trim() : behind)) return;
    this.#next("arguments");
    this.#argument("{");
  }

  #argument(c: string): void {
    this.#arguments.push(c);
    if (this.#arguments.isDone || this.#arguments.isFailed) this.#next("close");
  }
}
