/**
 * The gateway between each protocol of its clients and each of its upstreams, byte for byte: what the upstream is told, what the client is told,
 * whole, streamed, with calls, and errors of every kind, as they were recorded.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerText, Transcript } from "../../../test/support/wire.ts";
import { begin, eventText, type FakeUpstream, fakeUpstream, goodEvents, type Script, type TestGateway, testGateway } from "../fakes.ts";
import { anthropicScript, errorText, eventsOf, type FakeMessage } from "./fakes.ts";

type Row = Record<string, unknown>;

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await fakeUpstream((_, r) => void r.end());
});
afterAll(() => upstream.close());

const protocols = {
  openai: {},
  chatOnly: { responses: "chat" },
  anthropic: { protocol: "anthropic" },
  ollama: { protocol: "ollama" },
  tensorflow: { protocol: "tensorflow" },
  inference: { protocol: "inference" },
};
const names = Object.keys(protocols);
/** One a case: a server that was busy rests for a time, and what is recorded must not depend on the clock. */
const openGateway = (): Promise<TestGateway> =>
  testGateway(
    {
      upstreams: Object.fromEntries(
        Object.entries(protocols).map(([name, own]) => [
          name,
          { url: upstream.url, headers: { authorization: "Bearer upstream" }, ...own },
        ]),
      ),
      models: Object.fromEntries(names.map(n => [n, { targets: [{ upstream: n, model: "inner" }], maxOutputTokens: 777 }])),
      retries: { attempts: 0 },
    },
    { clock: { now: () => 1_700_000_000_000, monotonic: () => performance.now() } },
  );

/** Headers that say something to an upstream. */
const toldHeaders = ["accept", "authorization", "x-api-key", "anthropic-version", "anthropic-beta", "openai-beta", "content-type"];

interface Case {
  readonly title: string;
  readonly path: string;
  readonly body: unknown;
  readonly script: Script;
  readonly headers?: Record<string, string>;
}

async function recorded(name: string, cases: readonly Case[]): Promise<void> {
  const transcript = new Transcript(name);
  for (const { title, path, body, script, headers = {} } of cases) {
    upstream.script = script;
    upstream.received.length = 0;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const gateway = await openGateway();
    const response = await gateway.post(path, text, { headers: { "x-request-id": "r1", ...headers } });
    const answer = await answerText(response);
    transcript.title(title);
    transcript.add(`POST ${path}\n${text}`);
    for (const { path, headers, text } of upstream.received) {
      const said = toldHeaders.flatMap(h => (headers[h] === undefined ? [] : [`   ${h}: ${headers[h]}\n`]));
      transcript.add(`-> POST ${path}\n${said.join("")}${text}`);
    }
    transcript.add(answer);
    await gateway.close();
    expect(gateway.failures).toEqual([]);
  }
  transcript.compare();
}

/* what clients ask */

const schema = { type: "object", properties: { city: { type: "string" } } };
const weather = { type: "function", function: { name: "weather", description: "of a city", parameters: schema } };
const turns: Row[] = [
  { role: "system", content: "Be kind." },
  {
    role: "user",
    content: [
      { type: "text", text: "Rain in " },
      { type: "text", text: "Łódź?" },
    ],
  },
  {
    role: "assistant",
    content: "Let me look.",
    tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Łódź"}' } }],
  },
  { role: "tool", tool_call_id: "c1", content: "rain" },
  { role: "user", content: "So?" },
];
const picture = {
  role: "user",
  content: [
    { type: "text", text: "What?" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
  ],
};
const hi = [{ role: "user", content: "Hi" }];
const messageTurns: Row[] = [
  {
    role: "user",
    content: [
      { type: "text", text: "Rain?" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
    ],
  },
  {
    role: "assistant",
    content: [
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "t1", name: "weather", input: { city: "Łódź" } },
    ],
  },
  {
    role: "user",
    content: [
      { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "rain" }] },
      { type: "text", text: "So?" },
    ],
  },
];
const messageTool = { name: "weather", description: "of a city", input_schema: schema };

/* what upstreams say */

const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Script =>
  (_, r) => {
    r.writeHead(status, { "content-type": "application/json", ...headers });
    r.end(typeof value === "string" ? value : JSON.stringify(value));
  };
