import fc from "fast-check";
import { expect, test } from "vitest";
import { hasTokenIds, textsOf, withTexts } from "./texts.ts";

const long = "secret text";

test.each<[string, object]>([
  ["messages", { messages: [{ role: "user", content: long }] }],
  ["parts", { messages: [{ role: "user", content: [{ type: "text", text: long }] }] }],
  ["a refusal", { messages: [{ role: "assistant", content: [{ type: "refusal", refusal: long }] }] }],
  ["reasoning", { messages: [{ role: "assistant", reasoning_content: long, content: "" }] }],
  [
    "arguments",
    { messages: [{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: JSON.stringify({ name: [long] }) } }] }] },
  ],
  [
    "arguments that are no JSON",
    { messages: [{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: `{"a": "${long}` } }] }] },
  ],
  ["results", { messages: [{ role: "tool", tool_call_id: "t", content: long }] }],
  ["a tool's description", { tools: [{ type: "function", function: { name: "f", description: long } }] }],
  ["a schema", { tools: [{ function: { parameters: { properties: { data: { type: "string", description: long, enum: ["a"] } } } } }] }],
  ["a tool's choices", { tools: [{ function: { parameters: { properties: { name: { type: "string", enum: [long] } } } } }] }],
  ["a form of the answer", { response_format: { json_schema: { schema: { description: long } } } }],
  ["prompts", { prompt: ["a", long] }],
  ["a suffix", { suffix: long }],
  ["inputs", { input: [long] }],
  ["items", { input: [{ type: "message", role: "user", content: [{ type: "input_text", text: long }] }] }],
  ["outputs of functions", { input: [{ type: "function_call_output", call_id: "c", output: long }] }],
  ["variables of a prompt", { prompt: { id: "p", variables: { name: long, data: { text: long } } } }],
  ["instructions", { instructions: long }],
  ["metadata under any name", { metadata: { url: long, name: long } }],
  ["the user", { user: long }],
  ["a prediction", { prediction: { type: "content", content: long } }],
  ["members that nobody here knows", { messages: [{ role: "user", content: [{ type: "new_kind", words: { deep: [long] } }] }] }],
])("%s are looked at, and are others when they are changed", (_, body) => {
  const texts = textsOf(body as Record<string, unknown>);
  expect(texts.join(" ")).toContain(long);
  const changed = {
    ...body,
    ...withTexts(
      body as Record<string, unknown>,
      texts.map(t => t.replaceAll(long, "x")),
    ),
  };
  expect(JSON.stringify(changed)).not.toContain(long);
  expect(JSON.stringify(changed).length).toBeLessThan(JSON.stringify(body).length);
});

test("pictures, sounds, files, ids and names of tools are not", () => {
  const body = {
    tools: [{ type: "function", function: { name: long, parameters: { required: [long], $ref: long } } }],
    messages: [
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: `data:${long}` } },
          { type: "input_audio", input_audio: { data: long, format: "wav" } },
        ],
      },
      { role: "tool", tool_call_id: long, content: "" },
    ],
    input: [
      { type: "input_image", image_url: long },
      { type: "input_file", file_id: long, file_data: long },
    ],
  };
  expect(textsOf(body).join("")).not.toContain(long);
});

test("texts that stay the same change nothing, whatever the body", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("messages", "input", "prompt", "tools", "metadata", "user", "model"), fc.jsonValue({ maxDepth: 4 })),
      body => {
        expect(withTexts(body, textsOf(body))).toEqual({});
      },
    ),
  );
});

test("token ids are known wherever texts could stand", () => {
  expect([{ prompt: [1] }, { prompt: [[1, 2]] }, { input: [[3]] }, { input: [4, 5] }].map(hasTokenIds)).toEqual([true, true, true, true]);
  expect([{ prompt: ["a"] }, { input: "a" }, { input: [{ type: "message" }] }, {}].map(hasTokenIds)).toEqual([false, false, false, false]);
});
