/** Ollama's API beyond what its clients' tests reach: conversations as tokens, gaps, log-probabilities, and errors of every address in its form. */
import { afterAll, expect, test } from "vitest";
import { quantise } from "../../../nn/index.ts";
import { openDevice } from "../../../tensor/index.ts";
import { chatTemplate } from "../../../text/index.ts";
import { createEngine, type Engine } from "../../engine.ts";
import { scriptedProgram, tinyConfig, tinyModel } from "../../fakes.ts";
import type { ServedChatTemplate, ServedModel } from "../../served-model.ts";
import { createApp } from "../app.ts";
import { fillModel, speaker } from "../fakes.ts";
import { fillFormatOf, fillTokens } from "../fill-in-middle.ts";
import { nextTurnTokens } from "../next-turn.ts";
import { chatTokens } from "../prompt.ts";
import { ollama } from "./ollama.ts";

const device = openDevice("cpu", { threads: 1 });
const tiny = createEngine({ model: await fillModel(device, { chatTemplate: chatTemplate() }), device, slots: 2 });
const said = await speaker(device, { id: "speaker@1", name: "speaker", version: 1, aliases: ["speaker"], chatTemplate: chatTemplate() });
const thinker = await speaker(device, {
  id: "thinker@1",
  name: "thinker",
  version: 1,
  aliases: ["thinker"],
  chatTemplate: chatTemplate(
    "{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}",
  ),
});
await tiny.ready;
const app = createApp({ engines: [tiny, said.engine, thinker.engine], version: "1.2.3" });
afterAll(() => Promise.all([tiny.close(), said.engine.close(), thinker.engine.close()]));

async function call(method: string, path: string, body?: object | string) {
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const response = await app.fetch(new Request(`http://localhost${path}`, { method, ...(text === undefined ? {} : { body: text }) }));
  const answer = await response.text();
  const lines = answer.split("\n").filter(line => line.startsWith("{"));
  return {
    status: response.status,
    text: answer,
    lines: lines.map(line => JSON.parse(line)),
    body: lines.length === 1 ? JSON.parse(answer) : undefined,
  };
}
const generate = async (body: object) => (await call("POST", "/api/generate", { model: "tiny", stream: false, ...body })).body;
const cold = { temperature: 0, num_predict: 10 };