const lines =
  (values: readonly unknown[]): Script =>
  (_, r) => {
    r.writeHead(200, { "content-type": "application/x-ndjson" });
    r.end(values.map(v => `${JSON.stringify(v)}\n`).join(""));
  };
const events =
  (values: readonly unknown[]): Script =>
  (_, r) => {
    begin(r);
    r.end(values.map(eventText).join(""));
  };
const named =
  (values: readonly Row[]): Script =>
  (_, r) => {
    begin(r);
    r.end(values.map(v => `event: ${v.type}\ndata: ${JSON.stringify(v)}\n\n`).join(""));
  };
/** Says so much, waits until it is read, and hangs up. */
const cut =
  (text: string): Script =>
  async (_, r) => {
    begin(r);
    r.write(text);
    await new Promise(resolve => setTimeout(resolve, 50));
    r.destroy();
  };

const callOf = (id: string) => ({ id, type: "function", function: { name: "weather", arguments: '{"city":"Łódź"}' } });
const chatHead = { id: "chatcmpl-1", created: 1_700_000_000, model: "inner" };
const usage = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12, prompt_tokens_details: { cached_tokens: 3 } };
const chat = (message: Row, finish_reason: string, more: Row = {}) => ({
  ...chatHead,
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", ...message }, logprobs: null, finish_reason }],
  usage,
  ...more,
});
const chunk = (delta: Row, finish_reason: string | null = null) => ({
  ...chatHead,
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta, logprobs: null, finish_reason }],
});
const chatChunks = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "Look" }),
  chunk({ content: "." }),
  chunk({ tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "weather", arguments: "" } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '"Łódź"}' } }] }),
  chunk({ tool_calls: [{ index: 1, id: "c2", type: "function", function: { name: "now", arguments: "{}" } }] }),
  chunk({}, "tool_calls"),
  { ...chatHead, object: "chat.completion.chunk", choices: [], usage },
  "[DONE]",
];
const message: FakeMessage = {
  content: [
    { type: "thinking", thinking: "Let me think of it.", signature: "sig" },
    { type: "text", text: "Hello, Łódź." },
    { type: "tool_use", id: "t1", name: "weather", input: { city: "Łódź" } },
    { type: "tool_use", id: "t2", name: "now", input: {} },
  ],
  stop_reason: "tool_use",
  usage: { input_tokens: 5, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 9 },
};
const plainMessage: FakeMessage = { ...message, content: [{ type: "text", text: "Hello." }], stop_reason: "end_turn" };
const openaiError = { error: { message: "no such thing", type: "invalid_request_error", param: "messages", code: "bad" } };

/** Requests and errors that every chat meets. */
const chatFaults = (model: string, path: string, ask: Row, fault: (status: number, message: string) => Script): Case[] => [
  { title: "error: refused", path, body: { ...ask, model }, script: fault(400, "no such thing") },
  { title: "error: busy", path, body: { ...ask, model }, script: json(openaiError, 429, { "retry-after": "3" }) },
  { title: "error: failed", path, body: { ...ask, model }, script: fault(500, "broken") },
  { title: "error: its key refused", path, body: { ...ask, model }, script: fault(401, "no key") },
  { title: "error: no JSON", path, body: { ...ask, model }, script: json("<html>", 200) },
  { title: "error: an error inside of a 200", path, body: { ...ask, model }, script: json({ error: { message: "inside" } }) },
  { title: "error: cut at once", path, body: { ...ask, model, stream: true }, script: cut("") },
];

const openaiFault = (status: number, message: string) =>
  json({ error: { message, type: "server_error", param: null, code: null } }, status);
const anthropicFault = (status: number, message: string) => json(errorText("invalid_request_error", message), status);
const ollamaFault = (status: number, message: string) => json({ error: message }, status);

const requests = {
  plain: { messages: hi },
  whole: { messages: [...turns], max_tokens: 50, temperature: 0.5, top_p: 0.9, stop: ["x"], user: "u" },
  tools: { messages: hi, tools: [weather], tool_choice: "auto", parallel_tool_calls: true },
  stream: { messages: hi, tools: [weather], stream: true },
  usage: { messages: hi, stream: true, stream_options: { include_usage: true } },
};

