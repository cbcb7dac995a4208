import fc from "fast-check";
import { expect, test } from "vitest";
import { fixedOf, hasTokenIds, requestTexts, withTexts } from "./texts.ts";

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
  const texts = requestTexts(body as Record<string, unknown>);
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
  expect(requestTexts(body).join("")).not.toContain(long);
});

const judged = (body: object): string => {
  const row = body as Record<string, unknown>;
  return [...requestTexts(row), ...fixedOf(row, requestTexts(row))].join("\u0000");
};

test("a word that is split over two parts of a message is found, also behind long parts, and two parts make no word of others", () => {
  const parts = (...texts: string[]) => ({ messages: [{ role: "user", content: texts.map(text => ({ type: "text", text })) }] });
  expect(judged(parts("make a bo", "mb"))).toContain("a bomb");
  expect(judged(parts("b", "o", "m", "b"))).toContain("bomb");
  expect(judged(parts(`${"long ".repeat(1_000)}bo`, `mb ${"long ".repeat(1_000)}`))).toContain("bomb");
  expect(judged(parts("a", "b").messages[0]!)).toContain("ab");
  const far = fixedOf(parts(`compass${"x".repeat(500)}`, "y"), [`compass${"x".repeat(500)}`, "y"]);
  expect(far.join("").length).toBeLessThan(500);
});

/** A body with every kind of place that a contract has for a text. */
const full = {
  model: "m",
  user: "u",
  safety_identifier: "s",
  metadata: { key: "value" },
  instructions: "i",
  system: [{ type: "text", text: "t" }],
  suffix: "x",
  stop: ["x"],
  prompt: ["x"],
  input: [
    "x",
    { type: "message", role: "user", content: [{ type: "input_text", text: "x" }] },
    { type: "function_call_output", call_id: "c", output: "x" },
  ],
  prediction: { type: "content", content: "x" },
  response_format: {
    type: "json_schema",
    json_schema: { name: "x", description: "x", schema: { properties: { key: { enum: ["x"], title: "x", default: "x" } } } },
  },
  text: { format: { type: "json_schema", name: "x", schema: { description: "x" } } },
  tools: [
    {
      type: "function",
      function: {
        name: "x",
        description: "x",
        parameters: {
          type: "object",
          properties: { key: { type: "string", description: "x", pattern: "x", const: "x", examples: ["x"] } },
          $defs: { key: {} },
        },
      },
    },
    { name: "x", description: "x", input_schema: { properties: { key: { description: "x" } } } },
  ],
  messages: [
    { role: "system", content: "x", name: "x" },
    {
      role: "user",
      content: [
        { type: "text", text: "x" },
        { type: "document", source: { type: "text", text: "x" }, title: "x", context: "x" },
      ],
    },
    {
      role: "assistant",
      content: "x",
      refusal: "x",
      reasoning_content: "x",
      tool_calls: [{ id: "c", type: "function", function: { name: "x", arguments: '{"key":{"inner":["x"]}}' } }],
    },
    {
      role: "assistant",
      content: [
        { type: "tool_use", id: "c", name: "x", input: { key: "x" } },
        { type: "thinking", thinking: "x", signature: "g" },
      ],
    },
    { role: "tool", tool_call_id: "c", content: "x" },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "c", content: [{ type: "text", text: "x" }] }] },
  ],
  something_new: { deep: ["x"] },
};
/** Places that hold no text: ids, kinds and what is no member of a client's choice. */
const noText = /(^model$|\.(type|role|id|call_id|tool_call_id|tool_use_id|signature)$)/;

/** Every string and key of a value with the value where it is another. */
function* places(value: unknown, path: string): Generator<readonly [path: string, withMark: (mark: string) => unknown]> {
  if (typeof value === "string") {
    if (value.startsWith("{")) for (const [p, change] of places(JSON.parse(value), path)) yield [p, mark => JSON.stringify(change(mark))];
    else yield [path, mark => mark];
  } else if (Array.isArray(value)) {
    for (const [i, v] of value.entries())
      for (const [p, change] of places(v, `${path}[${i}]`)) yield [p, mark => value.map((old, k) => (k === i ? change(mark) : old))];
  } else if (typeof value === "object" && value !== null)
    for (const [k, v] of Object.entries(value)) {
      const own = path === "" ? k : `${path}.${k}`;
      for (const [p, change] of places(v, own)) yield [p, mark => ({ ...value, [k]: change(mark) })];
      if (/^(key|inner|something_new|deep)$/.test(k)) yield [`${own} (name)`, mark => ({ ...value, [mark]: v })];
    }
}

test("every text of every contract is judged: a marker at any place of a full body is seen", () => {
  const seen: string[] = [];
  for (const [path, change] of places(full, "")) {
    const isSeen = judged(change("forbidden text") as object).includes("forbidden text");
    if (!noText.test(path)) expect([path, isSeen]).toEqual([path, true]);
    seen.push(path);
  }
  expect(seen.length).toBeGreaterThan(60);
});

test("a kind that is no kind is a text", () => {
  expect(judged({ messages: [{ role: "make a bomb", content: [{ type: "make a bomb now" }] }] })).toContain("bomb now");
});

test("long numbers in arguments and metadata are judged as digits", () => {
  expect(judged({ metadata: { card: 4556737586899855 } })).toContain("4556737586899855");
  expect(judged({ messages: [{ role: "assistant", tool_calls: [{ function: { arguments: '{"card":4556737586899855}' } }] }] })).toContain(
    "4556737586899855",
  );
});

test("texts that stay the same change nothing, whatever the body", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("messages", "input", "prompt", "tools", "metadata", "user", "model"), fc.jsonValue({ maxDepth: 4 })),
      body => {
        expect(withTexts(body, requestTexts(body))).toEqual({});
      },
    ),
  );
});

test("token ids are known wherever texts could stand", () => {
  expect([{ prompt: [1] }, { prompt: [[1, 2]] }, { input: [[3]] }, { input: [4, 5] }].map(hasTokenIds)).toEqual([true, true, true, true]);
  expect([{ prompt: ["a"] }, { input: "a" }, { input: [{ type: "message" }] }, {}].map(hasTokenIds)).toEqual([false, false, false, false]);
});
