/** Ollama's own API: what a request becomes, and what a server may answer that Loam's own never does (errors in mid-stream, calls with ids, thinking). */
import OpenAI, { APIError, BadRequestError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, type Script, type TestGateway, testGateway } from "../fakes.ts";

type Row = Record<string, unknown>;
let upstream: FakeUpstream;
let gateway: TestGateway;
let client: OpenAI;

const line = (value: object) => `${JSON.stringify({ model: "m", created_at: "2026-01-01T00:00:00Z", ...value })}\n`;
const piece = (content: string, more: object = {}) => line({ message: { role: "assistant", content, ...more }, done: false });
const end = { done: true, done_reason: "stop", prompt_eval_count: 11, eval_count: 4 };
const calls = [{ function: { name: "weather", arguments: { city: "Łódź" } } }, { id: "own", function: { name: "now", arguments: {} } }];
/** Says it whole or in lines, as it is asked. */
const says =
  (message: Row, lines: readonly string[]): Script =>
  ({ body }, response) => {
    response.writeHead(200, { "content-type": body.stream === true ? "application/x-ndjson" : "application/json" });
    if (body.stream === true) for (const l of lines) response.write(l);
    response.end(line({ message: body.stream === true ? { role: "assistant", content: "" } : message, ...end }));
  };

beforeEach(async () => {
  upstream = await fakeUpstream(says({ role: "assistant", content: "Hello." }, [piece("Hel"), piece("lo.")]));
  gateway = await testGateway({
    // an address as people have it for Ollama's OpenAI side
    upstreams: { local: { url: upstream.url, protocol: "ollama" }, lax: { url: upstream.url, protocol: "ollama", untranslated: "drop" } },
    models: { m: { targets: [{ upstream: "local" }] }, lax: { targets: [{ upstream: "lax", model: "m" }] } },
    retries: { attempts: 0 },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const weather = { type: "function" as const, function: { name: "weather", parameters: { type: "object" } } };
const sent = async (body: Row): Promise<Row> => {
  await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "Hi" }], ...body } as never);
  return upstream.received.at(-1)!.body;
};
const refused = async (body: Row): Promise<string | null | undefined> => {
  const before = upstream.received.length;
  const error = await sent(body).then(
    () => undefined,
    e => e as BadRequestError,
  );
  expect(error).toBeInstanceOf(BadRequestError);
  expect(upstream.received.length).toBe(before);
  return error!.param;
};

test("messages, pictures, calls, results by their tool's name, bounds and forms are told in Ollama's words", async () => {
  const body = await sent({
    messages: [
      { role: "developer", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
        ],
      },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "rain" },
    ],
    tools: [weather],
    tool_choice: "auto",
    max_completion_tokens: 9,
    stop: "x",
    seed: 3,
    presence_penalty: 0.5,
    reasoning_effort: "low",
    response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } },
  });
  expect(upstream.received.at(-1)!.path).toBe("/api/chat");
  expect(body).toEqual({
    model: "m",
    stream: false,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "What is this?", images: ["AA=="] },
      { role: "assistant", content: "", tool_calls: [{ id: "c1", function: { name: "weather", arguments: { city: "Rome" } } }] },
      { role: "tool", content: "rain", tool_name: "weather", tool_call_id: "c1" },
    ],
    tools: [weather],
    format: { type: "object" },
    think: "low",
    options: { temperature: 1, top_p: 1, seed: 3, presence_penalty: 0.5, stop: ["x"], num_predict: 9 },
  });
  expect(await sent({ tools: [weather], tool_choice: "none", response_format: { type: "json_object" }, reasoning_effort: "none" })).toEqual(
    {
      model: "m",
      stream: false,
      messages: [{ role: "user", content: "Hi" }],
      format: "json",
      think: false,
      options: { temperature: 1, top_p: 1 },
    },
  );
});

test("what Ollama cannot be told is named before any call; a lenient server's requests leave it out", async () => {
  expect(await refused({ n: 2 })).toBe("n");
  expect(await refused({ logprobs: true })).toBe("logprobs");
  expect(await refused({ logit_bias: { 1: 2 } })).toBe("logit_bias");
  expect(await refused({ tools: [weather], tool_choice: "required" })).toBe("tool_choice");
  const url = "https://example.org/a.png";
  expect(await refused({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] })).toBe(
    "messages[0].content[0]",
  );
  const lax = await sent({ model: "lax", tools: [weather], tool_choice: "required", logprobs: true, logit_bias: { 1: 2 } });
  expect([lax.tools, lax.tool_choice, lax.logprobs, lax.logit_bias]).toEqual([[weather], undefined, undefined, undefined]);
  expect(await refused({ model: "lax", n: 2 })).toBe("n");
});