test("chat to OpenAI", () => {
  const path = "/v1/chat/completions";
  const model = "openai";
  return recorded("gateway-chat-openai", [
    { title: "whole", path, body: { model, ...requests.whole }, script: json(chat({ content: "Hello." }, "stop")) },
    { title: "stream", path, body: { model, ...requests.stream }, script: events(chatChunks) },
    {
      title: "stream with usage",
      path,
      body: { model, ...requests.usage },
      script: ({ body }, r) => {
        begin(r);
        r.end(goodEvents(body, ["a", "b"]).join(""));
      },
    },
    { title: "stream without its last word", path, body: { model, ...requests.stream }, script: events(chatChunks.slice(0, -1)) },
    ...chatFaults(model, path, requests.plain, openaiFault),
    {
      title: "error: cut in mid-stream",
      path,
      body: { model, ...requests.stream },
      script: cut(chatChunks.slice(0, 3).map(eventText).join("")),
    },
    {
      title: "error: an error in mid-stream",
      path,
      body: { model, ...requests.stream },
      script: events([...chatChunks.slice(0, 3), openaiError]),
    },
    { title: "error: unknown model", path, body: { model: "nobody", messages: hi }, script: json({}) },
    { title: "error: no model", path, body: { messages: hi }, script: json({}) },
    { title: "error: no JSON asked", path, body: "{broken", script: json({}) },
    { title: "error: twice the same key", path, body: '{"model":"openai","model":"openai"}', script: json({}) },
    { title: "error: another type", path, body: "{}", script: json({}), headers: { "content-type": "text/plain" } },
    { title: "error: no key", path, body: { model, messages: hi }, script: json({}), headers: { authorization: "" } },
    { title: "error: another address", path: "/v1/nothing", body: {}, script: json({}) },
  ]);
});

test("chat to Anthropic", () => {
  const path = "/v1/chat/completions";
  const model = "anthropic";
  const says = (m: FakeMessage) => anthropicScript(() => m);
  const pieces = eventsOf(message, "inner");
  const form = { type: "json_schema", json_schema: { name: "a", schema } };
  return recorded("gateway-chat-anthropic", [
    { title: "whole", path, body: { model, ...requests.whole }, script: says(message) },
    { title: "tools", path, body: { model, ...requests.tools }, script: says(plainMessage) },
    {
      title: "picture",
      path,
      body: { model, messages: [picture], response_format: form, reasoning_effort: "low" },
      script: says(plainMessage),
    },
    { title: "stream", path, body: { model, ...requests.stream }, script: says(message) },
    { title: "stream with usage", path, body: { model, ...requests.usage }, script: says(plainMessage) },
    ...chatFaults(model, path, requests.plain, anthropicFault),
    { title: "error: cut in mid-stream", path, body: { model, ...requests.stream }, script: cut(pieces.slice(0, 9).join("")) },
    {
      title: "error: an error in mid-stream",
      path,
      body: { model, ...requests.stream },
      script: cut(`${pieces.slice(0, 9).join("")}event: error\ndata: ${errorText("overloaded_error", "busy")}\n\n`),
    },
    { title: "error: a temperature that it has not", path, body: { model, messages: hi, temperature: 1.5 }, script: json({}) },
    { title: "error: untranslated", path, body: { model, messages: hi, n: 2 }, script: json({}) },
    { title: "error: another role", path, body: { model, messages: [{ role: "king", content: "Hi" }] }, script: json({}) },
    { title: "error: no messages", path, body: { model }, script: json({}) },
  ]);
});

