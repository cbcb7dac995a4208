import { expect, test } from "vitest";
import { samplingOptions } from "../nn/index.ts";
import { byteTokenizer, fakeEndToken } from "./fakes.ts";
import type { GenerationEvent, GenerationRequest } from "./generation.ts";
import { Sequence } from "./sequence.ts";

function sequence(request: Partial<GenerationRequest> = {}, maxTokens = 100): Sequence {
  return new Sequence({
    id: 1,
    request: { tokens: [1], ...request },
    sampling: samplingOptions(),
    maxTokens,
    stopTokens: new Set([fakeEndToken]),
    stream: () => byteTokenizer.stream(),
    output: { capacity: 100, onRoom: () => {}, onLeave: () => {} },
    nowMs: 0,
  });
}
const likelihood = (token: number) => ({ token, logProbability: -1, rank: 1, top: [] });
/** Gives a text's bytes as tokens and reads what comes out. */
async function say(s: Sequence, text: string, withLikelihood = false): Promise<GenerationEvent[]> {
  for (const b of Buffer.from(text)) if (s.accept(b, withLikelihood ? likelihood(b) : undefined)) break;
  if (!s.isOver) s.accept(fakeEndToken);
  const events: GenerationEvent[] = [];
  for await (const e of s.output) events.push(e);
  return events;
}
const textOf = (events: readonly GenerationEvent[]) => events.map(e => e.text).join("");

test("characters come whole, and their bytes' tokens with them", async () => {
  const events = await say(sequence(), "aé😀");
  expect(events.slice(0, -1)).toMatchObject([{ text: "a" }, { text: "é" }, { text: "😀" }]);
  expect(events.at(-1)).toEqual({
    kind: "end",
    text: "",
    stopToken: { token: fakeEndToken },
    unsaid: [fakeEndToken],
    tokens: [],
    finishReason: "stop",
    usage: { promptTokens: 1, completionTokens: 8 },
  });
});

test("no token is lost on the way: text events carry all of them, with or without log-probabilities", async () => {
  for (const withLikelihood of [false, true]) {
    const events = await say(sequence(), "aé😀", withLikelihood);
    expect(Buffer.from(events.flatMap(e => e.tokens.map(t => t.token))).toString()).toBe("aé😀");
  }
});

test("a character that is never finished ends as U+FFFD", async () => {
  const s = sequence({}, 2);
  s.accept(0xf0);
  expect(s.accept(0x9f)).toBe("length");
  const events: GenerationEvent[] = [];
  for await (const e of s.output) events.push(e);
  expect(textOf(events)).toBe("\u{fffd}");
});

test("tokens of a stop string and what it held back never come out, log-probabilities neither", async () => {
  const events = await say(sequence({ stop: ["END"] }), "one EN two END three", true);
  expect(textOf(events)).toBe("one EN two ");
  const tokens = events.flatMap(e => e.tokens.map(t => t.token));
  expect(Buffer.from(tokens).toString()).toBe("one EN two ");
  expect(events.at(-1)).toMatchObject({ kind: "end", finishReason: "stop", usage: { completionTokens: 14 } });
});

test("what was held back for a stop string that never came is text in the end", async () => {
  const events = await say(sequence({ stop: ["END"] }), "the EN", true);
  expect(textOf(events)).toBe("the EN");
  expect(events.flatMap(e => e.tokens).length).toBe(6);
});

test("an error comes after what was said, and only once", async () => {
  const s = sequence();
  s.accept(65);
  s.fail(new Error("gone"));
  expect(s.accept(66)).toBeUndefined();
  expect(await s.output.next()).toMatchObject({ value: { text: "A" } });
  await expect(s.output.next()).rejects.toThrow("gone");
  expect(await s.output.next()).toEqual({ done: true, value: undefined });
});
