/** TensorFlow Serving, the Open Inference Protocol, SageMaker and Ollama (by its own client) over one server. */
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeEach, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { speaker, tinyEncoder } from "./fakes.ts";
import { parseJson, stringifyJson } from "./tensorflow/json.ts";

const device = openDevice("cpu", { threads: 1 });
const tiny = (version: number, aliases: string[]) =>
  tinyModel(device, { id: `mail@${version}`, name: "mail", version, aliases, chatTemplate: chatTemplate() });
const first = createEngine({ model: await tiny(1, ["mail@champion"]), device, slots: 2 });
const second = createEngine({ model: await tiny(2, ["mail@latest", "mail"]), device, slots: 2 });
const said = await speaker(device, {
  id: "speaker@1",
  name: "speaker",
  version: 1,
  aliases: ["speaker"],
  chatTemplate: chatTemplate(
    "{% if tools %}[{{ tools[0].function.name }}]{% endif %}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}<tool_call>{{ m.tool_calls[0].function.name }}{% endif %}{% endfor %}<|assistant|>",
  ),
});
const encoder = createEmbeddingEngine({
  model: await tinyEncoder(device, { id: "vectors@1", name: "vectors", version: 1, aliases: ["vectors"] }),
  device,
});
await Promise.all([first.ready, second.ready, encoder.ready]);
const failures: unknown[] = [];
const app = createApp({
  engines: [first, second, said.engine],
  encoders: [encoder],
  version: "1.2.3",
  onFailure: e => failures.push(e),
});
const server = await listen(app, { port: 0 });
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
const vectorsOf = async (input: string[]) => (await openai.embeddings.create({ model: "vectors", input })).data.map(d => d.embedding);
beforeEach(() => {
  said.prompts.length = 0;
});
afterAll(async () => {
  await server.close();
  expect(failures).toEqual([]);
});

/** Bodies of many shapes, looked at by expect. */
type Reply = ReturnType<typeof JSON.parse>;
const get = async (path: string): Promise<[number, Reply]> => {
  const r = await fetch(`${server.url}${path}`);
  return [r.status, (await r.json()) as Reply];
};
const post = async (path: string, body: unknown): Promise<[number, Reply]> => {
  const r = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return [r.status, parseJson(await r.text()) as Reply];
};

test("TensorFlow: status of all versions, of one, of a label; the same address is OpenAI's too", async () => {
  const state = (version: string) => ({ version, state: "AVAILABLE", status: { error_code: "OK", error_message: "" } });
  const [status, body] = await get("/v1/models/mail");
  expect(status).toBe(200);
  expect(body.model_version_status).toEqual([state("2"), state("1")]);
  expect(await openai.models.retrieve("mail")).toMatchObject({ id: "mail", object: "model", root: "mail@2" });
  expect((await get("/v1/models/mail/versions/1"))[1]).toEqual({ model_version_status: [state("1")] });
  expect((await get("/v1/models/mail/labels/champion"))[1]).toEqual({ model_version_status: [state("1")] });
  expect((await get("/v1/models/mail/labels/latest"))[1]).toEqual({ model_version_status: [state("2")] });
  for (const path of ["/v1/models/mail/versions/9", "/v1/models/mail/labels/old", "/v1/models/none/metadata"]) {
    const [code, error] = await get(path);
    expect([code, Object.keys(error), typeof error.error]).toEqual([404, ["error"], "string"]);
  }
  expect((await get("/v1/models/mail/versions/one"))[0]).toBe(400);
});

test("TensorFlow: metadata names what goes in and out", async () => {
  const [, encoderMeta] = await get("/v1/models/vectors/metadata");
  const signature = encoderMeta.metadata.signature_def.signature_def.serving_default;
  expect(encoderMeta.model_spec).toEqual({ name: "vectors", signature_name: "", version: "1" });
  expect(signature.inputs.text.dtype).toBe("DT_STRING");
  expect(signature.outputs.embedding.tensor_shape.dim.map((d: { size: string }) => d.size)).toEqual(["-1", "32"]);
  const [, decoderMeta] = await get("/v1/models/mail/versions/1/metadata");
  expect(Object.keys(decoderMeta.metadata.signature_def.signature_def)).toEqual([
    "serving_default",
    "score",
    "log_likelihood",
    "next_token",
  ]);
});