test("chat to Ollama", () => {
  const path = "/v1/chat/completions";
  const model = "ollama";
  const line = (message: Row, more: Row = {}) => ({
    model: "inner",
    created_at: "2026-01-01T00:00:00Z",
    message: { role: "assistant", ...message },
    done: false,
    ...more,
  });
  const end = { done: true, done_reason: "stop", prompt_eval_count: 7, eval_count: 3 };
  const call = { function: { name: "weather", arguments: { city: "Łódź" } } };
  return recorded("gateway-chat-ollama", [
    { title: "whole", path, body: { model, ...requests.whole }, script: json(line({ content: "Hello." }, end)) },
    {
      title: "call",
      path,
      body: { model, ...requests.tools },
      script: json(line({ content: "", thinking: "hm", tool_calls: [call] }, end)),
    },
    {
      title: "picture",
      path,
      body: { model, messages: [picture], response_format: { type: "json_object" }, reasoning_effort: "none" },
      script: json(line({ content: "x" }, end)),
    },
    {
      title: "stream",
      path,
      body: { model, ...requests.stream },
      script: lines([
        line({ content: "He" }),
        line({ content: "llo" }),
        line({ content: "", tool_calls: [call] }),
        line({ content: "" }, end),
      ]),
    },
    ...chatFaults(model, path, requests.plain, ollamaFault),
    { title: "error: cut in mid-stream", path, body: { model, ...requests.stream }, script: lines([line({ content: "He" })]) },
    {
      title: "error: an error in mid-stream",
      path,
      body: { model, ...requests.stream },
      script: lines([line({ content: "He" }), { error: "broken" }]),
    },
    { title: "error: a forced call", path, body: { model, messages: hi, tools: [weather], tool_choice: "required" }, script: json({}) },
  ]);
});

test("chat to servers of tensors is refused", () =>
  recorded("gateway-chat-tensors", [
    { title: "TensorFlow", path: "/v1/chat/completions", body: { model: "tensorflow", messages: hi }, script: json({}) },
    { title: "Open Inference", path: "/v1/chat/completions", body: { model: "inference", messages: hi }, script: json({}) },
  ]));

test("completions to every protocol", () => {
  const path = "/v1/completions";
  const ask = { prompt: "Once", max_tokens: 5, temperature: 0.5, stop: "x" };
  const completion = { id: "cmpl-1", object: "text_completion", created: 1_700_000_000, model: "inner" };
  const choice = (text: string, finish_reason: string | null) => ({
    ...completion,
    choices: [{ index: 0, text, logprobs: null, finish_reason }],
  });
  const generated = { model: "inner", response: " upon", done: true, done_reason: "length", prompt_eval_count: 2, eval_count: 5 };
  const details = { finish_reason: "length", logprobs: [{ id: 1, text: "a", logprob: -1 }] };
  return recorded("gateway-completions", [
    { title: "OpenAI", path, body: { model: "openai", ...ask }, script: json({ ...choice(" upon", "length"), usage }) },
    {
      title: "OpenAI, streamed",
      path,
      body: { model: "openai", ...ask, stream: true },
      script: events([choice(" up", null), choice("on", "length"), "[DONE]"]),
    },
    { title: "Ollama", path, body: { model: "ollama", ...ask }, script: json(generated) },
    {
      title: "Ollama, streamed",
      path,
      body: { model: "ollama", ...ask, stream: true, stream_options: { include_usage: true } },
      script: lines([
        { response: " up", done: false },
        { ...generated, response: "on" },
      ]),
    },
    {
      title: "Ollama, error in mid-stream",
      path,
      body: { model: "ollama", ...ask, stream: true },
      script: lines([{ response: " up", done: false }, { error: "broken" }]),
    },
    { title: "TensorFlow", path, body: { model: "tensorflow", ...ask }, script: json({ predictions: [" upon a time"] }) },
    {
      title: "TensorFlow, streamed",
      path,
      body: { model: "tensorflow", ...ask, stream: true },
      script: json({ predictions: [{ text: " upon" }] }),
    },
    { title: "TensorFlow, refused", path, body: { model: "tensorflow", ...ask }, script: json({ error: "no such model" }, 404) },
    { title: "TensorFlow, malformed", path, body: { model: "tensorflow", ...ask }, script: json({ outputs: [] }) },
    { title: "Open Inference", path, body: { model: "inference", ...ask }, script: json({ text_output: " upon", details }) },
    {
      title: "Open Inference, streamed",
      path,
      body: { model: "inference", ...ask, stream: true, stream_options: { include_usage: true } },
      script: events([{ text_output: " up" }, { text_output: "on", details }]),
    },
    { title: "Open Inference, refused", path, body: { model: "inference", ...ask }, script: json({ error: "no such model" }, 404) },
    { title: "Open Inference, malformed", path, body: { model: "inference", ...ask }, script: json({ outputs: [] }) },
    { title: "Anthropic", path, body: { model: "anthropic", ...ask }, script: json({}) },
    { title: "error: token ids", path, body: { model: "ollama", prompt: [1, 2] }, script: json({}) },
    { title: "error: several prompts", path, body: { model: "inference", prompt: ["a", "b"] }, script: json({}) },
    { title: "error: untranslated", path, body: { model: "tensorflow", prompt: "a", echo: true }, script: json({}) },
  ]);
});

