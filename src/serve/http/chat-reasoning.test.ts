/** Reasoning, prefill and templates over HTTP, against a decoder that says a given text. */
import { afterAll, beforeEach, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createApp } from "./app.ts";
import { speaker } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
/** As Qwen 3's: reasoning of earlier turns is written, `enable_thinking: false` closes it before the answer. */
const source = `{%- for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}
{%- if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}<|end|>{% endfor -%}
{%- if tools %}{% endif %}{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is defined and not enable_thinking %}<think></think>{% elif opens %}{{ '<think> ' }}{% endif %}{% endif %}`;
const said = await speaker(device, { id: "thinker@1", aliases: ["thinker"], chatTemplate: chatTemplate(source) });
const plain = await speaker(device, { id: "plain@1", aliases: ["plain"] });
const failures: unknown[] = [];
const app = createApp({ engines: [said.engine, plain.engine], onFailure: e => failures.push(e) });
const trusting = createApp({ engines: [said.engine], trustsChatTemplates: true, onFailure: e => failures.push(e) });
const thought = "<think>\nTwo and two.\n</think>\n\nFour.";
beforeEach(() => {
  said.text = thought;
  said.prompts.length = 0;
  plain.text = "ok";
  plain.prompts.length = 0;
});
afterAll(() => expect(failures).toEqual([]));

