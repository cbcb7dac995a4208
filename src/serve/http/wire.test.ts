/** What the server says in each protocol, byte for byte: answers, streams and errors as they were recorded. */
import { afterAll, expect, test } from "vitest";
import { answerText, Transcript } from "../../../test/support/wire.ts";
import { defined, handClock } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { memoryFeedback, speaker, tinyEncoder } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const template = chatTemplate(
  `{%- if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]{% endif -%}
{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}{% endfor -%}
<|assistant|>`,
);
const said = await speaker(device, {
  id: "speaker@1",
  name: "speaker",
  version: 1,
  aliases: ["speaker"],
  createdAt: Date.UTC(2026, 0, 2),
  chatTemplate: template,
});
/** Says "a" until its program breaks in the middle of an answer. */
const broken = createEngine({
  model: await tinyModel(device, { id: "broken@1", name: "broken", version: 1, aliases: ["broken"] }),
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
const encoder = createEmbeddingEngine({
  model: await tinyEncoder(device, { id: "vectors@1", name: "vectors", version: 1, aliases: ["vectors"], createdAt: Date.UTC(2026, 0, 2) }),
  device,
});
await Promise.all([broken.ready, encoder.ready]);
const failures: unknown[] = [];
const feedback = memoryFeedback(1_700_000_000_000);
const app = createApp({
  feedback,
  responses: feedback,
  engines: [said.engine, broken],
  encoders: [encoder],
  version: "1.2.3",
  clock: handClock(1_700_000_000_000),
  onFailure: e => failures.push(e),
});
const server = await listen(app, { port: 0 });
afterAll(async () => {
  await server.close();
  expect(failures.filter(e => !String(e).includes("broke"))).toEqual([]);
});

const hello = "Hello, Łódź!";
const called = 'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>';

interface Case {
  readonly title: string;
  readonly path: string;
  /** Undefined: GET. A text is sent as it is. */
  readonly body?: unknown;
  readonly says?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Masks computed numbers. */
  readonly numbers?: boolean;
}

async function recorded(name: string, cases: readonly Case[]): Promise<void> {
  const transcript = new Transcript(name);
  for (const { title, path, body, says = hello, method, headers = {}, numbers = false } of cases) {
    said.text = says;
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const how = method ?? (text === undefined ? "GET" : "POST");
    const response = await fetch(`${server.url}${path}`, {
      method: how,
      headers: { ...(text === undefined ? {} : { "content-type": "application/json" }), "x-request-id": "r1", ...headers },
      ...defined({ body: text }),
    });
    transcript.title(title);
    transcript.add(`${how} ${path}\n${text ?? ""}`);
    transcript.add(await answerText(response), { numbers });
  }
  transcript.compare();
}

const user = (content: string) => ({ role: "user", content });
const hi = [user("Hi")];
const turns = [
  { role: "system", content: "Be kind." },
  user("Rain?"),
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Łódź"}' } }],
  },
  { role: "tool", tool_call_id: "c1", content: "rain" },
  user("So?"),
];
const schema = { type: "object", properties: { city: { type: "string" } } };
const weather = { type: "function", function: { name: "weather", description: "of a city", parameters: schema } };

test("OpenAI: chat", () => {
  const path = "/v1/chat/completions";
  const model = "speaker";
  const bad = (title: string, body: unknown, more: Partial<Case> = {}): Case => ({ title: `error: ${title}`, path, body, ...more });
  return recorded("serve-openai-chat", [
    { title: "whole", path, body: { model, messages: hi } },
    { title: "turns with a call and its result", path, body: { model, messages: turns } },
    { title: "stream", path, body: { model, messages: hi, stream: true } },
    { title: "stream with usage", path, body: { model, messages: hi, stream: true, stream_options: { include_usage: true } } },
    { title: "log-probabilities", path, body: { model, messages: hi, logprobs: true, top_logprobs: 2, max_tokens: 2 } },
    {
      title: "stream with log-probabilities",
      path,
      body: { model, messages: hi, logprobs: true, top_logprobs: 1, max_tokens: 2, stream: true },
    },
    { title: "two answers", path, body: { model, messages: hi, n: 2 } },
    { title: "cut off", path, body: { model, messages: hi, max_completion_tokens: 3 } },
    { title: "stop", path, body: { model, messages: hi, stop: ["Łódź"] } },
    { title: "call", path, body: { model, messages: hi, tools: [weather] }, says: called },
    { title: "call, streamed", path, body: { model, messages: hi, tools: [weather], stream: true }, says: called },
    { title: "JSON", path, body: { model, messages: hi, response_format: { type: "json_object" } }, says: '{"a":1}' },
    bad("no messages", { model }),
    bad("of the wrong type", { model, messages: "Hi" }),
    bad("a part that is no text", { model, messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] }),
    bad("out of range", { model, messages: hi, temperature: 9 }),
    bad("not supported", { model, messages: hi, functions: [{ name: "f" }] }),
    bad("stream_options without a stream", { model, messages: hi, stream_options: { include_usage: true } }),
    bad("unknown model", { model: "nobody", messages: hi }),
    bad("a model that embeds", { model: "vectors", messages: hi }),
    bad("too long", { model, messages: [user("x".repeat(5000))] }),
    bad("no JSON", "{broken"),
    bad("a list", "[]"),
    bad("another type", "{}", { headers: { "content-type": "text/plain" } }),
    bad("another method", undefined, { method: "DELETE" }),
    { title: "error: another address", path: "/v1/nothing", body: {} },
    bad("in mid-stream", { model: "broken", messages: hi, stream: true }),
    bad("of the program", { model: "broken", messages: hi }),
  ]);
});

