/** Structured output through the official client, the AI SDK and LangChain, over a tiny model that speaks nonsense: whatever it says has the form that was asked for. */
import { readFileSync } from "node:fs";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, Output } from "ai";
import OpenAI, { BadRequestError } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { rounds } from "../../../test/support/deep.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEngine } from "../engine.ts";
import { tinyConfig, tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const config = { ...tinyConfig, context: 1024 };
const engine = createEngine({ model: await tinyModel(device, { config, chatTemplate: chatTemplate() }), device, slots: 4 });
await engine.ready;
const failures: unknown[] = [];
const server = await listen(createApp({ engines: [engine], onFailure: e => failures.push(e) }), { port: 0 });
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
afterAll(async () => {
  await server.close();
  expect(failures).toEqual([]);
});

const messages = [{ role: "user" as const, content: "An event?" }];
const base = { model: "tiny", messages, max_completion_tokens: 400 };

const Event = z.object({
  name: z.string().max(12),
  day: z.iso.date(),
  kind: z.enum(["party", "talk", "walk"]),
  guests: z.array(z.object({ name: z.string().max(8), age: z.int().min(0).max(120) })).max(3),
  price: z.union([z.number().min(0).max(99.5), z.null()]),
  isOpen: z.boolean(),
});

test("zodResponseFormat: every answer parses and validates, streamed or not, whatever the temperature", async () => {
  for (let seed = 0; seed < rounds(12, 4); seed++) {
    const ask = { ...base, seed, temperature: (seed % 4) * 0.5, response_format: zodResponseFormat(Event, "event") };
    const [choice] = (await client.chat.completions.parse(ask)).choices;
    expect(choice!.finish_reason).toBe("stop");
    expect(Event.parse(choice!.message.parsed)).toEqual(choice!.message.parsed);
    if (seed % 3 !== 0) continue;
    const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
    expect(streamed.choices[0]!.message.content).toBe(choice!.message.content);
  }
});

test("the AI SDK's and LangChain's structured outputs validate", async () => {
  const provider = createOpenAICompatible({ name: "loam", baseURL: `${server.url}/v1`, supportsStructuredOutputs: true });
  const small = Event.omit({ price: true });
  const { output } = await generateText({
    model: provider("tiny"),
    prompt: "An event?",
    seed: 4,
    maxOutputTokens: 600,
    output: Output.object({ schema: small }),
  });
  expect(small.parse(output)).toEqual(output);
  const chat = new ChatOpenAI({
    model: "tiny",
    apiKey: "none",
    configuration: { baseURL: `${server.url}/v1` },
    maxRetries: 0,
    maxTokens: 600,
  });
  const event = await chat.withStructuredOutput(small, { method: "jsonSchema", strict: true, name: "event" }).invoke("An event?");
  expect(small.parse(event)).toEqual(event);
});

test("the same request gives the same bytes alone and among others with other forms, and n answers are n different ones", async () => {
  const ask = { ...base, seed: 7, n: 3, response_format: zodResponseFormat(Event, "event") };
  const contents = (r: OpenAI.ChatCompletion) => r.choices.map(c => c.message.content);
  const alone = contents(await client.chat.completions.create(ask));
  expect(new Set(alone).size).toBe(3);
  const [again] = await Promise.all([
    client.chat.completions.create(ask),
    client.completions.create({ model: "tiny", prompt: "x", max_tokens: 30, seed: 1, ...{ guided_regex: "[a-f]{20,40}" } }),
    client.chat.completions.create({ ...base, seed: 8, response_format: { type: "json_object" }, max_completion_tokens: 60 }),
    client.completions.create({ model: "tiny", prompt: "y", max_tokens: 60 }),
  ]);
  expect(contents(again)).toEqual(alone);
});

test("regular expressions, choices and grammars, in vLLM's words", async () => {
  const complete = async (extra: object, max_tokens = 60) =>
    (await client.completions.create({ model: "tiny", prompt: "Say", max_tokens, seed: 3, ...extra })).choices[0]!;
  expect((await complete({ guided_regex: "(foo|ba[rz]){2,4}!" })).text).toMatch(/^(foo|ba[rz]){2,4}!$/);
  expect(["left", "right"]).toContain((await complete({ structured_outputs: { choice: ["left", "right"] } })).text);
  const grammar = 'root ::= "(" root ")" | [0-9]{1,3}';
  const nested = await complete({ guided_grammar: grammar }, 200);
  expect(nested.text).toMatch(/^(\()*\d{1,3}(\))*$/);
  expect(nested.text.split("(").length).toBe(nested.text.split(")").length);
  const spaced = await complete({
    structured_outputs: { json: { const: { a: [1, 2], b: null } }, whitespace: "spaced" },
  });
  expect(spaced.text).toBe('{"a": [1, 2], "b": null}');
  const asText = await complete({ guided_json: JSON.stringify({ type: "integer", minimum: 41, maximum: 43 }) });
  expect([41, 42, 43]).toContain(JSON.parse(asText.text));
  // also where nothing ends an answer but its form
  expect(await complete({ guided_regex: "ab{2}", ignore_eos: true })).toMatchObject({ text: "abb", finish_reason: "stop" });
});

test("an answer that is cut has finish_reason length, and stop strings cut as always", async () => {
  const cut = await client.completions.create({ model: "tiny", prompt: "x", max_tokens: 5, ...{ guided_regex: "a{20}" } });
  expect(cut.choices[0]).toMatchObject({ text: "aaaaa", finish_reason: "length" });
  const whole = await client.completions.create({ model: "tiny", prompt: "x", max_tokens: 20, ...{ guided_regex: "a{20}" } });
  expect(whole.choices[0]).toMatchObject({ text: "a".repeat(20), finish_reason: "stop" });
  const stopped = await client.completions.create({
    model: "tiny",
    prompt: "x",
    max_tokens: 20,
    stop: "cd",
    ...{ guided_regex: "abcdef" },
  });
  expect(stopped.choices[0]).toMatchObject({ text: "ab", finish_reason: "stop" });
});

test("what is not carried out is a 400 that names it, and the server goes on", async () => {
  const schemaOf = (schema: Record<string, unknown>, strict = false) =>
    client.chat.completions.create({ ...base, response_format: { type: "json_schema", json_schema: { name: "s", schema, strict } } });
  const deep = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { items: deep(levels - 1) });
  const xml: object = { response_format: { type: "xml" } };
  for (const [ask, param] of [
    [() => schemaOf({ not: {} }), "response_format.json_schema.schema#/not"],
    [() => schemaOf({ properties: { a: { minimum: 2, maximum: 1 } } }), "response_format.json_schema.schema#/properties/a/minimum"],
    [() => schemaOf({ $ref: "#" }), "response_format.json_schema.schema"],
    [() => schemaOf({ type: "object", properties: { a: {} } }, true), "response_format.json_schema.schema#/additionalProperties"],
    [() => schemaOf(deep(70)), null],
    [() => client.completions.create({ model: "tiny", prompt: "x", ...{ guided_regex: "(?=a)" } }), "guided_regex"],
    [() => client.completions.create({ model: "tiny", prompt: "x", ...{ guided_grammar: "root ::= root" } }), "guided_grammar"],
    [() => client.completions.create({ model: "tiny", prompt: "x", ...{ guided_json: "{" } }), "guided_json"],
    [
      () => client.completions.create({ model: "tiny", prompt: "x", ...{ structured_outputs: { structural_tag: "{}" } } }),
      "structured_outputs.structural_tag",
    ],
    [
      () =>
        client.completions.create({
          model: "tiny",
          prompt: "x",
          ...{ guided_regex: "(((.{1,900}){1,900}){1,900}){1,900}b" },
          max_tokens: 400,
        }),
      "guided_regex",
    ],
    [() => client.chat.completions.create({ ...base, ...xml }), "response_format.type"],
  ] as const) {
    const error = await ask().then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(BadRequestError);
    expect((error as BadRequestError).param ?? null).toBe(param);
  }
});

