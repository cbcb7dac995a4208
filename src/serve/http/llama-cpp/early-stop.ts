/** Ends of answers that only llama.cpp's editors ask for: at a line that is indented less than the cursor's, and at a new line after some time. */
import type { Clock } from "../../../base/index.ts";
import type { Generation } from "../../engine.ts";
import type { GenerationEvent } from "../../generation.ts";

interface EarlyStopOptions {
  /** Spaces and tabs that each line after the first begins with, at least; 0 is off. */
  readonly indent: number;
  /** Milliseconds from the first token on after which the next new line ends the answer; 0 is off. */
  readonly predictMs: number;
  readonly promptTokens: number;
  readonly clock: Clock;
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** Where the first line begins whose text is indented less; undefined where none is. A line of white space alone may still grow. */
export function dedentAt(text: string, indent: number): number | undefined {
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    const line = text.slice(at + 1).split("\n", 1)[0]!;
    if (line.trim() !== "" && indentOf(line) < indent) return at + 1 + indentOf(line);
  }
  return undefined;
}

/** The same generation, ended early. Its last event has the tokens that were read. */
export function stopEarly(generation: Generation, { indent, predictMs, promptTokens, clock }: EarlyStopOptions): Generation {
  async function* events(): AsyncGenerator<GenerationEvent, void, undefined> {
    let text = "";
    let tokens = 0;
    let firstMs: number | undefined;
    for await (const event of generation) {
      firstMs ??= clock.monotonic();
      const before = text.length;
      text += event.text;
      tokens += event.tokens.length;
      const cut = indent > 0 ? dedentAt(text, indent) : undefined;
      const isLate = predictMs > 0 && event.text.includes("\n") && clock.monotonic() - firstMs > predictMs;
      if (event.kind === "end" || (cut === undefined && !isLate)) {
        yield cut === undefined ? event : { ...event, text: event.text.slice(0, Math.max(0, cut - before)) };
        continue;
      }
      generation.cancel();
      const usage = { promptTokens, completionTokens: tokens };
      yield {
        kind: "end",
        text: event.text.slice(0, cut === undefined ? undefined : Math.max(0, cut - before)),
        tokens: event.tokens,
        finishReason: "length",
        usage,
      };
      return;
    }
  }
  return { id: generation.id, cancel: () => generation.cancel(), [Symbol.asyncIterator]: events };
}