test("embeddings and moderations to every protocol", () => {
  const path = "/v1/embeddings";
  const input = ["a", "b"];
  const vectors = [
    [0.5, 1],
    [-2, 0.25],
  ];
  const listed = {
    object: "list",
    data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })),
    model: "inner",
    usage: { prompt_tokens: 2, total_tokens: 2 },
  };
  return recorded("gateway-embeddings", [
    { title: "OpenAI", path, body: { model: "openai", input }, script: json(listed) },
    { title: "Ollama", path, body: { model: "ollama", input }, script: json({ embeddings: vectors, prompt_eval_count: 2 }) },
    {
      title: "Ollama, in base64",
      path,
      body: { model: "ollama", input, encoding_format: "base64" },
      script: json({ embeddings: vectors }),
    },
    {
      title: "TensorFlow",
      path,
      body: { model: "tensorflow", input },
      script: json({ predictions: vectors.map(embedding => ({ embedding })) }),
    },
    {
      title: "Open Inference",
      path,
      body: { model: "inference", input },
      script: json({ outputs: [{ name: "embedding", data: vectors }] }),
    },
    { title: "error: too few", path, body: { model: "ollama", input }, script: json({ embeddings: [[1]] }) },
    { title: "error: token ids", path, body: { model: "inference", input: [1, 2] }, script: json({}) },
    { title: "error: Anthropic has none", path, body: { model: "anthropic", input }, script: json({}) },
    {
      title: "moderations to TensorFlow",
      path: "/v1/moderations",
      body: { model: "tensorflow", input: "a" },
      script: json({
        result: [
          [
            ["spam", 0.75],
            ["fine", 0.25],
          ],
        ],
      }),
    },
    { title: "moderations, malformed", path: "/v1/moderations", body: { model: "tensorflow", input: "a" }, script: json({ result: [] }) },
  ]);
});

test("responses to every protocol", () => {
  const path = "/v1/responses";
  const input = [
    { role: "user", content: [{ type: "input_text", text: "Rain?" }] },
    { type: "function_call", call_id: "c1", name: "weather", arguments: "{}" },
    { type: "function_call_output", call_id: "c1", output: "rain" },
  ];
  const tools = [{ type: "function", name: "weather", parameters: schema }];
  const response = {
    id: "resp_1",
    object: "response",
    status: "completed",
    model: "inner",
    output: [],
    usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 },
  };
  return recorded("gateway-responses", [
    { title: "OpenAI", path, body: { model: "openai", input: "Hi" }, script: json(response) },
    {
      title: "OpenAI, streamed",
      path,
      body: { model: "openai", input: "Hi", stream: true },
      script: named([
        { type: "response.created", response, sequence_number: 0 },
        { type: "response.output_text.delta", delta: "Hi", sequence_number: 1 },
        { type: "response.completed", response, sequence_number: 2 },
      ]),
    },
    {
      title: "OpenAI, cut in mid-stream",
      path,
      body: { model: "openai", input: "Hi", stream: true },
      script: named([
        { type: "response.created", response, sequence_number: 0 },
        { type: "response.output_text.delta", delta: "Hi", sequence_number: 1 },
      ]),
    },
    {
      title: "a chat",
      path,
      body: { model: "chatOnly", input, instructions: "Be kind.", tools, max_output_tokens: 9 },
      script: json(chat({ content: "Look.", tool_calls: [callOf("c1")] }, "tool_calls")),
    },
    { title: "a chat, streamed", path, body: { model: "chatOnly", input, tools, stream: true }, script: events(chatChunks) },
    {
      title: "a chat, cut off",
      path,
      body: { model: "chatOnly", input: "Hi", stream: true },
      script: events([chunk({ content: "He" }), chunk({}, "length"), "[DONE]"]),
    },
    {
      title: "a chat, error in mid-stream",
      path,
      body: { model: "chatOnly", input: "Hi", stream: true },
      script: events([chunk({ content: "He" }), openaiError]),
    },
    { title: "Anthropic", path, body: { model: "anthropic", input, tools }, script: anthropicScript(() => message) },
    {
      title: "Anthropic, streamed",
      path,
      body: { model: "anthropic", input: "Hi", tools, stream: true },
      script: anthropicScript(() => message),
    },
    {
      title: "Ollama, streamed",
      path,
      body: { model: "ollama", input: "Hi", stream: true },
      script: lines([
        { message: { content: "He" }, done: false },
        { message: { content: "y" }, done: true, done_reason: "stop", prompt_eval_count: 2, eval_count: 2 },
      ]),
    },
    { title: "error: kept elsewhere", path, body: { model: "chatOnly", input: "Hi", previous_response_id: "resp_9" }, script: json({}) },
    {
      title: "error: an item of another kind",
      path,
      body: { model: "chatOnly", input: [{ type: "image_generation_call" }] },
      script: json({}),
    },
    { title: "error: no such protocol", path, body: { model: "tensorflow", input: "Hi" }, script: json({}) },
  ]);
});

