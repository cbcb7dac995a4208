/** Chats as requests for Anthropic's Messages, and back: they keep their meaning, and what cannot be said is named. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { chatDialects, type ProtocolFault, type TranslationRequest, translations } from "../../protocols/index.ts";
import { translationRefusal } from "./fakes.ts";

type Row = Record<string, unknown>;
const hi = [{ role: "user" as const, content: "Hi" }];
const weather = {
  type: "function" as const,
  function: { name: "weather", description: "of a city", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const { anthropic } = chatDialects;
const toChat = (body: Row) => anthropic.read(body).chat;
const asked = (body: Row): TranslationRequest => ({
  body,
  model: "m",
  isStream: false,
  maxOutputTokens: 99,
  inputTokens: 1,
  now: 0,
  isLenient: false,
  asksUsage: true,
  tensors: { input: "text", output: "embedding" },
});
const sent = (body: Row): Row => translations.anthropic.chat!(asked(body)).body;

// what may be said in a chat: texts, pictures, calls with their results
const text = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).filter(t => t.trimEnd() === t && t !== "");
const picture = fc
  .constantFrom("data:image/png;base64,AA==", "https://example.org/a.png")
  .map(url => ({ type: "image_url" as const, image_url: { url } }));
const userContent = fc.oneof(
  text,
  fc.array(
    fc.oneof(
      text.map(t => ({ type: "text" as const, text: t })),
      picture,
    ),
    { minLength: 1, maxLength: 4 },
  ),
);
const call = fc.record({
  name: fc.constantFrom("weather", "time"),
  arguments: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 })),
});
const turn = fc.oneof(
  userContent.map(content => [{ role: "user", content }]),
  text.map(content => [{ role: "assistant", content }]),
  fc.tuple(fc.option(text), fc.array(fc.tuple(call, text), { minLength: 1, maxLength: 3 })).map(([said, calls]) => [
    {
      role: "assistant",
      content: said,
      tool_calls: calls.map(([c], i) => ({
        id: `c${i}`,
        type: "function",
        function: { name: c.name, arguments: JSON.stringify(c.arguments) },
      })),
    },
    ...calls.map(([, result], i) => ({ role: "tool", tool_call_id: `c${i}`, content: result })),
  ]),
);
const chat = fc
  .tuple(fc.array(text, { maxLength: 2 }), userContent, fc.array(turn, { maxLength: 5 }))
  .map(([system, first, turns]): Row[] => [
    ...system.map(content => ({ role: "system", content })),
    { role: "user", content: first },
    ...turns.flat(),
  ]);

/** What a conversation says, however it is cut into messages: texts that follow one another in one role are one. */
function meaning(list: readonly Row[]): Row[] {
  const said: Row[] = [];
  const add = (role: unknown, kind: string, value: unknown) => {
    const last = said.at(-1);
    if (kind === "text" && value === "") return;
    if (kind === "text" && last?.kind === "text" && last.role === role) last.value = `${last.value}${value}`;
    else said.push({ role, kind, value });
  };
  for (const m of list) {
    if (m.role === "tool") add("tool", m.tool_call_id as string, m.content);
    else if (typeof m.content === "string") add(m.role, "text", m.content);
    else for (const p of (m.content ?? []) as Row[]) add(m.role, String(p.type), p.type === "text" ? p.text : p.image_url);
    for (const c of (m.tool_calls ?? []) as { id: string; function: { name: string; arguments: string } }[])
      add("assistant", "call", [c.id, c.function.name, JSON.parse(c.function.arguments)]);
  }
  return said;
}

test("a chat that goes through Messages and back says the same, and Anthropic would take it", () => {
  fc.assert(
    fc.property(chat, list => {
      const body = sent({ messages: list, max_tokens: 5 });
      expect(translationRefusal({ path: "", headers: { "anthropic-version": "1" }, text: "", body })).toBeUndefined();
      expect(meaning(toChat(body).messages as Row[])).toEqual(meaning(list));
    }),
    { numRuns: 300 },
  );
});

