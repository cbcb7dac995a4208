/** However an upstream's bytes are cut on their way, what is read of them is the same, for every protocol that streams. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cutEvents, type Translation, translations } from "../../protocols/index.ts";
import { progressOf } from "../streams/progress.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import type { UpstreamFailure } from "../upstreams/failure.ts";
import { eventsOf, hello } from "./fakes.ts";
import { translatedReply } from "./translated-reply.ts";

const pieces = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const at = [...new Set([0, ...cuts.map(c => c % bytes.length), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
};
const replyOf = (parts: Buffer[]): UpstreamReply => ({
  status: 200,
  headers: new Map(),
  read: async () => parts.shift(),
  cancel: () => {},
});

const message = {
  ...hello,
  content: [
    { type: "thinking", thinking: "Hm… 🤔", signature: "s" },
    { type: "text", text: "Łódź lies in Poland 🇵🇱.\n\nReally." },
    { type: "tool_use", id: "t1", name: "weather", input: { city: "Łódź", deep: [{ a: "\n\n" }] } },
  ],
};
const messagesText = eventsOf(message, "m", 3).join("");
const chunk = (choices: object[], more: object = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices, ...more })}\n\n`;
const delta = (d: object, finish_reason: string | null = null) => chunk([{ index: 0, delta: d, finish_reason }]);
const chatText = [
  delta({ role: "assistant", content: "" }),
  ": a comment\n\n",
  ..."Łódź 🇵🇱 ".split(" ").map(content => delta({ content })),
  delta({ tool_calls: [{ index: 0, id: "t1", function: { name: "f", arguments: "" } }] }),
  delta({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }),
  delta({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }),
  delta({}, "tool_calls"),
  chunk([], { usage: { prompt_tokens: 3, completion_tokens: 9 } }),
  "data: [DONE]\n\n",
].join("");
const line = (value: object) => `${JSON.stringify({ model: "m", created_at: "2026-01-01T00:00:00Z", ...value })}\n`;
const ollamaText = [
  line({ message: { role: "assistant", content: "", thinking: "Hm…" }, done: false }),
  ...["Łó", "dź 🇵🇱", "\n\n"].map(content => line({ message: { role: "assistant", content }, done: false })),
  line({
    message: { role: "assistant", content: "", tool_calls: [{ id: "t1", function: { name: "f", arguments: { a: "ż" } } }] },
    done: false,
  }),
  line({ message: { role: "assistant", content: "" }, done: true, done_reason: "stop", prompt_eval_count: 3, eval_count: 9 }),
].join("");
const generateText = [
  ...["Łó", "dź 🇵🇱", "\n\n"].map(response => line({ response, done: false })),
  line({ response: "", done: true, done_reason: "length", prompt_eval_count: 3, eval_count: 9 }),
].join("");
const oipText = [
  ...["Łó", "dź 🇵🇱", "\n\n"].map(text_output => `data: ${JSON.stringify({ text_output, details: { logprobs: [{}] } })}\n\n`),
  `data: ${JSON.stringify({ text_output: "", details: { finish_reason: "length", logprobs: [] } })}\n\n`,
].join("");

const { openai, anthropic, ollama, inference } = translations;
const user = [{ role: "user", content: "Hi" }];
const cases: readonly (readonly [name: string, api: "chat" | "completions" | "responses", Translation, object, string])[] = [
  ["anthropic", "chat", anthropic.chat!, { messages: user }, messagesText],
  ["ollama", "chat", ollama.chat!, { messages: user }, ollamaText],
  ["ollama, generate", "completions", ollama.completions!, { prompt: "a" }, generateText],
  ["inference", "completions", inference.completions!, { prompt: "a" }, oipText],
  ["responses over a chat", "responses", openai.responses!, { input: "Hi" }, chatText],
  ["responses over anthropic", "responses", anthropic.responses!, { input: "Hi" }, messagesText],
  ["responses over ollama", "responses", ollama.responses!, { input: "Hi" }, ollamaText],
];

for (const [name, api, translation, body, text] of cases)
  test(`${name}: any cutting of the bytes gives the same events, of which the answer is whole`, async () => {
    const read = async (cuts: readonly number[]) => {
      const asked = { body: body as Record<string, unknown>, model: "m", isStream: true, maxOutputTokens: 9, inputTokens: 1, now: 1 };
      const told = translation({ ...asked, isLenient: false, asksUsage: true, tensors: { input: "text", output: "embedding" } });
      const reply = translatedReply(replyOf(pieces(Buffer.from(text), cuts)), told, true, api);
      const parts: Buffer[] = [];
      for (let p = await reply.read(); p !== undefined; p = await reply.read()) if (p !== "waiting") parts.push(p);
      return Buffer.concat(parts);
    };
    // ids are made anew for each answer
    const plain = (bytes: Buffer) => bytes.toString().replace(/(resp|msg|rs|fc|call|chatcmpl|cmpl)[_-][0-9a-f]{24}/g, "$1_");
    const whole = await read([]);
    const progress = progressOf(api, { dropsUsage: false, choices: 1 });
    const seen = cutEvents()
      .push(whole)
      .map(e => progress.see(e).kind);
    expect([seen.at(-1), seen.includes("broken")]).toEqual(["done", false]);
    expect([progress.isWhole, progress.usage?.outputTokens]).toEqual([true, name === "inference" ? 3 : 9]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(10_000), { maxLength: 40 }), async cuts => {
        expect(plain(await read(cuts))).toBe(plain(whole));
      }),
      { numRuns: 40 },
    );
    const each = Array.from({ length: Buffer.byteLength(text) }, (_, i) => i);
    expect(plain(await read(each))).toBe(plain(whole));
  });

test("what comes before a broken piece is read however the bytes are cut, then the fault", async () => {
  const asked = { body: { messages: user }, model: "m", isStream: true, maxOutputTokens: 9, inputTokens: 1, now: 1 };
  const text = `${eventsOf(hello, "m").slice(0, 6).join("")}data: {{{\n\n${eventsOf(hello, "m").slice(6).join("")}`;
  const read = async (cuts: readonly number[]) => {
    const told = anthropic.chat!({ ...asked, isLenient: false, asksUsage: true, tensors: { input: "text", output: "embedding" } });
    const reply = translatedReply(replyOf(pieces(Buffer.from(text), cuts)), told, true, "chat");
    let out = "";
    try {
      for (let p = await reply.read(); p !== undefined; p = await reply.read()) out += p.toString();
      return [out, "whole"];
    } catch (error) {
      return [out, (error as UpstreamFailure).kind];
    }
  };
  const once = await read([]);
  expect([once[0]!.includes('"content":"o th"'), once[1]]).toEqual([true, "malformed"]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(10_000), { maxLength: 20 }), async cuts => {
      expect(await read(cuts)).toEqual(once);
    }),
  );
});