type Body = Record<string, unknown>;
const send = (path: string, body: Body, to = app) =>
  to.fetch(
    new Request(`http://127.0.0.1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "thinker", ...body }),
    }),
  );
const user = [{ role: "user", content: "2 + 2?" }];
const chat = async (body: Body = {}, to = app) => {
  const response = await send("/v1/chat/completions", { messages: user, ...body }, to);
  return {
    status: response.status,
    ...((await response.json()) as { choices: { message: Body }[]; usage: { completion_tokens_details: Body }; error: Body }),
  };
};
const events = async (path: string, body: Body) =>
  (await (await send(path, { stream: true, ...body })).text())
    .split("\n\n")
    .flatMap(e => e.split("\n").filter(l => l.startsWith("data: {")))
    .map(l => JSON.parse(l.slice(6)) as Body);

test("what a model thinks is told apart from its answer, whole and streamed, and counted", async () => {
  const whole = await chat();
  expect(whole.choices[0]!.message).toMatchObject({ content: "Four.", reasoning_content: "Two and two.", reasoning: "Two and two." });
  // "<think>" ends with its last byte, then 14 bytes, then "</think>"
  expect(whole.usage.completion_tokens_details.reasoning_tokens).toBe(1 + 14 + 8);
  const chunks = await events("/v1/chat/completions", { messages: user, stream_options: { include_usage: true } });
  const deltas = chunks.flatMap(c => (c.choices as { delta: Body }[]).map(x => x.delta));
  expect(deltas.map(d => d.reasoning_content ?? "").join("")).toBe("Two and two.");
  expect(deltas.map(d => d.content ?? "").join("")).toBe("Four.");
  expect(chunks.at(-1)).toMatchObject({ usage: whole.usage });
});

test("include_reasoning: false leaves the reasoning out and counts it; reasoning_format: none leaves it in the text", async () => {
  const hidden = await chat({ include_reasoning: false });
  expect(hidden.choices[0]!.message).toEqual({ role: "assistant", content: "Four.", refusal: null });
  expect(hidden.usage.completion_tokens_details.reasoning_tokens).toBe(23);
  expect((await chat({ reasoning_format: "none" })).choices[0]!.message).toEqual({ role: "assistant", content: thought, refusal: null });
});

test("a template that opens the reasoning itself is seen by the prompt's end", async () => {
  said.text = "Hm.</think>Yes.";
  const { choices } = await chat({ chat_template_kwargs: { opens: true } });
  expect(choices[0]!.message).toMatchObject({ content: "Yes.", reasoning_content: "Hm." });
});

test("reasoning_effort and chat_template_kwargs reach the template", async () => {
  await chat({ reasoning_effort: "none" });
  await chat({ chat_template_kwargs: { enable_thinking: false } });
  await chat({ reasoning_effort: "high" });
  expect(said.prompts.map(p => p.endsWith("<|assistant|><think></think>"))).toEqual([true, true, false]);
  // a variable cannot take the place of the messages, nor write a special token
  await chat({ chat_template_kwargs: { messages: [], add_generation_prompt: false } });
  expect(said.prompts.at(-1)).toContain("2 + 2?");
});

test("an answer goes on from the assistant's last message, where it is asked to", async () => {
  said.text = " is four.";
  const messages = [...user, { role: "assistant", content: "Two and two" }];
  const { choices } = await chat({ messages, continue_final_message: true, add_generation_prompt: false });
  expect([said.prompts.at(-1)!.endsWith("<|assistant|>Two and two"), choices[0]!.message.content]).toEqual([true, " is four."]);
  // the template's own end of a turn is a token of its own, which the prompt lacks
  await chat({ messages });
  expect(said.prompts.at(-1)).toMatch(/Two and two<\|assistant\|>$/);
  // a message that has opened its reasoning goes on inside of it
  said.text = "so.</think>Four.";
  const open = await chat({ messages: [...user, { role: "assistant", content: "<think>I think " }], continue_final_message: true });
  expect(open.choices[0]!.message).toMatchObject({ content: "Four.", reasoning_content: "so." });
  plain.text = "!";
  await send("/v1/chat/completions", { model: "plain", messages, continue_final_message: true });
  expect(plain.prompts.at(-1)).toBe("User: 2 + 2?\nAssistant: Two and two");
  expect((await chat({ messages, continue_final_message: true, add_generation_prompt: true })).error.param).toBe("continue_final_message");
  expect((await chat({ continue_final_message: true })).error.param).toBe("messages");
  await chat({ add_generation_prompt: false });
  expect(said.prompts.at(-1)).toBe("<|user|>2 + 2?");
});

test("a request's own template is refused by name, or run within bounds where the operator trusts it", async () => {
  const chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}#";
  const refused = await chat({ chat_template });
  expect([refused.status, refused.error.param]).toEqual([400, "chat_template"]);
  expect((await chat({ chat_template }, trusting)).status).toBe(200);
  expect(said.prompts.at(-1)).toBe("2 + 2?#");
  const endless = "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}";
  for (const bad of [endless, "{% for", "{{ raise_exception('no') }}"])
    expect((await chat({ chat_template: bad }, trusting)).status).toBe(400);
});

test("earlier reasoning goes back through the template, under either name", async () => {
  for (const key of ["reasoning", "reasoning_content"]) {
    await chat({ messages: [...user, { role: "assistant", content: "4", [key]: "add them" }, { role: "user", content: "sure?" }] });
    expect(said.prompts.at(-1)).toContain("<think>add them</think>4");
  }
});

test("Anthropic's thinking is given where it is asked for, with its history; else it is switched off", async () => {
  const ask = { max_tokens: 200, messages: user };
  const message = async (more: Body) => (await (await send("/v1/messages", { ...ask, ...more })).json()) as Body;
  const thinking = { type: "enabled", budget_tokens: 1024 };
  expect((await message({ thinking })).content).toEqual([
    { type: "thinking", thinking: "Two and two.", signature: "" },
    { type: "text", text: "Four." },
  ]);
  said.text = "Four.";
  expect((await message({})).content).toEqual([{ type: "text", text: "Four." }]);
  expect(said.prompts.at(-1)).toMatch(/<think><\/think>$/);
  said.text = thought;
  const told = await events("/v1/messages", { ...ask, thinking });
  const blocks = told.filter(e => e.type === "content_block_start").map(e => (e.content_block as Body).type);
  expect(blocks).toEqual(["thinking", "text"]);
  expect(told.filter(e => e.type === "content_block_delta").map(e => (e.delta as Body).type)).toContain("signature_delta");
  expect((told[0]!.message as { usage: Body }).usage.input_tokens).toBeGreaterThan(5);
  const history = [
    ...user,
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "add them", signature: "" },
        { type: "text", text: "4" },
      ],
    },
    { role: "user", content: "sure?" },
  ];
  await message({ messages: history });
  expect(said.prompts.at(-1)).toContain("<think>add them</think>4");
});

test("Anthropic's last message of the assistant's goes on, and a stop sequence is told", async () => {
  said.text = " is four. And more";
  const response = await send("/v1/messages", {
    max_tokens: 50,
    stop_sequences: [". And"],
    messages: [...user, { role: "assistant", content: "It" }],
  });
  expect(await response.json()).toMatchObject({
    content: [{ type: "text", text: " is four" }],
    stop_reason: "stop_sequence",
    stop_sequence: ". And",
  });
  expect(said.prompts.at(-1)).toMatch(/<\|assistant\|>It$/);
  const told = await events("/v1/messages", { max_tokens: 50, stop_sequences: [". And"], messages: user });
  expect(told.find(e => e.type === "message_delta")).toMatchObject({ delta: { stop_reason: "stop_sequence", stop_sequence: ". And" } });
});

test("Ollama's last message of the assistant's goes on", async () => {
  said.text = " is four.";
  const messages = [...user, { role: "assistant", content: "It" }];
  const response = await send("/api/chat", { messages, stream: false });
  expect(await response.json()).toMatchObject({ message: { role: "assistant", content: " is four." } });
  expect(said.prompts.at(-1)).toMatch(/<\|assistant\|>It$/);
});

test("responses have reasoning items, told as OpenAI's events, and go on with them", async () => {
  const response = (await (await send("/v1/responses", { input: "2 + 2?" })).json()) as {
    id: string;
    output: Body[];
    usage: { output_tokens_details: Body };
  };
  expect(response.id).toMatch(/^resp_[0-9a-f]{32}$/);
  expect(response.output).toMatchObject([
    { type: "reasoning", id: expect.stringMatching(/^rs_/), content: [{ type: "reasoning_text", text: "Two and two." }], summary: [] },
    { type: "message", id: expect.stringMatching(/^msg_/), content: [{ type: "output_text", text: "Four." }] },
  ]);
  expect(response.usage.output_tokens_details.reasoning_tokens).toBe(23);
  await send("/v1/responses", { input: "sure?", previous_response_id: response.id });
  expect(said.prompts.at(-1)).toContain("<think>Two and two.</think>Four.");
  const told = await events("/v1/responses", { input: "2 + 2?" });
  expect(told.map(e => e.sequence_number)).toEqual(told.map((_, i) => i));
  const kinds = told.map(e => String(e.type)).filter((t, i, all) => t !== all[i - 1]);
  expect(kinds).toEqual([
    ...["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"],
    ...["response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done", "response.output_item.done"],
    ...["response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done"],
    ...["response.content_part.done", "response.output_item.done", "response.completed"],
  ]);
});

test("responses: log-probabilities where they are included, cancel, an unknown id, and a conversation that is cut to the context", async () => {
  said.text = "Four.";
  const asked = { input: "2 + 2?", include: ["message.output_text.logprobs"], top_logprobs: 2 };
  const whole = (await (await send("/v1/responses", asked)).json()) as { id: string; output: { content: { logprobs: Body[] }[] }[] };
  expect(whole.output[0]!.content[0]!.logprobs.map(l => l.token).join("")).toContain("Four.");
  const told = (await events("/v1/responses", asked)).filter(e => e.type === "response.output_text.delta");
  expect(told.every(e => (e.logprobs as unknown[]).length > 0)).toBe(true);
  const cancelled = await send(`/v1/responses/${whole.id}/cancel`, {});
  expect([cancelled.status, JSON.stringify(await cancelled.json())]).toEqual([
    400,
    expect.stringContaining("Cannot cancel a synchronous response."),
  ]);
  const unknown = await send("/v1/responses", { input: "a", previous_response_id: "resp_0" });
  expect([unknown.status, JSON.stringify(await unknown.json())]).toEqual([404, expect.stringMatching(/Response with id .* not found/)]);
  const long = Array.from({ length: 6 }, (_, i) => [
    { role: "user", content: `question ${i} ${"x".repeat(900)}` },
    { role: "assistant", content: `answer ${i}` },
  ]).flat();
  const input = [{ role: "system", content: "Be kind." }, ...long, { role: "user", content: "the last" }];
  expect((await send("/v1/responses", { input })).status).toBe(400);
  expect((await send("/v1/responses", { input, truncation: "auto", max_output_tokens: 20 })).status).toBe(200);
  const prompt = said.prompts.at(-1)!;
  expect([prompt.includes("Be kind."), prompt.includes("question 0"), prompt.includes("question 5"), prompt.includes("the last")]).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test("a full context is told in OpenAI's sentence, which clients know it by", async () => {
  const { status, error } = await chat({ messages: [{ role: "user", content: "x".repeat(5000) }] });
  expect([status, error.code]).toEqual([400, "context_length_exceeded"]);
  expect(error.message).toMatch(/^This model's maximum context length is 4096 tokens\. However, you requested \d+ tokens/);
});

test("a request that names no model means the only one", async () => {
  for (const [path, body] of [
    ["/v1/chat/completions", { messages: user }],
    ["/v1/responses", { input: "2 + 2?" }],
    ["/v1/messages", { messages: user, max_tokens: 50 }],
    ["/v1/completions", { prompt: "2 + 2?" }],
    ["/v1/score", { prompt: "2 + 2?", input: "4" }],
    ["/v1/attributions", { prompt: "2 + 2?", max_tokens: 1 }],
    ["/tokenize", { prompt: "2 + 2?" }],
  ] as const) {
    expect((await send(path, { ...body, model: undefined }, trusting)).status).toBe(200);
    expect((await send(path, { ...body, model: undefined })).status).toBe(400);
  }
});

test("only allowed tools are called", async () => {
  const tools = ["a", "b"].map(name => ({ type: "function", function: { name } }));
  const allowed_tools = { mode: "required", tools: [{ type: "function", function: { name: "b" } }] };
  said.text = '{"name": "b", "arguments": {}}';
  const { choices } = await chat({ tools, tool_choice: { type: "allowed_tools", allowed_tools } });
  expect(choices[0]!.message.tool_calls).toMatchObject([{ function: { name: "b" } }]);
  const wrong = { mode: "auto", tools: [{ type: "function", function: { name: "c" } }] };
  expect((await chat({ tools, tool_choice: { type: "allowed_tools", allowed_tools: wrong } })).status).toBe(400);
});

test("a role of the template's own reaches the model, as a text and as parts; one that the template leaves out, or misspelt, is refused", async () => {
  const asked = async (content: unknown, more: Body = {}, to = app) =>
    chat({ messages: [...user, { role: "documents", content }], max_tokens: 8, ...more }, to);
  expect((await asked("Rome")).status).toBe(200);
  const prompt = said.prompts.at(-1);
  expect(prompt).toContain("<|documents|>Rome");
  expect((await asked([{ type: "text", text: "Rome" }])).status).toBe(200);
  expect(said.prompts.at(-1)).toBe(prompt);
  const chat_template = "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% endif %}{% endfor %}";
  const left = await asked("Rome", { chat_template }, trusting);
  expect([left.status, left.error.param]).toEqual([400, "messages[1].role"]);
  const misspelt = await chat({ messages: [{ role: "asistant", content: "a" }] });
  expect(misspelt.error).toMatchObject({ param: "messages[0].role", message: expect.stringContaining('Did you mean "assistant"?') });
});