test("TensorFlow: rows, named rows, columns and bytes give an encoder's vectors", async () => {
  const texts = ["a cat", "a dog"];
  const want = await vectorsOf(texts);
  const b64 = texts.map(t => ({ b64: Buffer.from(t).toString("base64") }));
  for (const body of [{ instances: texts }, { instances: texts.map(text => ({ text })) }, { instances: b64 }])
    expect(await post("/v1/models/vectors:predict", body)).toEqual([200, { predictions: want }]);
  for (const inputs of [texts, { text: texts }, { text: b64 }])
    expect(await post("/v1/models/vectors/versions/1:predict", { inputs, signature_name: "serving_default" })).toEqual([
      200,
      { outputs: want },
    ]);
  // one row, not a list of one, is a column of one
  expect((await post("/v1/models/vectors:predict", { inputs: "a cat" }))[1].outputs).toEqual([want[0]]);
});

test("TensorFlow: a decoder continues, scores, classifies the next token and regresses, as the other contracts say", async () => {
  const own = await openai.completions.create({ model: "mail@2", prompt: "Once", max_tokens: 9, temperature: 0 });
  const [, rows] = await post("/v1/models/mail:predict", {
    instances: [
      { text: "Once", max_tokens: 9, temperature: 0 },
      { text: "Once", max_tokens: 2, temperature: 0 },
    ],
  });
  expect(rows.predictions[0]).toBe(own.choices[0]!.text);
  expect(rows.predictions[1].length).toBeLessThan(rows.predictions[0].length);
  const [, columns] = await post("/v1/models/mail:predict", { inputs: { text: ["Once"], max_tokens: [9], temperature: [0] } });
  expect(columns.outputs).toEqual([own.choices[0]!.text]);

  const [, scored] = await post("/v1/models/mail:predict", { signature_name: "score", instances: ["Once upon", "x"] });
  const [, direct] = await post("/v1/score", { model: "mail@2", input: ["Once upon", "x"] });
  expect(scored.predictions.map((p: Reply) => p.log_likelihood)).toEqual(direct.data.map((d: Reply) => d.log_likelihood));
  expect(scored.predictions.map((p: Reply) => p.num_tokens)).toEqual([9, 1]);
  const [, regressed] = await post("/v1/models/mail:regress", { examples: [{ text: ["Once upon"] }, { text: "x" }] });
  expect(regressed.result).toEqual(scored.predictions.map((p: Reply) => p.log_likelihood));

  const [, classified] = await post("/v1/models/mail:classify", { examples: [{}], context: { text: "Once" } });
  expect(classified.result[0].length).toBe(10);
  const next = await openai.completions.create({ model: "mail@2", prompt: "Once", max_tokens: 1, temperature: 0, logprobs: 1 });
  expect(Math.log(classified.result[0][0][1])).toBeCloseTo(next.choices[0]!.logprobs!.token_logprobs![0]!, 6);
});

