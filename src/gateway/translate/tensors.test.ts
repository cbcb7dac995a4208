/** KServe's and TensorFlow Serving's answers in their other forms, names of tensors, versions and labels, and what is no answer. */
import OpenAI, { type APIError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
let client: OpenAI;
let answer: unknown;
beforeEach(async () => {
  upstream = await fakeUpstream((_, r) => {
    r.writeHead(200, { "content-type": "application/json" });
    r.end(JSON.stringify(answer));
  });
  const more = { tensors: { input: "TEXT", output: "vector" }, breaker: { failures: 1000 } };
  gateway = await testGateway({
    upstreams: {
      oip: { url: upstream.url.replace("/v1", "/v2/"), protocol: "inference", ...more },
      tf: { url: upstream.url, protocol: "tensorflow", ...more },
    },
    models: {
      oip: { targets: [{ upstream: "oip", model: "a/b" }] },
      tf: { targets: [{ upstream: "tf", model: "a/b" }] },
    },
    retries: { attempts: 0 },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});
const last = () => upstream.received.at(-1)!;
const embed = async (model: string) =>
  (await client.embeddings.create({ model, input: ["x", "y"], encoding_format: "float" })).data.map(d => d.embedding);
const statusOf = async (ask: () => Promise<unknown>): Promise<number | undefined> =>
  ask().then(
    () => undefined,
    e => (e as APIError).status,
  );

test("tensors go by the names that the configuration gives; data come flat or nested; a version and a label are in the address", async () => {
  answer = {
    outputs: [
      { name: "other", data: [9] },
      { name: "vector", datatype: "FP32", shape: [2, 2], data: [1, 2, 3, 4] },
    ],
  };
  expect(await embed("oip")).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(last().path).toBe("/v2/models/a%2Fb/infer");
  expect(last().body).toEqual({
    inputs: [{ name: "TEXT", shape: [2], datatype: "BYTES", data: ["x", "y"] }],
    outputs: [{ name: "vector" }],
  });
  answer = {
    outputs: [
      {
        name: "vector",
        data: [
          [1, 2],
          [3, 4],
        ],
      },
    ],
  };
  expect(await embed("oip@3")).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(last().path).toBe("/v2/models/a%2Fb/versions/3/infer");
  for (const predictions of [
    [
      [1, 2],
      [3, 4],
    ],
    [
      { vector: [1, 2], norm: 1 },
      { vector: [3, 4], norm: 1 },
    ],
  ]) {
    answer = { predictions };
    expect(await embed("tf@best")).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(last().path).toBe("/v1/models/a%2Fb/labels/best:predict");
    expect(last().body).toEqual({ instances: [{ TEXT: "x" }, { TEXT: "y" }] });
  }
  await embed("tf@7");
  expect(last().path).toBe("/v1/models/a%2Fb/versions/7:predict");
});

test("answers without what was asked for are no answers", async () => {
  for (const wrong of [
    {},
    { outputs: [{ name: "other", data: [1, 2] }] },
    { outputs: [{ name: "vector", data: [1, 2, 3] }] },
    { error: "no" },
    [1],
  ]) {
    answer = wrong;
    expect([wrong, await statusOf(() => embed("oip"))]).toEqual([wrong, 502]);
  }
  for (const wrong of [{}, { predictions: [[1]] }, { predictions: [{ other: 1 }, {}] }, { error: "no" }]) {
    answer = wrong;
    expect([wrong, await statusOf(() => embed("tf"))]).toEqual([wrong, 502]);
  }
  answer = { result: [[["spam"]]] };
  expect(await statusOf(() => client.moderations.create({ model: "tf", input: "x" }))).toBe(502);
});

test("texts without details are counted by their length; a label from one half on is what a text is flagged for", async () => {
  answer = { text_output: "abc def ghi" };
  const whole = await client.completions.create({ model: "oip", prompt: "a", max_tokens: 50, stop: "x", temperature: 0 });
  expect(whole.choices[0]).toMatchObject({ text: "abc def ghi", finish_reason: "stop" });
  expect(whole.usage!.completion_tokens).toBe(4);
  expect(last().path).toBe("/v2/models/a%2Fb/generate");
  expect(last().body).toEqual({ text_input: "a", parameters: { max_tokens: 50, stop: ["x"], temperature: 0, details: true } });
  answer = { predictions: ["abc def ghi"] };
  const cut = await client.completions.create({ model: "tf", prompt: "a", max_tokens: 3 });
  expect([cut.choices[0]!.finish_reason, cut.usage!.completion_tokens]).toEqual(["length", 3]);
  answer = {
    result: [
      [
        ["spam", 0.5],
        ["rude", 0.49],
      ],
      [["spam", 0.1]],
    ],
  };
  const { results } = await client.moderations.create({ model: "tf", input: ["x", "y"] });
  expect(results).toMatchObject([
    { flagged: true, categories: { spam: true, rude: false }, category_scores: { spam: 0.5, rude: 0.49 } },
    { flagged: false },
  ]);
  expect(last().body).toEqual({ examples: [{ TEXT: "x" }, { TEXT: "y" }] });
});

test("a server of tensors that streams and breaks off is told as such; one that closes has ended", async () => {
  const read = async () => {
    let text = "";
    try {
      for await (const c of await client.completions.create({ model: "oip", prompt: "a", stream: true })) text += c.choices[0]?.text ?? "";
      return text;
    } catch (error) {
      return [text, (error as APIError).constructor.name];
    }
  };
  const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  upstream.script = async (_, r) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    r.write(event({ text_output: "a" }));
    await new Promise(resolve => setTimeout(resolve, 20));
    r.destroy();
  };
  expect(await read()).toEqual(["a", "APIError"]);
  upstream.script = (_, r) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    r.end(event({ text_output: "a" }) + event({ text_output: "b" }));
  };
  expect(await read()).toBe("ab");
  expect(last().path).toBe("/v2/models/a%2Fb/generate_stream");
});
