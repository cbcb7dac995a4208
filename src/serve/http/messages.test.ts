/** Anthropic's Messages over the server's chat, through the official client. */
import Anthropic, { type APIError, BadRequestError, NotFoundError } from "@anthropic-ai/sdk";
import { afterAll, beforeEach, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEngine } from "../engine.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { speaker } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const template = chatTemplate(
  `{%- if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]{% endif -%}
{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}{% endfor -%}
<|assistant|>`,
);
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: template });
/** Says "a" until its program breaks in the middle of an answer. */
const broken = createEngine({
  model: await tinyModel(device, { id: "broken@1", aliases: ["broken"] }),
  device,
  open: async () =>
    scriptedProgram({
      slots: 1,
      room: 192,
      widths: [64],
      logits: (_, position) => {
        if (position >= 24) throw new Error("the program broke");
        const row = new Float32Array(257);
        row[97] = 50;
        return row;
      },
    }),
});
await broken.ready;
const failures: unknown[] = [];
const server = await listen(createApp({ engines: [said.engine, broken], onFailure: e => failures.push(e) }), { port: 0 });
const client = new Anthropic({ baseURL: server.url, apiKey: "none", maxRetries: 0 });
beforeEach(() => {
  said.text = "Hello, Łódź!";
  said.prompts.length = 0;
});
afterAll(async () => {
  await server.close();
  expect(failures.filter(e => !String(e).includes("broke"))).toEqual([]);
});

const ask = { model: "speaker", max_tokens: 200, messages: [{ role: "user" as const, content: "Hi" }] };
const weather = {
  name: "weather",
  description: "of a city",
  input_schema: { type: "object" as const, properties: { city: { type: "string" } } },
};
const called = 'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>';

test("a message says what a chat of the same turns says, with its counts; the prompt is the same", async () => {
  const got = await client.messages.create({ ...ask, system: "Be kind." });
  const prompt = said.prompts.at(-1);
  expect(got).toMatchObject({ type: "message", role: "assistant", model: "speaker", stop_reason: "end_turn", stop_sequence: null });
  expect(got.content).toEqual([{ type: "text", text: said.text }]);
  const chat = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "speaker", messages: [{ role: "system", content: "Be kind." }, ...ask.messages] }),
  }).then(r => r.json() as Promise<{ usage: { prompt_tokens: number; completion_tokens: number } }>);
  expect(said.prompts.at(-1)).toBe(prompt);
  expect(got.usage).toMatchObject({ input_tokens: chat.usage.prompt_tokens, output_tokens: chat.usage.completion_tokens });
});

test("streamed = whole, for a text and for calls; a bound cuts off", async () => {
  const cases: readonly (readonly [string, Partial<Anthropic.MessageCreateParamsNonStreaming>])[] = [
    [said.text, {}],
    [called, { tools: [weather] }],
    [said.text, { max_tokens: 4 }],
  ];
  for (const [text, more] of cases) {
    said.text = text;
    const whole = await client.messages.create({ ...ask, ...more });
    const stream = client.messages.stream({ ...ask, ...more });
    const types = new Set<string>();
    stream.on("streamEvent", e => types.add(e.type));
    const streamed = await stream.finalMessage();
    // each call is made up anew, its id too
    const content = (m: Anthropic.Message) => m.content.map(b => ("id" in b ? { ...b, id: "" } : b));
    expect(content(streamed)).toEqual(content(whole));
    expect(streamed.stop_reason).toBe(whole.stop_reason);
    expect(streamed.usage).toMatchObject({ input_tokens: whole.usage.input_tokens, output_tokens: whole.usage.output_tokens });
    expect([...types]).toEqual(expect.arrayContaining(["message_start", "content_block_start", "content_block_delta", "message_stop"]));
  }
});

test("tools are called, and their results read", async () => {
  said.text = called;
  const first = await client.messages.create({ ...ask, tools: [weather] });
  expect(first.stop_reason).toBe("tool_use");
  expect(first.content).toMatchObject([
    { type: "text", text: "Let me look." },
    { type: "tool_use", name: "weather", input: { city: "Łódź" } },
  ]);
  const use = first.content[1] as Anthropic.ToolUseBlock;
  said.text = "It rains.";
  const second = await client.messages.create({
    ...ask,
    tools: [weather],
    messages: [
      ...ask.messages,
      { role: "assistant", content: first.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "rain" }] },
    ],
  });
  expect(second.content).toEqual([{ type: "text", text: "It rains." }]);
  expect(said.prompts.at(-1)).toBe(
    '[tools: weather ]<|user|>Hi<|assistant|>Let me look.<tool_call>{"name": "weather", "arguments": {"city": "Łódź"}}</tool_call><|tool|>rain<|assistant|>',
  );
});

test("counted tokens are those of the message that is then sent", async () => {
  const { max_tokens: _, ...counted } = { ...ask, system: "Be kind.", tools: [weather] };
  const { input_tokens } = await client.messages.countTokens(counted);
  expect((await client.messages.create({ ...ask, ...counted })).usage.input_tokens).toBe(input_tokens);
});

test("errors are Anthropic's, with the parameter's name, also in mid-stream and at unknown addresses", async () => {
  const failing = (more: object) =>
    client.messages.create({ ...ask, ...more } as Anthropic.MessageCreateParamsNonStreaming).then(
      () => undefined,
      e => e as APIError,
    );
  expect(await failing({ model: "nobody" })).toBeInstanceOf(NotFoundError);
  for (const [more, sentence] of [
    [{ max_tokens: undefined }, /max_tokens: expected a whole number/],
    [{ temperature: 9 }, /temperature: expected a number at most 2/],
    [{ thinking: { type: "always" } }, /thinking\.type: expected enabled, adaptive or disabled/],
    [
      { messages: [{ role: "user", content: [{ type: "search_result" }] }] },
      /messages\[0\]\.content\[0\]: a block of type "search_result"/,
    ],
  ] as const) {
    const error = await failing(more);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error!.error).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: expect.stringMatching(sentence) },
    });
  }
  const stream = client.messages.stream({ ...ask, model: "broken", max_tokens: 50 });
  await expect(stream.finalMessage()).rejects.toThrow(/api_error/);
  const unknown = await fetch(`${server.url}/v1/messages/batches`);
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { type: "error", error: { type: "not_found_error" } }]);
});