test("tools, their choice, bounds, forms and efforts keep their meaning on the way there and back", () => {
  const form = { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" }, strict: true } };
  for (const choice of ["auto", "none", "required", { type: "function", function: { name: "weather" } }] as const)
    for (const isParallel of [true, false]) {
      const parallel = isParallel || choice === "none" ? {} : { parallel_tool_calls: false };
      const body = {
        messages: hi,
        max_tokens: 7,
        stop: ["a", "b"],
        temperature: 0.5,
        top_p: 0.9,
        tools: [weather],
        tool_choice: choice,
        ...parallel,
        response_format: form,
        reasoning_effort: "high",
        user: "u",
      };
      expect(toChat(sent(body))).toEqual({ model: "m", ...body });
    }
  expect(sent({ messages: hi, max_completion_tokens: 3, stop: "x", parallel_tool_calls: false, tools: [weather] })).toMatchObject({
    max_tokens: 3,
    stop_sequences: ["x"],
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
  });
});

test("what Anthropic cannot be told is named; values that ask for nothing, and what changes no answer, are not", () => {
  const place = (more: Row) => {
    try {
      sent({ messages: hi, ...more });
      return undefined;
    } catch (error) {
      const { kind, place } = error as ProtocolFault;
      expect(kind).toBe("untranslated");
      return place;
    }
  };
  for (const [more, named] of [
    [{ n: 2 }, "n"],
    [{ logprobs: true }, "logprobs"],
    [{ seed: 1 }, "seed"],
    [{ frequency_penalty: 1 }, "frequency_penalty"],
    [{ logit_bias: { 5: 1 } }, "logit_bias"],
    [{ temperature: 1.5 }, "temperature"],
    [{ response_format: { type: "json_object" } }, "response_format"],
    [{ functions: [{}] }, "functions"],
    [{ tools: [{ type: "custom", custom: {} }] }, "tools[0]"],
    [{ messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] }, "messages[0].content[0]"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: "{" } }] }] },
      "messages[0].tool_calls[0].function.arguments",
    ],
  ] as const)
    expect([named, place(more)]).toEqual([named, named]);
  const silent = {
    n: 1,
    logprobs: false,
    frequency_penalty: 0,
    logit_bias: {},
    store: true,
    metadata: { a: "b" },
    parallel_tool_calls: true,
  };
  expect(place({ ...silent, seed: null, stream_options: { include_usage: true } })).toBeUndefined();
  const lenient = translations.anthropic.chat!({
    ...asked({ messages: hi, seed: 1, temperature: 2, logprobs: true }),
    isLenient: true,
  }).body;
  expect(lenient).toEqual({ model: "m", messages: hi, max_tokens: 99, temperature: 1 });
  expect(() => translations.anthropic.chat!({ ...asked({ messages: hi, n: 2 }), isLenient: true })).toThrow(/"n"/);
});

test("marks of what to cache stay on texts, pictures and tools", () => {
  const cache_control = { type: "ephemeral" };
  const body = sent({
    messages: [
      { role: "system", content: [{ type: "text", text: "Long.", cache_control }] },
      { role: "user", content: [{ type: "text", text: "Hi", cache_control }] },
    ],
    tools: [{ ...weather, cache_control }],
  });
  expect(body).toMatchObject({
    system: [{ type: "text", text: "Long.", cache_control }],
    messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control }] }],
    tools: [{ name: "weather", cache_control }],
  });
});

test("thinking goes back to Anthropic with its signature", () => {
  const thought = { type: "thinking", thinking: "a", signature: "s" };
  const body = sent({
    messages: [...hi, { role: "assistant", content: "b", thinking_blocks: [thought] }, { role: "user", content: "c" }],
  });
  expect((body.messages as Row[])[1]).toEqual({ role: "assistant", content: [thought, { type: "text", text: "b" }] });
});