test("keywords that a mask cannot hold are named in x-loam-relaxed, and refused by name under strict: true", async () => {
  const code = { type: "string", pattern: "(?<=a)b", maxLength: 5 };
  const schema = {
    type: "object",
    properties: { 'co,dé"': code, tags: { enum: ["x"] } },
    required: ["tags"],
    additionalProperties: false,
    "x-a": 1,
  };
  const ask = (path: string, body: object) =>
    fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const format = (strict: boolean) => ({ type: "json_schema", json_schema: { name: "s", schema, strict } });
  const relaxed = "#/properties/co%2Cd%C3%A9%22/pattern";
  for (const stream of [false, true]) {
    const answer = await ask("/v1/chat/completions", { ...base, stream, response_format: format(false) });
    await answer.text();
    expect([answer.status, answer.headers.get("x-loam-relaxed")]).toEqual([200, relaxed]);
  }
  for (const field of [{ guided_json: schema }, { structured_outputs: { json: schema } }, { json_schema: schema }]) {
    const answer = await ask("/v1/completions", { model: "tiny", prompt: "x", max_tokens: 300, ...field });
    const { choices } = (await answer.json()) as { choices: { text: string }[] };
    expect([answer.status, answer.headers.get("x-loam-relaxed")]).toEqual([200, relaxed]);
    expect(JSON.parse(choices[0]!.text)).toMatchObject({ tags: "x" });
  }
  const closed = { ...schema, required: Object.keys(schema.properties) };
  const refused = await ask("/v1/chat/completions", {
    ...base,
    response_format: { type: "json_schema", json_schema: { name: "s", schema: closed, strict: true } },
  });
  const { error } = (await refused.json()) as { error: { message: string } };
  expect([refused.status, error.message]).toEqual([
    400,
    expect.stringContaining('expected keywords that a strict schema is held to exactly, got "pattern"'),
  ]);
  const plain = await ask("/v1/chat/completions", { ...base, response_format: zodResponseFormat(Event, "event") });
  expect([plain.status, plain.headers.get("x-loam-relaxed")]).toEqual([200, null]);
});

test("the example of docs/structured.md gives the header that it shows", async () => {
  const page = readFileSync(new URL("../../../docs/structured.md", import.meta.url), "utf8");
  const [, schema, header] = /guided_json: (\{.*\}),\n[\s\S]*?x-loam-relaxed"\); \/\/ "([^"]+)"/.exec(page)!;
  const asJson = schema!.replace(/(\w+):/g, '"$1":');
  const body = JSON.stringify({ ...base, max_completion_tokens: 200, guided_json: JSON.parse(asJson) as object });
  const answer = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect([answer.status, answer.headers.get("x-loam-relaxed")]).toEqual([200, header]);
  await answer.text();
});
