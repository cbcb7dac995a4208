import { expect, test } from "vitest";
import { handClock } from "../../../base/index.ts";
import type { Generation } from "../../engine.ts";
import type { GenerationEvent } from "../../generation.ts";
import { dedentAt, stopEarly } from "./early-stop.ts";

test("a line with less indentation is found once it has text; the first line and blank lines are none", () => {
  expect(dedentAt("a\n  b\n", 2)).toBeUndefined();
  expect(dedentAt("a\n \n\n  b", 2)).toBeUndefined();
  expect(dedentAt("a\n b", 2)).toBe(3);
  expect(dedentAt("a\n    b\nc\nd", 2)).toBe(8);
});

/** Says pieces, and whether it was cancelled. */
function saying(pieces: readonly string[], onPiece: (i: number) => void = () => {}): Generation & { isCancelled: boolean } {
  const generation = {
    id: 1,
    isCancelled: false,
    cancel: () => {
      generation.isCancelled = true;
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<GenerationEvent, void, undefined> {
      for (const [i, text] of pieces.entries()) {
        onPiece(i);
        yield { kind: "text", text, tokens: [{ token: i }] };
      }
      yield { kind: "end", text: "", tokens: [], finishReason: "stop", usage: { promptTokens: 3, completionTokens: pieces.length } };
    },
  };
  return generation;
}
async function read(generation: Generation): Promise<{ text: string; last: GenerationEvent }> {
  let text = "";
  let last: GenerationEvent | undefined;
  for await (const event of generation) {
    text += event.text;
    last = event;
  }
  return { text, last: last! };
}
const options = { indent: 0, predictMs: 0, promptTokens: 3, clock: handClock() };

test("an answer ends before the text of a line that is indented less, and counts the tokens that were read", async () => {
  const whole = saying(["  a\n", "  b", "\nc", "d\n", "e"]);
  const { text, last } = await read(stopEarly(whole, { ...options, indent: 2 }));
  expect([text, whole.isCancelled]).toEqual(["  a\n  b\n", true]);
  expect(last).toMatchObject({ kind: "end", finishReason: "length", usage: { promptTokens: 3, completionTokens: 3 } });
  const wide = saying(["  a\n", "  b"]);
  expect(await read(stopEarly(wide, { ...options, indent: 2 }))).toMatchObject({ text: "  a\n  b", last: { finishReason: "stop" } });
  expect(wide.isCancelled).toBe(false);
});

test("an answer that takes too long ends with its next new line, not before", async () => {
  const clock = handClock();
  const slow = saying(["a\n", "b", "c\nd", "e\n", "f"], i => clock.advance(i === 1 ? 100 : 1));
  expect((await read(stopEarly(slow, { ...options, predictMs: 50, clock }))).text).toBe("a\nbc\nd");
  expect(slow.isCancelled).toBe(true);
});