test("TensorFlow: what is wrong is a sentence under error, with its status", async () => {
  const cases: [string, unknown, number, RegExp][] = [
    ["/v1/models/vectors:predict", {}, 400, /either instances or inputs, got neither/],
    ["/v1/models/vectors:predict", { instances: ["a"], inputs: ["a"] }, 400, /both/],
    ["/v1/models/vectors:predict", { instances: [] }, 400, /1 to 2048 rows/],
    ["/v1/models/vectors:predict", { instances: [1] }, 400, /instances\[0\]: expected a text/],
    ["/v1/models/vectors:predict", { instances: [{ b64: "/w==" }] }, 400, /UTF-8/],
    ["/v1/models/vectors:predict", { instances: ["a"], signature_name: "other" }, 400, /signature_name: expected one of serving_default/],
    ["/v1/models/vectors:classify", { examples: [{ text: "a" }] }, 400, /answers no classify/],
    ["/v1/models/mail:predict", { inputs: { text: ["a"], max_tokens: [1, 2] } }, 400, /inputs.max_tokens: expected 1 values/],
    ["/v1/models/mail:predict", { instances: [{ text: "a", max_tokens: "many" }] }, 400, /max_tokens/],
    ["/v1/models/mail:predict", { instances: [{ text: "a", colour: 1 }] }, 400, /colour|Unrecognized/],
    ["/v1/models/mail:regress", { examples: "a" }, 400, /examples/],
    ["/v1/models/none:predict", { instances: ["a"] }, 404, /none/],
    ["/v1/models/vectors:predict", '{"instances": [NaN]}', 400, /instances\[0\]: expected a text/],
    ["/v1/models/vectors:predict", "{broken", 400, /JSON/],
  ];
  for (const [path, body, status, sentence] of cases) {
    const [code, error] = await post(path, body);
    expect([code, Object.keys(error)], JSON.stringify(body)).toEqual([status, ["error"]]);
    expect(error.error).toMatch(sentence);
  }
  const wrong = await fetch(`${server.url}/v1/models/mail:predict`);
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
});

test("TensorFlow's JSON has NaN and Infinity, and texts that say so stay texts", () => {
  const text = '{"a": [NaN, -Infinity, Infinity, 1], "b": "NaN, \\"Infinity", "NaN": null}';
  const value = parseJson(text);
  expect(value).toEqual({ a: [Number.NaN, -Infinity, Infinity, 1], b: 'NaN, "Infinity', NaN: null });
  expect(parseJson(stringifyJson(value))).toEqual(value);
  expect(stringifyJson([Number.NaN, -Infinity])).toBe("[NaN,-Infinity]");
});

test("Open Inference Protocol: health, metadata and infer of both kinds of model, by version too", async () => {
  expect((await get("/v2"))[1]).toEqual({
    name: "loam",
    version: "1.2.3",
    extensions: expect.arrayContaining(["generate", "generate_stream", "binary_tensor_data", "model_repository", "statistics"]),
  });
  expect(await get("/v2/health/live")).toEqual([200, { live: true }]);
  expect(await get("/v2/health/ready")).toEqual([200, { ready: true }]);
  expect((await get("/v2/models/mail/versions/1/ready"))[1]).toEqual({ model_name: "mail", model_version: "1", ready: true });
  expect((await get("/v2/models/vectors"))[1]).toEqual({
    name: "vectors",
    versions: ["1"],
    platform: "loam_onnxruntime",
    inputs: [{ name: "text", datatype: "BYTES", shape: [-1] }],
    outputs: [{ name: "embedding", datatype: "FP32", shape: [-1, 32] }],
  });
  const [, inferred] = await post("/v2/models/vectors/infer", {
    id: "42",
    inputs: [{ name: "text", shape: [2, 1], datatype: "BYTES", data: [["a cat"], ["a dog"]] }],
    outputs: [{ name: "embedding" }],
  });
  expect(inferred).toMatchObject({ id: "42", model_name: "vectors", model_version: "1", outputs: [{ shape: [2, 32], datatype: "FP32" }] });
  expect(inferred.outputs[0].data).toEqual((await vectorsOf(["a cat", "a dog"])).flat());
  const own = await openai.completions.create({ model: "mail@1", prompt: "Once", max_tokens: 9, temperature: 0 });
  const [, text] = await post("/v2/models/mail/versions/1/infer", {
    parameters: { max_tokens: 9, temperature: 0 },
    inputs: [{ name: "text", shape: [1], datatype: "BYTES", data: ["Once"] }],
  });
  expect(text.outputs).toEqual([{ name: "text", datatype: "BYTES", shape: [1], data: [own.choices[0]!.text] }]);
});