test("calls come with ids, whole and streamed, thinking as reasoning_content, counts as they are said", async () => {
  const message = { role: "assistant", content: "Look.", thinking: "Hm.", tool_calls: calls };
  upstream.script = says(message, [piece("", { thinking: "Hm." }), piece("Look."), piece("", { tool_calls: calls })]);
  const ask = { model: "m", messages: [{ role: "user" as const, content: "Rain?" }], tools: [weather] };
  const whole = await client.chat.completions.create(ask);
  const streamed = await client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } }).finalChatCompletion();
  for (const { choices, usage } of [whole, streamed]) {
    expect(choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: {
        content: "Look.",
        tool_calls: [
          { id: expect.stringMatching(/^call_/), function: { name: "weather", arguments: '{"city":"Łódź"}' } },
          { id: "own", function: { name: "now", arguments: "{}" } },
        ],
      },
    });
    expect(usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 4, total_tokens: 15 });
  }
  expect(whole.choices[0]!.message).toMatchObject({ reasoning_content: "Hm." });
});

test("an error keeps its words: as a status, in a 200, and in mid-stream, where it ends the answer", async () => {
  const read = async () => {
    let text = "";
    try {
      for await (const c of await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "Hi" }], stream: true }))
        text += c.choices[0]?.delta.content ?? "";
      return { text, error: undefined };
    } catch (error) {
      return { text, error };
    }
  };
  upstream.script = (_, r) => {
    r.writeHead(404, { "content-type": "application/json" });
    r.end('{"error":"model \\"m\\" not found, try pulling it first"}');
  };
  const gone = await sent({}).then(
    () => undefined,
    e => e as APIError,
  );
  expect([gone!.status, gone!.message]).toEqual([404, '404 model "m" not found, try pulling it first']);
  for (const last of [`{"error":"out of memory"}\n`, "{{{\n", undefined]) {
    upstream.script = async (_, r) => {
      r.writeHead(200, { "content-type": "application/x-ndjson" });
      r.write(piece("Hel"));
      await new Promise(resolve => setTimeout(resolve, 20));
      if (last === undefined) r.destroy();
      else r.end(last);
    };
    const { text, error } = await read();
    expect([text, error]).toEqual(["Hel", expect.any(APIError)]);
  }
});

test("a last line without its end is read; a completion keeps OpenAI's bound and is a text as it is", async () => {
  upstream.script = ({ body }, r) => {
    r.writeHead(200, { "content-type": "application/x-ndjson" });
    r.write(line({ response: "a ", done: false }));
    r.end(line({ response: "", ...end, done_reason: "length" }).trimEnd());
    expect(body).toEqual({ model: "m", prompt: "Once", raw: true, stream: true, options: { temperature: 1, top_p: 1, num_predict: 16 } });
  };
  const got: [string, string | null][] = [];
  for await (const c of await client.completions.create({ model: "m", prompt: "Once", stream: true }))
    got.push([c.choices[0]!.text, c.choices[0]!.finish_reason]);
  expect(got).toEqual([
    ["a ", null],
    ["", "length"],
  ]);
  expect(upstream.received.at(-1)!.path).toBe("/api/generate");
});

test("vectors that are not as many as the texts, or no numbers, are no answer", async () => {
  for (const embeddings of [[[1, 2]], [[1], ["a"]], "none", undefined]) {
    upstream.script = (_, r) => {
      r.writeHead(200, { "content-type": "application/json" });
      r.end(JSON.stringify({ model: "m", embeddings, prompt_eval_count: 4 }));
    };
    const error = await client.embeddings.create({ model: "m", input: ["a", "b"] }).then(
      () => undefined,
      e => e as APIError,
    );
    expect(error?.status).toBe(502);
    await gateway.close();
    gateway = await testGateway({
      upstreams: { local: { url: upstream.url, protocol: "ollama" } },
      models: { m: { targets: [{ upstream: "local" }] } },
      retries: { attempts: 0 },
    });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  }
});
