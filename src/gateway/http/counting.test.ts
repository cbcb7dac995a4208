/** Prompts are counted before they are admitted: exactly by a tokenizer where the file names one, else from above; and of everything that is told a model. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { trainBpe } from "../../text/index.ts";
import { type FakeUpstream, fakeUpstream, type TestGateway, testGateway } from "../fakes.ts";

const tokenizer = trainBpe(["the cat sat on the mat and the dog met the cat, who said nothing of it"], { vocab: 320, minFrequency: 1 });
const count = (text: string): number => tokenizer.encode(text).length;
/** What a template adds to each text. */
const around = 8;

let upstream: FakeUpstream;
let gateway: TestGateway;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "loam-counting-"));
  const path = join(folder, "tokenizer.json");
  await writeFile(path, JSON.stringify(tokenizer.toJSON()));
  // it says nothing of tokens, so that what was counted is what is charged
  upstream = await fakeUpstream((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices: [], output: [] }));
  });
  const targets = [{ upstream: "local" }];
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { exact: { targets, tokenizer: path }, about: { targets } },
  });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  await rm(folder, { recursive: true });
  expect(gateway.failures).toEqual([]);
});

async function counted(body: object, path = "/v1/chat/completions", model = "exact"): Promise<number> {
  gateway.records.length = 0;
  const response = await gateway.post(path, { model, ...body });
  expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
  return gateway.records[0]!.inputTokens;
}

const system = "the dog said: the cat sat on the mat 🐈";
const user = "who met the cat?";
const call = { name: "weather", arguments: '{"city":"Łódź","days":3}' };
const tool = { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } };
const schema = { type: "object", properties: { answer: { type: "string" } } };

test("with a tokenizer each text is counted as that has it, and with it eight for the template", async () => {
  const messages = [
    { role: "system", content: system },
    {
      role: "user",
      content: [
        { type: "text", text: user },
        { type: "image_url", image_url: { url: "https://example.com/cat.png" } },
      ],
    },
  ];
  expect(count(system)).toBeLessThan(Buffer.byteLength(system));
  expect(await counted({ messages })).toBe(count(system) + count(user) + 2 * around);
  expect(await counted({ prompt: user }, "/v1/completions")).toBe(count(user) + around);
  expect(await counted({ prompt: [[1, 2, 3], [4]] }, "/v1/completions")).toBe(4);
  expect(await counted({ input: [system, user] }, "/v1/embeddings")).toBe(count(system) + count(user) + 2 * around);
});

test("without one a text is a third of its bytes", async () => {
  expect(await counted({ messages: [{ role: "user", content: system }] }, undefined, "about")).toBe(
    Math.ceil(Buffer.byteLength(system) / 3) + around,
  );
});

test("calls and what came of them, tools and forms count, in a chat and in responses alike", async () => {
  const json_schema = { name: "a", schema };
  const texts = [user, call.name + call.arguments, "rain", JSON.stringify([tool]), JSON.stringify(json_schema)];
  const sum = (all: readonly string[]): number => all.reduce((n, text) => n + count(text) + around, 0);
  const chat = {
    messages: [
      { role: "user", content: user },
      { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: call }] },
      { role: "tool", tool_call_id: "c", content: "rain" },
    ],
    tools: [tool],
    response_format: { type: "json_schema", json_schema },
  };
  expect(await counted(chat)).toBe(sum(texts));
  const own = [{ type: "function", name: "weather", parameters: tool.function.parameters }];
  const responses = {
    instructions: system,
    input: [
      { role: "user", content: [{ type: "input_text", text: user }] },
      { type: "function_call", call_id: "c", ...call },
      { type: "function_call_output", call_id: "c", output: "rain" },
      { type: "function_call_output", call_id: "d", output: [{ type: "input_text", text: "snow" }] },
    ],
    tools: own,
    text: { format: { type: "json_schema", name: "a", schema } },
  };
  expect(await counted(responses, "/v1/responses")).toBe(
    sum([system, user, call.name + call.arguments, "rain", "snow", JSON.stringify(own), JSON.stringify(schema)]),
  );
  // what says nothing counts nothing
  expect(
    await counted({ messages: [{ role: "user", content: user, tool_calls: null }], tools: [], response_format: { type: "text" } }),
  ).toBe(sum([user]));
});

test("a tokenizer that is not there, or is none, is named before anything runs", async () => {
  const config = (path: string) =>
    testGateway({ upstreams: { local: { url: upstream.url } }, models: { m: { targets: [{ upstream: "local" }], tokenizer: path } } });
  await expect(config(join(folder, "other.json"))).rejects.toThrow(/other\.json/);
  await writeFile(join(folder, "none.json"), "{}");
  await expect(config(join(folder, "none.json"))).rejects.toThrow(/none\.json/);
});