test("Open Inference Protocol: generate, whole = streamed, and why it ended", async () => {
  said.text = "One. Two. Three.";
  const body = { id: "7", text_input: "Count, please, to three.", parameters: { details: true, max_tokens: 50, stop: ["Three"] } };
  const [status, whole] = await post("/v2/models/speaker/generate", body);
  expect(status).toBe(200);
  expect(whole).toMatchObject({
    id: "7",
    model_name: "speaker",
    model_version: "1",
    text_output: "One. Two. ",
    details: { finish_reason: "stop_sequence" },
  });
  expect(whole.details.logprobs.map((l: Reply) => l.text).join("")).toBe("One. Two. ");
  const stream = await fetch(`${server.url}/v2/models/speaker/generate_stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(stream.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const events = (await stream.text())
    .trim()
    .split("\n\n")
    .map(e => JSON.parse(e.replace(/^data: /, "")) as Reply);
  expect(events.map(e => e.text_output).join("")).toBe("One. Two. ");
  expect(events.at(-1)!.details.finish_reason).toBe("stop_sequence");
  const reason = async (parameters: object) =>
    (await post("/v2/models/speaker/generate", { text_input: "Count to three, please.", parameters: { details: true, ...parameters } }))[1]
      .details.finish_reason;
  expect([await reason({ max_tokens: 3 }), await reason({})]).toEqual(["length", "eos_token"]);
});

test("Open Inference Protocol: what is wrong is a sentence; the text extension says 422", async () => {
  const tensor = { name: "text", shape: [1], datatype: "BYTES", data: ["a"] };
  const cases: [string, unknown, number, RegExp][] = [
    ["/v2/models/vectors/infer", { inputs: [] }, 400, /inputs/],
    ["/v2/models/vectors/infer", { inputs: [{ ...tensor, name: "x" }] }, 400, /one tensor, text/],
    ["/v2/models/vectors/infer", { inputs: [{ ...tensor, datatype: "FP32" }] }, 400, /BYTES/],
    ["/v2/models/vectors/infer", { inputs: [{ ...tensor, shape: [3] }] }, 400, /3 values/],
    ["/v2/models/vectors/infer", { inputs: [{ ...tensor, data: [1] }] }, 400, /a text/],
    ["/v2/models/vectors/infer", { inputs: [tensor], outputs: [{ name: "x" }] }, 400, /embedding/],
    ["/v2/models/none/infer", { inputs: [tensor] }, 404, /none/],
    ["/v2/models/mail/generate", {}, 422, /text_input/],
    ["/v2/models/mail/generate", { text_input: "a", parameters: { temperature: 9 } }, 422, /temperature/],
    ["/v2/models/vectors/generate", { text_input: "a" }, 422, /embeds/],
    ["/v2/models/mail/versions/7/generate_stream", { text_input: "a" }, 404, /version 7/],
    ["/v2/nothing/here", {}, 404, /nothing at this address/],
  ];
  for (const [path, body, status, sentence] of cases) {
    const [code, error] = await post(path, body);
    expect([code, Object.keys(error)], path + JSON.stringify(body)).toEqual([status, ["error"]]);
    expect(error.error).toMatch(sentence);
  }
});

test("SageMaker: ping, and invocations by what the body holds", async () => {
  expect((await get("/ping"))[0]).toBe(200);
  said.text = "Hello.";
  const [, chat] = await post("/invocations", { model: "speaker", messages: [{ role: "user", content: "Hi" }] });
  expect(chat.choices[0].message.content).toBe("Hello.");
  const [, completion] = await post("/invocations", { model: "mail@1", prompt: "Once", max_tokens: 4, temperature: 0 });
  const own = await openai.completions.create({ model: "mail@1", prompt: "Once", max_tokens: 4, temperature: 0 });
  expect(completion.choices).toEqual(own.choices);
  const want = await vectorsOf(["a cat"]);
  expect((await post("/invocations", { model: "vectors", input: ["a cat"] }))[1].data[0].embedding).toEqual(want[0]);
  expect((await post("/invocations", { model: "vectors", inputs: "a cat" }))[1]).toEqual(want);
  expect((await post("/invocations", { model: "vectors", instances: ["a cat"] }))[1]).toEqual({ predictions: want });
  const [, text] = await post("/invocations", {
    model: "mail@1",
    inputs: "Once",
    parameters: { max_new_tokens: 4, return_full_text: true },
  });
  expect(text).toEqual([{ generated_text: `Once${own.choices[0]!.text}` }]);
  const [code, error] = await post("/invocations", { prompt: "a" });
  expect([code, error.error.param]).toEqual([400, "model"]);
  expect((await post("/invocations", { model: "mail", colour: 1 }))[0]).toBe(400);
  const stream = await fetch(`${server.url}/invocations`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-amzn-sagemaker-custom-attributes": "anything" },
    body: JSON.stringify({ model: "speaker", messages: [{ role: "user", content: "Hi" }], stream: true }),
  });
  expect(await stream.text()).toMatch(/data: \[DONE\]\n\n$/);
});

test("TensorFlow and Ollama take bodies as curl sends them; OpenAI's are declared; other origins' pages are refused by all", async () => {
  said.text = "Hello.";
  const asked = [
    ["/v1/models/mail:predict", { signature_name: "score", instances: ["abc"] }],
    ["/api/chat", { model: "speaker", messages: [{ role: "user", content: "Hi" }], stream: false }],
    ["/v1/completions", { model: "mail", prompt: "a", max_tokens: 1 }],
  ] as const;
  const send = (path: string, body: object, headers: Record<string, string>) =>
    // bytes have no type of their own
    fetch(`${server.url}${path}`, { method: "POST", headers, body: Buffer.from(JSON.stringify(body)) }).then(r => r.status);
  for (const [i, [path, body]] of asked.entries()) {
    const isFree = i < 2;
    expect(await send(path, body, {}), path).toBe(isFree ? 200 : 415);
    expect(await send(path, body, { "content-type": "application/x-www-form-urlencoded" }), path).toBe(isFree ? 200 : 415);
    expect(await send(path, body, { "content-type": "text/plain", origin: "https://evil.example" }), path).toBe(isFree ? 403 : 415);
    expect(await send(path, body, { "content-type": "application/json", origin: server.url }), path).toBe(200);
  }
});

const ollama = new Ollama({ host: server.url });

test("Ollama's client: lists, versions and details", async () => {
  const { models } = await ollama.list();
  expect(models.map(m => m.name)).toEqual(["mail:1", "mail:2", "speaker:1", "vectors:1"]);
  expect(models[0]!.details.parameter_size).toMatch(/K$/);
  expect((await ollama.ps()).models.length).toBe(4);
  expect(await ollama.version()).toEqual({ version: "1.2.3" });
  expect((await ollama.show({ model: "speaker:1" })).capabilities).toEqual(["completion", "tools"]);
  expect((await ollama.show({ model: "vectors" })).capabilities).toEqual(["embedding"]);
});

test("Ollama's client: generate and chat, whole = streamed", async () => {
  said.text = "Hello there.";
  const whole = await ollama.generate({ model: "speaker:1", prompt: "Hi", system: "Be kind." });
  expect(whole).toMatchObject({ response: "Hello there.", done: true, done_reason: "stop", eval_count: 13 });
  expect(said.prompts.at(-1)).toBe("<|system|>Be kind.<|user|>Hi<|assistant|>");
  let text = "";
  let last: { done: boolean; eval_count?: number } = { done: false };
  for await (const part of await ollama.generate({ model: "speaker", prompt: "Hi", stream: true })) {
    text += part.response;
    last = part;
  }
  expect([text, last.done, last.eval_count]).toEqual(["Hello there.", true, 13]);
  const chat = await ollama.chat({ model: "speaker:latest", messages: [{ role: "user", content: "Hi" }], options: { num_predict: 5 } });
  expect(chat).toMatchObject({ message: { role: "assistant", content: "Hello" }, done_reason: "length" });
  text = "";
  for await (const part of await ollama.chat({ model: "speaker", messages: [{ role: "user", content: "Hi" }], stream: true }))
    text += part.message.content;
  expect(text).toBe("Hello there.");
  await ollama.generate({ model: "speaker", prompt: "as it is, to the letter", raw: true });
  expect(said.prompts.at(-1)).toBe("as it is, to the letter");
  expect(await ollama.generate({ model: "mail:2", prompt: "" })).toMatchObject({ done: true, done_reason: "load" });
});

test("Ollama's client: the same request with a seed says the same, and options are kept to", async () => {
  const ask = (options: object) => ollama.generate({ model: "mail:2", prompt: "Once", options: { num_predict: 12, ...options } });
  const [a, b, c] = [await ask({ seed: 1 }), await ask({ seed: 1 }), await ask({ seed: 2 })];
  expect(a.response).toBe(b.response);
  expect(a.response).not.toBe(c.response);
  const cold = await ask({ temperature: 0 });
  expect((await ask({ temperature: 0, seed: 9 })).response).toBe(cold.response);
});

test("Ollama's client: a format is kept to by a model that speaks nonsense", async () => {
  const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
  const messages = [{ role: "user", content: "Is it?" }];
  const chat = await ollama.chat({ model: "mail:2", messages, format: schema, options: { temperature: 2, seed: 4 } });
  expect(JSON.parse(chat.message.content)).toEqual({ ok: expect.any(Boolean) });
});

test("Ollama's client: tools, whole and streamed, and embeddings", async () => {
  said.text = 'Wait.<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>';
  const tools = [
    { type: "function", function: { name: "weather", description: "Weather", parameters: { type: "object", properties: {} } } },
  ];
  const messages = [{ role: "user", content: "Rain?" }];
  const whole = await ollama.chat({ model: "speaker", messages, tools });
  expect(whole.message).toEqual({
    role: "assistant",
    content: "Wait.",
    tool_calls: [{ function: { name: "weather", arguments: { city: "Rome" } } }],
  });
  const calls: unknown[] = [];
  let text = "";
  for await (const part of await ollama.chat({ model: "speaker", messages, tools, stream: true })) {
    text += part.message.content;
    calls.push(...(part.message.tool_calls ?? []));
  }
  expect([text, calls]).toEqual(["Wait.", whole.message.tool_calls]);
  said.text = "It rains.";
  const next = await ollama.chat({
    model: "speaker",
    messages: [...messages, whole.message, { role: "tool", content: "rain", tool_name: "weather" }],
    tools,
  });
  expect(next.message.content).toBe("It rains.");
  expect(said.prompts.at(-1)).toContain("<|tool|>rain<|assistant|>");

  const want = await vectorsOf(["a cat", "a dog"]);
  expect((await ollama.embed({ model: "vectors", input: ["a cat", "a dog"] })).embeddings).toEqual(want);
  expect((await ollama.embed({ model: "vectors:1", input: "a cat ".repeat(200) })).embeddings.length).toBe(1);
  expect((await ollama.embeddings({ model: "vectors", prompt: "a cat" })).embedding).toEqual(want[0]);
});

test("Ollama's client: what is wrong is a sentence, and leaving a stream frees the slot", async () => {
  await expect(ollama.chat({ model: "nobody", messages: [] })).rejects.toThrow(/nobody/);
  await expect(ollama.generate({ model: "vectors", prompt: "a" })).rejects.toThrow(/embeds/);
  await expect(ollama.embed({ model: "mail:2", input: "a" })).rejects.toThrow(/sentence encoder/);
  await expect(ollama.generate({ model: "speaker", prompt: "a", format: "xml" })).rejects.toThrow(/format/);
  await expect(ollama.generate({ model: "speaker", prompt: "a", options: { temperature: 7 } })).rejects.toThrow(/temperature/);
  said.text = "x".repeat(3000);
  const stream = await ollama.generate({ model: "speaker", prompt: "go on and on", stream: true });
  let seen = 0;
  await expect(
    (async () => {
      for await (const _ of stream) if (++seen === 5) stream.abort();
    })(),
  ).rejects.toThrow();
  await expect.poll(() => said.engine.stats().running).toBe(0);
  await expect.poll(() => app.inFlight).toBe(0);
});