test("OpenAI: completions", () => {
  const path = "/v1/completions";
  const model = "speaker";
  return recorded("serve-openai-completions", [
    { title: "whole", path, body: { model, prompt: "Once" } },
    { title: "echo, two prompts", path, body: { model, prompt: ["a", "b"], echo: true, max_tokens: 3 } },
    { title: "log-probabilities", path, body: { model, prompt: "Once", logprobs: 2, max_tokens: 2 } },
    { title: "stream with usage", path, body: { model, prompt: "Once", stream: true, stream_options: { include_usage: true } } },
    { title: "stream with log-probabilities", path, body: { model, prompt: "Once", stream: true, logprobs: 1, max_tokens: 2 } },
    { title: "error: no prompt", path, body: { model, prompt: "" } },
    { title: "error: not supported", path, body: { model, prompt: "a", suffix: "b" } },
    { title: "error: in mid-stream", path, body: { model: "broken", prompt: "Once upon a time, a man", max_tokens: 9, stream: true } },
  ]);
});

test("OpenAI: responses", () => {
  const path = "/v1/responses";
  const model = "speaker";
  const items = [
    { role: "user", content: [{ type: "input_text", text: "Rain?" }] },
    { type: "function_call", call_id: "c1", name: "weather", arguments: "{}" },
    { type: "function_call_output", call_id: "c1", output: "rain" },
  ];
  const tools = [{ type: "function", name: "weather", parameters: schema }];
  return recorded("serve-openai-responses", [
    { title: "whole", path, body: { model, input: "Hi", instructions: "Be kind.", metadata: { a: "b" } } },
    { title: "items", path, body: { model, input: items, store: false } },
    { title: "stream", path, body: { model, input: "Hi", stream: true } },
    { title: "call", path, body: { model, input: "Hi", tools }, says: called },
    { title: "call, streamed", path, body: { model, input: "Hi", tools, stream: true }, says: called },
    { title: "two calls, streamed", path, body: { model, input: "Hi", tools, stream: true }, says: called + called },
    { title: "cut off, streamed", path, body: { model, input: "Hi", max_output_tokens: 3, stream: true } },
    { title: "nothing, streamed", path, body: { model, input: "Hi", stream: true, stop: ["H"] } },
    { title: "error: no input", path, body: { model } },
    { title: "error: an item without its id", path, body: { model, input: [{ type: "function_call_output", output: "x" }] } },
    { title: "error: not supported", path, body: { model, input: "Hi", conversation: "conv_1" } },
    { title: "error: unknown response", path, body: { model, input: "Hi", previous_response_id: "resp-1" } },
    { title: "error: in mid-stream", path, body: { model: "broken", input: "Hi", stream: true } },
  ]);
});

test("OpenAI: embeddings, rerank, scores, tokens, models", () =>
  recorded("serve-openai-others", [
    { title: "embeddings", path: "/v1/embeddings", body: { model: "vectors", input: ["a cat", "a dog"] }, numbers: true },
    { title: "in base64", path: "/v1/embeddings", body: { model: "vectors", input: "a cat", encoding_format: "base64" }, numbers: true },
    { title: "error: no input", path: "/v1/embeddings", body: { model: "vectors", input: [] } },
    { title: "error: a model that writes", path: "/v1/embeddings", body: { model: "speaker", input: "a" } },
    {
      title: "rerank",
      path: "/v1/rerank",
      body: { model: "vectors", query: "cat", documents: ["a cat"], return_documents: true },
      numbers: true,
    },
    { title: "scores", path: "/v1/score", body: { model: "speaker", prompt: "a", input: ["He"], top_logprobs: 1 }, numbers: true },
    { title: "tokens", path: "/tokenize", body: { model: "speaker", messages: hi, return_token_strs: true } },
    { title: "text", path: "/detokenize", body: { model: "speaker", tokens: [72, 105] } },
    { title: "models", path: "/v1/models" },
    { title: "model", path: "/v1/models/vectors@1" },
    { title: "error: unknown model", path: "/v1/models/nobody" },
  ]));