test("Anthropic's Messages to every protocol", () => {
  const path = "/v1/messages";
  const headers = { "anthropic-version": "2023-06-01", "anthropic-beta": "b1" };
  const ask = { max_tokens: 50, messages: hi };
  const whole = {
    system: [{ type: "text", text: "Be kind." }],
    max_tokens: 50,
    messages: messageTurns,
    tools: [messageTool],
    tool_choice: { type: "any" },
    stop_sequences: ["x"],
    metadata: { user_id: "u" },
  };
  const stream = { ...ask, stream: true, tools: [messageTool] };
  const thinking = { ...ask, max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 1024 } };
  const cases: Case[] = [
    {
      title: "OpenAI",
      path,
      body: { model: "openai", ...whole },
      script: json(chat({ content: "Look.", tool_calls: [callOf("c1")] }, "tool_calls")),
    },
    { title: "OpenAI, streamed", path, body: { model: "openai", ...stream }, script: events(chatChunks) },
    {
      title: "OpenAI, cut in mid-stream",
      path,
      body: { model: "openai", ...stream },
      script: cut(chatChunks.slice(0, 3).map(eventText).join("")),
    },
    { title: "Anthropic", path, body: { model: "anthropic", ...whole }, script: anthropicScript(() => message) },
    { title: "Anthropic, thinking", path, body: { model: "anthropic", ...thinking }, script: anthropicScript(() => message) },
    { title: "Anthropic, streamed", path, body: { model: "anthropic", ...stream }, script: anthropicScript(() => message) },
    {
      title: "Anthropic, cut in mid-stream",
      path,
      body: { model: "anthropic", ...stream },
      script: cut(eventsOf(message, "inner").slice(0, 9).join("")),
    },
    {
      title: "Ollama",
      path,
      body: { model: "ollama", ...ask },
      script: json({ message: { content: "Hello." }, done: true, done_reason: "stop", prompt_eval_count: 2, eval_count: 2 }),
    },
    {
      title: "Ollama, streamed",
      path,
      body: { model: "ollama", ...ask, stream: true },
      script: lines([
        { message: { content: "He" }, done: false },
        { message: { content: "y" }, done: true, done_reason: "length", prompt_eval_count: 2, eval_count: 2 },
      ]),
    },
    ...chatFaults("openai", path, ask, openaiFault),
    ...chatFaults("anthropic", path, ask, anthropicFault).map(c => ({ ...c, title: `Anthropic, ${c.title}` })),
    { title: "error: no max_tokens", path, body: { model: "openai", messages: hi }, script: json({}) },
    { title: "error: untranslated", path, body: { model: "openai", ...thinking }, script: json({}) },
    {
      title: "error: a block of another kind",
      path,
      body: { model: "openai", ...ask, messages: [{ role: "user", content: [{ type: "search_result" }] }] },
      script: json({}),
    },
    { title: "error: unknown model", path, body: { model: "nobody", ...ask }, script: json({}) },
    { title: "error: no key", path, body: { model: "openai", ...ask }, script: json({}), headers: { authorization: "" } },
    { title: "counted", path: "/v1/messages/count_tokens", body: { model: "openai", messages: hi }, script: json({}) },
  ];
  return recorded(
    "gateway-messages",
    cases.map(c => ({ ...c, headers: { ...headers, ...c.headers } })),
  );
});
