import { expect, test } from "vitest";
import { chatRequest, completionRequest } from "./request.ts";
import { defaults, problems, readSettings, stopStrings, wholeNumber } from "./settings.ts";

test("stop strings are a line each with escapes undone", () => {
  expect(stopStrings("\\n\\n\n--\n\nC:\\\\new")).toEqual(["\n\n", "--", "C:\\new"]);
});

test("a field is a whole number within its range, nothing, or wrong", () => {
  expect([" 12 ", "", "1.5", "0", "1e3", "-1", "99"].map(t => wholeNumber(t, 1, 50))).toEqual([
    12,
    undefined,
    null,
    null,
    null,
    null,
    null,
  ]);
});

test("wrong fields are named; defaults have none", () => {
  expect(problems(defaults)).toEqual({});
  expect(
    Object.keys(problems({ ...defaults, maxTokens: "0", maxAnswer: "x", seed: "x", topK: "0", stop: "a\nb\nc\nd\ne" })).sort(),
  ).toEqual(["maxAnswer", "maxTokens", "seed", "stop", "topK"]);
});

test("a schema that is none and a function that is not complete are named, the schema with its place", () => {
  expect(problems({ ...defaults, schema: '{ "type": "strin" }' }).schema).toMatch(/^type: expected one of/);
  const tools = [{ name: "", description: "", parameters: "" }];
  expect(Object.keys(problems({ ...defaults, tools, toolChoice: "function gone" })).sort()).toEqual(["toolChoice", "tools"]);
});

test("stored settings survive, and what is no setting is the default", () => {
  const own = { ...defaults, temperature: 0, stop: "\\n", tools: [{ name: "a", description: "b", parameters: "{}" }] };
  expect(readSettings(JSON.stringify(own))).toEqual(own);
  expect(readSettings('{"temperature":"hot","extra":1,"tools":[{"name":3}]}')).toEqual(defaults);
  for (const text of [null, "", "nonsense", "null", "[]", "3"]) expect(readSettings(text)).toEqual(defaults);
});

test("empty fields are not sent, filled ones are", () => {
  expect(completionRequest("m", "p", defaults).body).toEqual({ model: "m", prompt: "p", max_tokens: 160, temperature: 0.8, top_p: 0.95 });
  expect(completionRequest("m", "p", { ...defaults, maxTokens: "" }).body).not.toHaveProperty("max_tokens");
  expect(chatRequest("m", [], "p", defaults).body).not.toHaveProperty("max_tokens");
  expect(chatRequest("m", [], "p", { ...defaults, maxAnswer: "9" }).body).toMatchObject({ max_tokens: 9 });
  const full = completionRequest("m", "p", { ...defaults, topK: "40", seed: "0", stop: "\\n" }).body;
  expect(full).toMatchObject({ top_k: 40, seed: 0, stop: ["\n"] });
});

test("a chat sends the system text first and the new message last", () => {
  const history = [
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ] as const;
  const { body } = chatRequest("m", history, "c", { ...defaults, system: "s" }) as Extract<
    ReturnType<typeof chatRequest>,
    { path: "/v1/chat/completions" }
  >;
  expect(body.messages.map(m => `${m.role}:${m.content}`)).toEqual(["system:s", "user:a", "assistant:b", "user:c"]);
});
