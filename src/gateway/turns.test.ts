import fc from "fast-check";
import { expect, test } from "vitest";
import { apis } from "./http/apis.ts";
import { readAsk } from "./http/ask.ts";
import { stopOnClose } from "./pipeline/client-connection.ts";
import { encodedInTurns } from "./turns.ts";

/** Turns of the event loop until it is done. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  let turns = 0;
  void work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise(resume => setImmediate(resume));
    turns++;
  }
  return turns;
}
const asked = (content: string): Request =>
  new Request("http://gateway/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content }] }),
  });

test("a large body is read and encoded with turns for other requests between its steps, and read as a small one is", async () => {
  const content = "long ".repeat(100_000);
  const reading = Promise.resolve(readAsk(asked(content), apis[0]!));
  expect(await turnsOf(reading)).toBeGreaterThanOrEqual(4);
  const { body, text, members, sizeBytes } = await reading;
  expect(body).toEqual({ model: "m", messages: [{ role: "user", content }] });
  expect([sizeBytes, members.members.map(m => text.slice(m.from, m.to))]).toEqual([text.length, ['"m"', JSON.stringify(body.messages)]]);
  expect(await turnsOf(encodedInTurns("x".repeat(2_000_000)))).toBeGreaterThanOrEqual(3);
  const broken = new Request("http://gateway/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"model":"m","model":"${content}"}`,
  });
  await expect(Promise.resolve().then(() => readAsk(broken, apis[0]!))).rejects.toThrow('"model" twice');
});

test("a text encoded in turns has the bytes of the text, wherever characters are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 12 }), fc.integer({ min: 0, max: 3 }), async (piece, before) => {
      const text = `${"x".repeat(512 * 1024 - before)}${piece}𝐛\ud800`;
      expect((await encodedInTurns(text)).equals(Buffer.from(text))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("a client that left before its request was read has left", () => {
  const outgoing = { destroy: () => {}, once: () => {}, writableFinished: false };
  const request = asked("hello");
  expect(stopOnClose(request, { outgoing }).reason).toBeUndefined();
  expect(stopOnClose(request, { outgoing: { ...outgoing, destroyed: true } }).reason).toMatchObject({ kind: "left" });
});
