import fc from "fast-check";
import { expect, test } from "vitest";
import { type AnswerEvent, readAnswer } from "./answer.ts";

const line = (body: unknown) => `data: ${typeof body === "string" ? body : JSON.stringify(body)}\n\n`;
const text = (t: string, finish: string | null = null) => line({ choices: [{ index: 0, text: t, finish_reason: finish }] });
const delta = (t: string, finish: string | null = null) => line({ choices: [{ index: 0, delta: { content: t }, finish_reason: finish }] });

async function* pieces(stream: string, size: number) {
  const bytes = new TextEncoder().encode(stream);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
async function read(stream: string, size = 1000): Promise<AnswerEvent[]> {
  const events: AnswerEvent[] = [];
  for await (const e of readAnswer(pieces(stream, size))) events.push(e);
  return events;
}
test("pieces of calls are events with their place, as they come", async () => {
  const calls = (...list: unknown[]) => line({ choices: [{ index: 0, delta: { tool_calls: list }, finish_reason: null }] });
  const stream = [
    calls({ index: 0, id: "c1", type: "function", function: { name: "weather", arguments: "" } }),
    calls({ index: 0, function: { arguments: '{"city":' } }),
    calls({ index: 0, function: { arguments: '"Rome"}' } }),
    line({ choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] }),
  ].join("");
  expect(await read(stream, 7)).toEqual([
    { type: "call", piece: { index: 0, id: "c1", name: "weather", arguments: "" } },
    { type: "call", piece: { index: 0, arguments: '{"city":' } },
    { type: "call", piece: { index: 0, arguments: '"Rome"}' } },
    { type: "finish", reason: "tool_calls" },
  ]);
});

const joined = (events: readonly AnswerEvent[]) => events.map(e => (e.type === "text" ? e.text : "")).join("");

test("text comes out whole in both forms, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1 }),
      fc.constantFrom(text, delta),
      fc.integer({ min: 1, max: 40 }),
      async (parts, form, size) => {
        const events = await read(`${parts.map(p => form(p)).join("")}${form("", "stop")}${line("[DONE]")}`, size);
        expect(joined(events)).toBe(parts.join(""));
        expect(events.at(-1)).toEqual({ type: "finish", reason: "stop" });
      },
    ),
  );
});

test("usage is read from the part without choices", async () => {
  const events = await read(
    text("a", "length") + line({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }) + line("[DONE]"),
  );
  expect(events.at(-1)).toEqual({ type: "usage", promptTokens: 3, completionTokens: 1 });
});

test("an error in mid-stream is thrown with its words, after the text before it", async () => {
  const got: AnswerEvent[] = [];
  const reading = (async () => {
    for await (const e of readAnswer(pieces(text("so far") + line({ error: { message: "out of memory", code: "memory" } }), 7)))
      got.push(e);
  })();
  await expect(reading).rejects.toMatchObject({ failure: { message: "out of memory", code: "memory", kind: "refused" } });
  expect(joined(got)).toBe("so far");
});

test("a stream that is cut off is an error, one that ended without [DONE] is not", async () => {
  await expect(read(text("half"))).rejects.toMatchObject({ failure: { kind: "interrupted" } });
  expect(joined(await read(text("whole", "stop")))).toBe("whole");
});

test("a part that is no JSON names what it got", async () => {
  await expect(read("data: <html>\n\n")).rejects.toThrow("<html>");
});