test("feedback", () => {
  const path = "/v1/feedback";
  const say = (title: string, body: object, more: Partial<Case> = {}): Case => ({
    title,
    path,
    body: { request_id: "asked", source: "reviewers", ...body },
    ...more,
  });
  return recorded("serve-feedback", [
    {
      title: "a response to label",
      path: "/v1/completions",
      body: { model: "speaker", prompt: "Once", max_tokens: 2 },
      headers: { "x-request-id": "asked" },
    },
    say("a label", { label: "spam", confidence: 0.9 }),
    say("the second of a source", { label: "ham", comment: "I was wrong." }),
    say("a thumb", { source: "end-user", score: true }),
    { title: "list", path: `${path}/asked` },
    say("error: an unknown request", { request_id: "another", label: "spam" }),
    say("error: neither label nor score", {}),
    say("error: out of range", { score: 5 }),
    say("error: another text", { score: 1, index: 3 }),
    say("error: a misspelt name", { lable: "spam" }),
    say("error: an unknown name", { score: 1, trace: "x" }),
    say("error: no such source", { score: 1, source: "two words" }),
    { title: "delete", path: `${path}/asked`, method: "DELETE" },
    { title: "error: list of none", path: `${path}/asked` },
    { title: "error: another method", path, method: "PUT", body: {} },
  ]);
});

test("Anthropic", () => {
  const path = "/v1/messages";
  const ask = { model: "speaker", max_tokens: 200, messages: hi };
  const tool = { name: "weather", description: "of a city", input_schema: schema };
  return recorded("serve-anthropic", [
    { title: "whole", path, body: { ...ask, system: "Be kind." } },
    { title: "stream", path, body: { ...ask, stream: true } },
    { title: "call", path, body: { ...ask, tools: [tool] }, says: called },
    { title: "call, streamed", path, body: { ...ask, tools: [tool], stream: true }, says: called },
    { title: "cut off, streamed", path, body: { ...ask, max_tokens: 3, stream: true } },
    { title: "counted", path: `${path}/count_tokens`, body: { model: "speaker", messages: hi, tools: [tool] } },
    { title: "error: no max_tokens", path, body: { model: "speaker", messages: hi } },
    { title: "error: out of range", path, body: { ...ask, temperature: 9 } },
    { title: "error: not supported", path, body: { ...ask, thinking: { type: "enabled", budget_tokens: 1024 } } },
    { title: "error: unknown model", path, body: { ...ask, model: "nobody" } },
    { title: "error: no JSON", path, body: "{broken" },
    { title: "error: another method", path },
    { title: "error: another address", path: `${path}/batches` },
    { title: "error: in mid-stream", path, body: { ...ask, model: "broken", max_tokens: 50, stream: true } },
  ]);
});

test("Ollama", () => {
  const model = "speaker:1";
  const own = { type: "function", function: { name: "weather", parameters: schema } };
  return recorded("serve-ollama", [
    { title: "generate", path: "/api/generate", body: { model, prompt: "Hi", system: "Be kind.", stream: false } },
    { title: "generate, streamed", path: "/api/generate", body: { model, prompt: "Hi" } },
    { title: "generate, raw", path: "/api/generate", body: { model, prompt: "Hi", raw: true, stream: false, options: { num_predict: 3 } } },
    { title: "load", path: "/api/generate", body: { model } },
    { title: "generate, going on", path: "/api/generate", body: { model, prompt: "Hi", context: [72, 105], stream: false } },
    {
      title: "generate, with logprobs",
      path: "/api/generate",
      body: { model, prompt: "Hi", raw: true, logprobs: true, top_logprobs: 1, options: { num_predict: 2 } },
      numbers: true,
    },
    { title: "chat", path: "/api/chat", body: { model, messages: hi, stream: false } },
    { title: "chat, streamed", path: "/api/chat", body: { model, messages: hi } },
    { title: "call", path: "/api/chat", body: { model, messages: hi, tools: [own], stream: false }, says: called },
    { title: "call, streamed", path: "/api/chat", body: { model, messages: hi, tools: [own] }, says: called },
    { title: "embed", path: "/api/embed", body: { model: "vectors:1", input: ["a cat"] }, numbers: true },
    { title: "embeddings", path: "/api/embeddings", body: { model: "vectors:1", prompt: "a cat" }, numbers: true },
    { title: "tags", path: "/api/tags" },
    { title: "ps", path: "/api/ps" },
    { title: "show", path: "/api/show", body: { model } },
    { title: "version", path: "/api/version" },
    { title: "error: unknown model", path: "/api/chat", body: { model: "nobody", messages: hi } },
    { title: "error: images", path: "/api/generate", body: { model, prompt: "Hi", images: ["x"] } },
    { title: "error: of the wrong type", path: "/api/chat", body: { model, messages: [{ role: "king", content: "Hi" }] } },
    { title: "error: no gaps", path: "/api/generate", body: { model, prompt: "Hi", suffix: "x" } },
    { title: "error: raw and system", path: "/api/generate", body: { model, prompt: "Hi", raw: true, system: "x" } },
    { title: "error: pull", path: "/api/pull", body: { model: "llama3.2" } },
    { title: "error: another address", path: "/api/nothing", body: {} },
    { title: "error: another method", path: "/api/chat" },
    { title: "error: malformed", path: "/api/chat", body: "{" },
    { title: "error: in mid-stream", path: "/api/chat", body: { model: "broken:1", messages: hi } },
  ]);
});