const templates: readonly (readonly [string, ServedChatTemplate | undefined])[] = [
  ["the default one", chatTemplate()],
  [
    "one with a system turn of its own",
    chatTemplate(
      "{% if messages[0].role != 'system' %}<|sys|>Help.{% endif %}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    ),
  ],
  [
    "one with brackets",
    chatTemplate(
      "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}<|end|>{% endif %}{% endfor %}",
    ),
  ],
  ["none", undefined],
];
test.each(templates)("a conversation that goes on from its tokens is the chat's, with a template like %s", async (_, template) => {
  const { chatTemplate: __, ...bare } = await tinyModel(device);
  const model: ServedModel = { ...bare, ...(template ? { chatTemplate: template } : {}) };
  const engine: Engine = createEngine({ model, device, open: async () => scriptedProgram({ slots: 1, room: 512 }) });
  await engine.ready;
  const hi = { role: "user", content: "Hi <|end|>" };
  const answer = " Hello.";
  const next = { role: "user", content: "And <|end|> then?" };
  const first = [...chatTokens(engine, [hi]), ...Buffer.from(template?.source?.includes("INST") || !template ? answer : answer.trim())];
  const known = [hi, { role: "assistant", content: answer.trim() }];
  expect([...first, ...nextTurnTokens(engine, [next])]).toEqual(chatTokens(engine, [...known, next]));
  await engine.close();
});

test("context is the prompt's and the answer's tokens, and the next answer begins with it", async () => {
  const first = await generate({ prompt: "Hi", options: cold });
  expect(first.context.length).toBe(first.prompt_eval_count + 10);
  const second = await generate({ prompt: "And?", context: first.context, options: cold });
  expect(second.context.slice(0, first.context.length)).toEqual(first.context);
  const streamed = (await call("POST", "/api/generate", { model: "tiny", prompt: "And?", context: first.context, options: cold })).lines;
  expect(streamed.at(-1).context).toEqual(second.context);
  expect(streamed.slice(0, -1).some(line => "context" in line)).toBe(false);
  expect(await generate({ prompt: "Hi", raw: true, options: cold })).not.toHaveProperty("context");
  for (const context of [["x"], [-1], [1e9], "abc", { 0: 1 }])
    expect((await call("POST", "/api/generate", { model: "tiny", prompt: "Hi", context })).status).toBe(400);
  const long = await call("POST", "/api/generate", { model: "tiny", prompt: "Hi", context: Array(2000).fill(65) });
  expect([long.status, long.body.error]).toEqual([400, expect.stringMatching(/context/)]);
});

test("a suffix makes a prompt with a gap, whose texts cannot write its tokens", async () => {
  const format = fillFormatOf(tiny.model.tokenizer)!;
  expect(fillTokens(tiny, format, "a<|fim_middle|>", "z")).toEqual([
    256,
    257,
    ...Buffer.from("a<|fim_middle|>"),
    258,
    ..."z".split("").map(c => c.charCodeAt(0)),
    259,
  ]);
  const filled = await generate({ prompt: "def f(", suffix: "return", options: cold });
  expect(filled).toMatchObject({ done: true, prompt_eval_count: 4 + "def f(".length + "return".length });
  expect((await generate({ prompt: "def f(", suffix: "other", options: cold })).prompt_eval_count).toBe(filled.prompt_eval_count - 1);
  const refused = await call("POST", "/api/generate", { model: "speaker", prompt: "a", suffix: "b" });
  expect([refused.status, refused.body.error]).toEqual([400, expect.stringMatching(/does not support insert/)]);
  expect((await call("POST", "/api/show", { name: "tiny" })).body.capabilities).toContain("insert");
  expect((await call("POST", "/api/show", { model: "speaker" })).body.capabilities).not.toContain("insert");
});

test("the order of a gap's tokens is the tokenizer's: with a middle it comes last, without one the text behind comes first", async () => {
  const formatted = (specials: readonly [string, number][]) => fillFormatOf({ specials: new Map(specials) });
  const codestral = formatted([
    ["[PREFIX]", 257],
    ["[SUFFIX]", 258],
  ])!;
  expect(fillTokens(tiny, codestral, "a", "z")).toEqual([256, 258, 122, 257, 97]);
  expect(formatted([["<fim_prefix>", 1]])).toBeUndefined();
  expect(
    formatted([
      ["<PRE>", 1],
      ["<SUF>", 2],
      ["<MID>", 3],
      ["<EOT>", 4],
    ]),
  ).toEqual({ prefix: 1, suffix: 2, middle: 3, stopTokens: [1, 2, 3, 4] });
});

test("logprobs of a stream are those of the whole answer, each token's once, with the likeliest beside it", async () => {
  const body = { model: "tiny", prompt: "Hi", options: cold, logprobs: true, top_logprobs: 3 };
  const whole = (await call("POST", "/api/generate", { ...body, stream: false })).body;
  expect(whole.logprobs).toHaveLength(10);
  for (const { token, logprob, top_logprobs: top } of whole.logprobs) {
    expect(top).toHaveLength(3);
    // temperature 0 takes the likeliest
    expect(top[0]).toMatchObject({ token, logprob });
  }
  const lines = (await call("POST", "/api/generate", body)).lines;
  expect(lines.flatMap(line => line.logprobs ?? [])).toEqual(whole.logprobs);
  const chat = { model: "tiny", messages: [{ role: "user", content: "Hi" }], options: cold, logprobs: true, stream: false };
  const { logprobs } = (await call("POST", "/api/chat", chat)).body;
  expect(logprobs.map((l: { token: string }) => l.token)).toEqual(whole.logprobs.map((l: { token: string }) => l.token));
  expect(logprobs[0]).not.toHaveProperty("top_logprobs");
  expect(await generate({ prompt: "Hi", options: cold })).not.toHaveProperty("logprobs");
  expect((await call("POST", "/api/generate", { ...body, top_logprobs: 21 })).body.error).toMatch(/top_logprobs/);
});

test("think: what the model thinks comes apart from its answer, whole and streamed, and not at all where it is false", async () => {
  thinker.text = "<think>\nHm, a greeting.\n</think>\n\nHello.";
  const chat = { model: "thinker", messages: [{ role: "user", content: "Hi" }] };
  for (const think of [undefined, true, "high"] as const) {
    const { message } = (await call("POST", "/api/chat", { ...chat, think, stream: false })).body;
    expect(message).toEqual({ role: "assistant", content: "Hello.", thinking: "Hm, a greeting." });
    expect(thinker.prompts.at(-1)).toBe("<|user|>Hi<|assistant|>");
  }
  const lines = (await call("POST", "/api/chat", { ...chat, think: true })).lines;
  const joined = (key: "thinking" | "content") => lines.map(line => line.message[key] ?? "").join("");
  expect([joined("thinking"), joined("content")]).toEqual(["Hm, a greeting.", "Hello."]);
  const { response, thinking, context } = (
    await call("POST", "/api/generate", { model: "thinker", prompt: "Hi", think: true, stream: false })
  ).body;
  expect([response, thinking]).toEqual(["Hello.", "Hm, a greeting."]);
  const next = (await call("POST", "/api/generate", { model: "thinker", prompt: "And?", context, think: false, stream: false })).body;
  expect([next.response, next.thinking]).toEqual(["Hello.", undefined]);
  expect(thinker.prompts.at(-1)).toMatch(/<\|user\|>And\?<\|assistant\|><think><\/think>$/);
  const off = (await call("POST", "/api/chat", { ...chat, think: false, stream: false })).body;
  expect(off.message).toEqual({ role: "assistant", content: "Hello." });
  expect(thinker.prompts.at(-1)).toBe("<|user|>Hi<|assistant|><think></think>");
  const known = [...chat.messages, { role: "assistant", content: "Hello.", thinking: "Hm." }, { role: "user", content: "And?" }];
  await call("POST", "/api/chat", { model: "thinker", messages: known, stream: false });
  expect(thinker.prompts.at(-1)).toBe("<|user|>Hi<|assistant|><think>Hm.</think>Hello.<|user|>And?<|assistant|>");
  expect((await call("POST", "/api/show", { model: "thinker" })).body.capabilities).toEqual(["completion", "thinking"]);
  const refused = await call("POST", "/api/chat", { ...chat, model: "speaker", think: true });
  expect([refused.status, refused.body.error]).toEqual([400, expect.stringMatching(/"speaker" does not support thinking/)]);
  expect((await call("POST", "/api/chat", { ...chat, model: "speaker", think: false, stream: false })).status).toBe(200);
  expect((await call("POST", "/api/chat", { ...chat, think: "a lot" })).body.error).toMatch(/think: expected true, false/);
});

test("a call that num_predict cut off is none, whole or streamed", async () => {
  const tools = [{ type: "function", function: { name: "add", parameters: { type: "object", properties: {} } } }];
  const messages = [{ role: "user", content: "1 + 1?" }];
  const calls = async (num_predict: number, stream: boolean) => {
    const { lines } = await call("POST", "/api/chat", { model: "speaker", messages, tools, options: { num_predict }, stream });
    return lines.flatMap(line => [line.message.content, ...(line.message.tool_calls ?? [])]).filter(said => said !== "");
  };
  said.text = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>';
  for (const stream of [false, true]) {
    expect(await calls(200, stream)).toEqual([{ function: { name: "add", arguments: { a: 1 } } }]);
    for (const length of [28, 42, 46]) expect([length, await calls(length, stream)]).toEqual([length, []]);
  }
});

test("a seed below 0 is none: answers are drawn anew", async () => {
  const ask = async (seed: number) => (await generate({ prompt: "Once", options: { seed, num_predict: 24, temperature: 2 } })).response;
  expect(await ask(7)).toBe(await ask(7));
  expect(await ask(-1)).not.toBe(await ask(-1));
});

test("every address under /api answers a wrong request with a sentence", async () => {
  const routes = ollama.routes.map(({ method, path }) => [method, path.replace(":digest", "sha256:0")] as const);
  const wrong: (readonly [string, string, (object | string)?])[] = [
    ...routes
      .filter(([method]) => method !== "GET")
      .flatMap(([method, path]) => [
        [method, path, "{"] as const,
        [method, path, ""] as const,
        [method, path, "[1]"] as const,
        [method, path, { model: 7 }] as const,
        [method, path, { model: "nobody", prompt: "Hi", messages: [{ role: "user", content: "x" }], input: "x" }] as const,
        ["PUT", path, {}] as const,
      ]),
    ["POST", "/api/tags", {}],
    ["GET", "/api/nothing"],
    ["POST", "/api/web_search", {}],
    ["HEAD", "/api/nothing"],
  ];
  for (const [method, path, body] of wrong) {
    const { status, text } = await call(method, path, body);
    const place = [method, path, body, status, text];
    expect(status, place.join(" ")).toBeGreaterThanOrEqual(400);
    expect(status, place.join(" ")).toBeLessThan(500);
    if (method !== "HEAD") expect(JSON.parse(text), place.join(" ")).toEqual({ error: expect.stringMatching(/\w/) });
  }
});

test("an unknown model is 404 in Ollama's words, a known one by any of its names", async () => {
  for (const path of ["/api/generate", "/api/chat", "/api/show", "/api/embed", "/api/embeddings"]) {
    const body = { model: "nobody:7b", prompt: "x", input: "x", messages: [{ role: "user", content: "x" }] };
    expect((await call("POST", path, body)).body.error).toMatch(/^model 'nobody:7b' not found/);
  }
  for (const name of ["speaker", "speaker:1", "speaker:latest", "speaker@1"])
    expect((await call("POST", "/api/show", { model: name })).status).toBe(200);
});

test("pulling a model that is served succeeds, and any other is refused", async () => {
  expect(await call("POST", "/api/pull", { model: "speaker", stream: false })).toMatchObject({ status: 200, body: { status: "success" } });
  expect((await call("POST", "/api/pull", { name: "speaker" })).text).toBe('{"status":"success"}\n');
  expect((await call("POST", "/api/pull", { model: "llama3.2" })).body.error).toMatch(
    /^model 'llama3.2' is not served.*loam models import/,
  );
});

test("heads of the addresses that Ollama's clients look at are 200 without a body", async () => {
  for (const path of ["/", "/api/version", "/api/tags", "/api/ps"])
    expect(await call("HEAD", path)).toMatchObject({ status: 200, text: "" });
});

test("quantization_level and size tell how the weights are stored, and the number of parameters stays the model's", async () => {
  const plain = await tinyModel(device);
  const formOf = async (name: string, parameters: ServedModel["parameters"]) => {
    const engine = createEngine({ model: { ...plain, parameters, id: name }, device, open: async () => scriptedProgram({ slots: 1 }) });
    await engine.ready;
    const served = createApp({ engines: [engine] });
    const response = await served.fetch(new Request("http://localhost/api/tags"));
    const [{ size, details }] = (
      (await response.json()) as { models: [{ size: number; details: { quantization_level: string; parameter_size: string } }] }
    ).models;
    await engine.close();
    return { size, level: details.quantization_level, parameters: details.parameter_size };
  };
  const in8 = { projections: "rows8", tables: "blocks8" } as const;
  const in4 = { projections: "blocks4", tables: "blocks4" } as const;
  const exact = await formOf("exact", plain.parameters);
  const int8 = await formOf("int8", await quantise(tinyConfig, plain.parameters, device, in8));
  const int4 = await formOf("int4", await quantise(tinyConfig, plain.parameters, device, in4));
  expect([exact.level, int8.level, int4.level]).toEqual(["F32", "Q8_0", expect.stringMatching(/^Q4_[01]$/)]);
  expect(int8.size).toBeLessThan(exact.size / 2);
  expect(int4.size).toBeLessThan(int8.size);
  expect([int8.parameters, int4.parameters]).toEqual([exact.parameters, exact.parameters]);
});
