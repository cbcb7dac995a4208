import fc from "fast-check";
import { expect, test } from "vitest";
import { joined, ToolAnswer, wholeParts } from "./answer-parser.ts";
import { formatOf, type ToolFormat, toolFormats } from "./format.ts";
import type { ToolUse } from "./tool.ts";

const tools = [
  {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "array", items: { type: "integer" } }, note: { type: ["string", "null"] } },
    },
  },
  {
    name: "add",
    parameters: { type: "object", properties: { a: { type: "integer" }, b: { $ref: "#/$defs/n" } }, $defs: { n: { type: "number" } } },
  },
];
const use: ToolUse = { tools, choice: "auto", isParallel: true };

/** What an answer holds, read whole. */
function read(format: ToolFormat, text: string, of: ToolUse = use) {
  const answer = new ToolAnswer(format, of);
  const { content, calls } = joined([...answer.push(text), ...answer.end()]);
  return { content, calls: calls.map(c => [c.name, c.arguments]) };
}

const paris = '{"city": "Paris {\\"x\\"}", "days": [1, 2]}';
const cases: [string, ToolFormat, string, string, string[][]][] = [
  ["no call", toolFormats.hermes, "It rains.", "It rains.", []],
  ["a tag that is none", toolFormats.hermes, "a <tool> b", "a <tool> b", []],
  [
    "a call between tags",
    toolFormats.hermes,
    `Let me see.\n<tool_call>\n{"name": "weather", "arguments": ${paris}}\n</tool_call>`,
    "Let me see.",
    [["weather", paris]],
  ],
  [
    "two calls",
    toolFormats.hermes,
    '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>\n<tool_call>{"name": "add", "arguments": {}}</tool_call>\n',
    "",
    [
      ["add", '{"a": 1}'],
      ["add", "{}"],
    ],
  ],
  [
    "arguments before the name",
    toolFormats.hermes,
    '<tool_call>{"arguments": {"a": 1}, "name": "add"}</tool_call>',
    "",
    [["add", '{"a": 1}']],
  ],
  [
    "arguments as a text",
    toolFormats.hermes,
    '<tool_call>{"name": "add", "arguments": "{\\"a\\": 1}"}</tool_call>',
    "",
    [["add", '{"a": 1}']],
  ],
  ["no arguments", toolFormats.hermes, '<tool_call>{"name": "add"}</tool_call> done', " done", [["add", "{}"]]],
  [
    "an unknown function",
    toolFormats.hermes,
    'Hm <tool_call>{"name": "rm", "arguments": {}}</tool_call>',
    'Hm <tool_call>{"name": "rm", "arguments": {}}</tool_call>',
    [],
  ],
  ["broken JSON", toolFormats.hermes, "<tool_call>weather in Paris</tool_call>", "<tool_call>weather in Paris</tool_call>", []],
  ["cut off in the arguments", toolFormats.hermes, '<tool_call>{"name": "add", "arguments": {"a": 1', "", [["add", '{"a": 1']]],
  ["cut off in the name", toolFormats.hermes, '<tool_call>{"name": "ad', '<tool_call>{"name": "ad', []],
  [
    "Mistral's list",
    toolFormats.mistral,
    `[TOOL_CALLS] [{"name": "weather", "arguments": ${paris}}, {"name": "add", "arguments": {}}]`,
    "",
    [
      ["weather", paris],
      ["add", "{}"],
    ],
  ],
  [
    "Mistral's names",
    toolFormats.mistral,
    '[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]weather[ARGS]{}',
    "",
    [
      ["add", '{"a": 1}'],
      ["weather", "{}"],
    ],
  ],
  ["a list that calls nothing", toolFormats.mistral, "[1, 2]", "[1, 2]", []],
  ["Llama's bare call", toolFormats.llama, '{"name": "add", "parameters": {"a": 1}}', "", [["add", '{"a": 1}']]],
  [
    "Llama's two",
    toolFormats.llama,
    '<|python_tag|>{"name": "add", "parameters": {}}; {"name": "weather", "parameters": {}}',
    "",
    [
      ["add", "{}"],
      ["weather", "{}"],
    ],
  ],
  [
    "Qwen3-Coder's XML",
    toolFormats.xml,
    'Let me see.\n<tool_call>\n<function=weather>\n<parameter=city>\nŁódź "x"\n</parameter>\n<parameter=days>\n[1, 2]\n</parameter>\n<parameter=note>\nNone\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\n2.5\n</parameter>\n</function>\n</tool_call>',
    "Let me see.",
    [
      ["weather", '{"city": "Łódź \\"x\\"", "days": [1, 2], "note": null}'],
      ["add", '{"a": 1, "b": 2.5}'],
    ],
  ],
  [
    "XML without the tag around it, its text with marks and lines",
    toolFormats.xml,
    "<function=weather>\n<parameter=city>\nif a < b:\n  </p>\n😀\n</parameter>\n</function>",
    "",
    [["weather", '{"city": "if a < b:\\n  </p>\\n😀"}']],
  ],
  ["XML without arguments", toolFormats.xml, "<tool_call>\n<function=add>\n</function>\n</tool_call>", "", [["add", "{}"]]],
  ["XML of an unknown function", toolFormats.xml, "<tool_call>\n<function=rm>\n</function>", "<tool_call>\n<function=rm>\n</function>", []],
  ["XML that is cut off", toolFormats.xml, "<tool_call>\n<function=add>\n<parameter=a>\n1", "", [["add", '{"a": ']]],
  [
    "Python's calls",
    toolFormats.pythonic,
    "[weather(city='Łódź \\'x\\' \"y\"', days=[1, -2.5e3], note=None), add(a=1, b={'c': (True, \"d\")})]",
    "",
    [
      ["weather", '{"city": "Łódź \'x\' \\"y\\"", "days": [1, -2.5e3], "note": null}'],
      ["add", '{"a": 1, "b": {"c": [true, "d"]}}'],
    ],
  ],
  ["Python's call without arguments and what is said behind it", toolFormats.pythonic, "[add()] Done.", " Done.", [["add", "{}"]]],
  ["a list of Python's that calls nothing", toolFormats.pythonic, "[1, add]", "[1, add]", []],
  ["Python's unknown function", toolFormats.pythonic, "[rm(a=1)]", "[rm(a=1)]", []],
  [
    "LFM2's calls",
    toolFormats.lfm2,
    'Let me see.<|tool_call_start|>[weather(city="Oslo"), add(a=1)]<|tool_call_end|>Wait.',
    "Let me see.Wait.",
    [
      ["weather", '{"city": "Oslo"}'],
      ["add", '{"a": 1}'],
    ],
  ],
  [
    "DeepSeek V3's calls",
    toolFormats.deepseek,
    `One moment.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n\`\`\`json\n${paris}\n\`\`\`<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n\`\`\`json\n{}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    "One moment.",
    [
      ["weather", paris],
      ["add", "{}"],
    ],
  ],
  [
    "DeepSeek V3.1's calls",
    toolFormats.deepseekBare,
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>${paris}<｜tool▁call▁end｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    "",
    [
      ["weather", paris],
      ["add", '{"a": 1}'],
    ],
  ],
  ["Mistral's names with an id", toolFormats.mistralNamed, '[TOOL_CALLS]add[CALL_ID]x1Y[ARGS]{"a": 1}', "", [["add", '{"a": 1}']]],
  ["an object that is no call", toolFormats.llama, '{"city": "Paris"}', '{"city": "Paris"}', []],
  ["a brace in the middle", toolFormats.llama, 'So {"name": "add"}', 'So {"name": "add"}', []],
];
for (const [name, format, text, content, calls] of cases)
  test(`${name} is read for what it is`, () => {
    expect(read(format, text)).toEqual({ content, calls });
  });

test("however an answer is cut while it comes, the same is read", () => {
  const answers = cases.map(([, format, text]) => ({ format, text }));
  fc.assert(
    fc.property(fc.constantFrom(...answers), fc.array(fc.nat(200), { maxLength: 30 }), ({ format, text }, at) => {
      const cuts = [0, ...at.filter(i => i < text.length).sort((a, b) => a - b), text.length];
      const answer = new ToolAnswer(format, use);
      const parts = cuts.slice(1).flatMap((end, i) => answer.push(text.slice(cuts[i], end)));
      const { content, calls } = joined([...parts, ...answer.end()]);
      expect({ content, calls: calls.map(c => [c.name, c.arguments]) }).toEqual(read(format, text));
    }),
    { numRuns: 2000 },
  );
});

test("any text at all is read to its end, and nothing of it is lost where nothing is called", () => {
  const word = fc.constantFrom(
    "<tool_call>",
    "</tool_call>",
    "{",
    "}",
    '"name"',
    ":",
    '"add"',
    ",",
    "[",
    "]",
    " ",
    "\\",
    '"',
    "x",
    "[TOOL_CALLS]",
    "[ARGS]",
    ";",
    "<function=add>",
    "<parameter=a>",
    "</parameter>",
    "</function>",
    "add(",
    "a=",
    ")",
    "'",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁sep｜>",
    "<｜tool▁call▁end｜>",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 25 }), fc.constantFrom(...Object.values<ToolFormat>(toolFormats)), (words, format) => {
      const text = words.join("");
      const { content, calls } = read(format, text);
      if (calls.length === 0) expect(content.trimEnd()).toBe(text.trimEnd());
      for (const [name] of calls) expect(["add", "weather"]).toContain(name);
    }),
    { numRuns: 3000 },
  );
});

test("any text at all is read the same however it is cut, in every format", () => {
  const word = fc.constantFrom(...cases.flatMap(([, , text]) => text.split(/(?<=[>\])}\n(=])/)));
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 14 }),
      fc.constantFrom(...Object.values<ToolFormat>(toolFormats)),
      fc.array(fc.nat(300), { maxLength: 12 }),
      (words, format, at) => {
        const text = words.join("");
        const cuts = [0, ...at.filter(i => i < text.length).sort((a, b) => a - b), text.length];
        const answer = new ToolAnswer(format, use);
        const parts = cuts.slice(1).flatMap((end, i) => answer.push(text.slice(cuts[i], end)));
        const { content, calls } = joined([...parts, ...answer.end()]);
        expect({ content, calls: calls.map(c => [c.name, c.arguments]) }).toEqual(read(format, text));
      },
    ),
    { numRuns: 3000 },
  );
});

test("a call that a length cut off has the arguments that were written, whole and streamed, and none that nobody wrote", () => {
  const cut = (text: string) => joined(wholeParts(new ToolAnswer(toolFormats.hermes, use), text, [], true));
  const calls = (text: string) => cut(text).calls.map(c => [c.name, c.arguments]);
  expect(cut('Hm. <tool_call>{"name": "add"').content).toBe("Hm.");
  expect(calls('Hm. <tool_call>{"name": "add"')).toEqual([["add", ""]]);
  expect(calls('<tool_call>{"name": "add", "arguments": {"a": 1')).toEqual([["add", '{"a": 1']]);
  expect(calls('<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call><tool_call>{"name": "weather"')).toEqual([
    ["add", '{"a": 1}'],
    ["weather", ""],
  ]);
  const streamed = new ToolAnswer(toolFormats.hermes, use);
  expect([...streamed.push('<tool_call>{"name": "add"'), ...streamed.end(true)]).toMatchObject([{ kind: "call", name: "add" }]);
});

test("a call's name goes out before its arguments are whole, and they follow as they come", () => {
  const answer = new ToolAnswer(toolFormats.hermes, use);
  expect(answer.push('Yes.<tool_call>{"name": "add", ')).toMatchObject([
    { kind: "text", text: "Yes." },
    { kind: "call", name: "add", index: 0 },
  ]);
  expect(answer.push('"arguments": {"a": ')).toEqual([{ kind: "arguments", index: 0, text: '{"a": ' }]);
  expect(answer.push("1}}</tool")).toEqual([{ kind: "arguments", index: 0, text: "1}" }]);
});

test("where one call is wanted, nothing is said after it", () => {
  const two = '{"name": "add", "parameters": {}}; {"name": "add", "parameters": {}} and more';
  expect(read(toolFormats.llama, two, { ...use, isParallel: false })).toEqual({ content: "", calls: [["add", "{}"]] });
});

test("the format is read off the template; a template without tools has none", () => {
  expect(formatOf("{% if tools %}<tool_call>{% endif %}")).toBe(toolFormats.hermes);
  expect(formatOf("{{ tools }}[TOOL_CALLS]")).toBe(toolFormats.mistral);
  expect(formatOf("{{ tools }}[TOOL_CALLS]f[ARGS]{}")).toBe(toolFormats.mistralNamed);
  expect(formatOf("{{ tools }}<tool_call><function=f><parameter=a>")).toBe(toolFormats.xml);
  expect(formatOf("{{ tools }}[func_name1(params_name1=params_value1)]")).toBe(toolFormats.pythonic);
  expect(formatOf("{{ tools }}<|tool_call_start|>")).toBe(toolFormats.lfm2);
  expect(formatOf("{{ tools }}<｜tool▁call▁begin｜>function<｜tool▁sep｜>```json")).toBe(toolFormats.deepseek);
  expect(formatOf("{{ tools }}<｜tool▁call▁begin｜>")).toBe(toolFormats.deepseekBare);
  expect(formatOf('{{ tools }}<|start_header_id|>{"name": 1, "parameters": 2}')).toBe(toolFormats.llama);
  expect(formatOf("{% for m in messages %}{{ m.content }}{% endfor %}")).toBeUndefined();
  expect(formatOf(undefined)).toBeUndefined();
});