test("TensorFlow Serving", () =>
  recorded("serve-tensorflow", [
    { title: "status", path: "/v1/models/speaker/versions/1" },
    { title: "metadata", path: "/v1/models/speaker/metadata" },
    { title: "metadata of an encoder", path: "/v1/models/vectors/metadata" },
    { title: "rows", path: "/v1/models/speaker:predict", body: { instances: [{ text: "Once", max_tokens: 4 }] } },
    { title: "columns", path: "/v1/models/speaker/versions/1:predict", body: { inputs: { text: ["Once"], max_tokens: [4] } } },
    { title: "vectors", path: "/v1/models/vectors:predict", body: { instances: ["a cat"] }, numbers: true },
    { title: "regress", path: "/v1/models/speaker:regress", body: { examples: [{ text: "He" }] }, numbers: true },
    { title: "error: neither", path: "/v1/models/speaker:predict", body: {} },
    { title: "error: no text", path: "/v1/models/speaker:predict", body: { instances: [1] } },
    { title: "error: NaN", path: "/v1/models/speaker:predict", body: '{"instances": [NaN]}' },
    { title: "error: unknown model", path: "/v1/models/nobody:predict", body: { instances: ["a"] } },
    { title: "error: unknown version", path: "/v1/models/speaker/versions/9" },
    { title: "error: another method", path: "/v1/models/speaker:predict" },
  ]));

test("Open Inference Protocol", () => {
  const tensor = { name: "text", shape: [1], datatype: "BYTES", data: ["Once"] };
  const text = { id: "7", text_input: "Once", parameters: { details: true, max_tokens: 3 } };
  return recorded("serve-inference", [
    { title: "server", path: "/v2" },
    { title: "live", path: "/v2/health/live" },
    { title: "ready", path: "/v2/health/ready" },
    { title: "model ready", path: "/v2/models/speaker/versions/1/ready" },
    { title: "metadata", path: "/v2/models/speaker" },
    { title: "infer", path: "/v2/models/speaker/infer", body: { id: "1", parameters: { max_tokens: 3 }, inputs: [tensor] } },
    { title: "infer vectors", path: "/v2/models/vectors/infer", body: { inputs: [tensor] }, numbers: true },
    { title: "generate", path: "/v2/models/speaker/generate", body: text },
    { title: "generate, streamed", path: "/v2/models/speaker/generate_stream", body: text },
    { title: "generate, streamed without details", path: "/v2/models/speaker/generate_stream", body: { text_input: "Once" } },
    { title: "error: no inputs", path: "/v2/models/speaker/infer", body: { inputs: [] } },
    { title: "error: another type", path: "/v2/models/speaker/infer", body: { inputs: [{ ...tensor, datatype: "FP32" }] } },
    { title: "error: no text_input", path: "/v2/models/speaker/generate", body: {} },
    { title: "error: unknown model", path: "/v2/models/nobody/generate", body: text },
    { title: "error: another address", path: "/v2/nothing", body: {} },
    { title: "error: in mid-stream", path: "/v2/models/broken/generate_stream", body: { text_input: "Once upon a time, a man" } },
  ]);
});

test("SageMaker", () =>
  recorded("serve-sagemaker", [
    { title: "ping", path: "/ping" },
    { title: "chat", path: "/invocations", body: { model: "speaker", messages: hi } },
    { title: "chat, streamed", path: "/invocations", body: { model: "speaker", messages: hi, stream: true } },
    { title: "completion", path: "/invocations", body: { model: "speaker", prompt: "Once", max_tokens: 3 } },
    {
      title: "text",
      path: "/invocations",
      body: { model: "speaker", inputs: "Once", parameters: { max_new_tokens: 3, return_full_text: true } },
    },
    { title: "rows", path: "/invocations", body: { model: "speaker", instances: [{ text: "Once", max_tokens: 3 }] } },
    { title: "error: no model", path: "/invocations", body: { prompt: "a" } },
    { title: "error: nothing asked", path: "/invocations", body: { model: "speaker" } },
  ]));
