/** Forms of calls in every format: what the masks let through is a call that the parser reads back with arguments of the schema. */
import { expect, test } from "vitest";
import type { FormState } from "../../../nn/index.ts";
import { byteTokenizer } from "../../fakes.ts";
import type { ServedTokenizer } from "../../served-model.ts";
import { joined, ToolAnswer } from "./answer-parser.ts";
import { oneCall, strictCalls } from "./call-state.ts";
import { deepseekMarks } from "./deepseek-call.ts";
import { type ToolFormat, toolFormats } from "./format.ts";
import type { ToolUse } from "./tool.ts";

/** Bytes, and tokens of their own for the marks that real vocabularies have as special tokens. */
const marks = [
  ...Object.values(deepseekMarks),
  "[TOOL_CALLS]",
  "[ARGS]",
  "<|tool_call_start|>",
  "<|tool_call_end|>",
  "<|python_tag|>",
  "<|python_start|>",
];
const specials = new Map(marks.map((m, i) => [m, 257 + i]));
const pattern = new RegExp(marks.map(m => m.replace(/[[\]|]/g, "\\$&")).join("|"), "g");
const tokenizer: ServedTokenizer = {
  ...byteTokenizer,
  vocabSize: 257 + marks.length,
  specials,
  encode: text => {
    const found = [...text.matchAll(pattern)];
    let at = 0;
    const ids = found.flatMap(m => {
      const before = [...Buffer.from(text.slice(at, m.index))];
      at = m.index + m[0].length;
      return [...before, specials.get(m[0])!];
    });
    return [...ids, ...Buffer.from(text.slice(at))];
  },
};

const tools = [
  {
    name: "weather",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { enum: ["c", "f"] }, days: { type: "integer" } },
      required: ["city", "unit"],
      additionalProperties: false,
    },
  },
  { name: "now", strict: true, parameters: { type: "object", properties: {}, additionalProperties: false } },
];
const use = (more: Partial<ToolUse> = {}): ToolUse => ({ tools, choice: "required", isParallel: true, ...more });

const isIn = ({ mask }: FormState, t: number) => (((mask[t >>> 5] ?? 0) >>> (t & 31)) & 1) === 1;
/** The state after a text; where it stops, how much of it was taken. */
function after(form: FormState, text: string): FormState | string {
  let at = form;
  const ids = Array.from(tokenizer.encode(text));
  for (const [i, id] of ids.entries()) {
    const next = isIn(at, id) ? at.next(id) : undefined;
    if (!next) return Buffer.from(ids.slice(0, i).filter(b => b < 256)).toString();
    at = next;
  }
  return at;
}

/** In each format, what stands behind `before` where weather is called for Oslo in degrees Celsius. */
const written: Record<keyof typeof toolFormats, string> = {
  xml: "<function=weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=unit>\nc\n</parameter>\n</function>",
  hermes: '{"name": "weather", "arguments": {"city": "Oslo", "unit": "c"}}',
  mistralNamed: 'weather[ARGS]{"city": "Oslo", "unit": "c"}',
  mistral: '{"name": "weather", "arguments": {"city": "Oslo", "unit": "c"}}',
  deepseek: 'function<｜tool▁sep｜>weather\n```json\n{"city": "Oslo", "unit": "c"}\n```<｜tool▁call▁end｜>',
  deepseekBare: 'weather<｜tool▁sep｜>{"city": "Oslo", "unit": "c"}<｜tool▁call▁end｜>',
  lfm2: 'weather(city="Oslo", unit="c")',
  pythonic: 'weather(city="Oslo", unit="c")',
  llama: '{"name": "weather", "parameters": {"city": "Oslo", "unit": "c"}}',
};

for (const [name, format] of Object.entries<ToolFormat>(toolFormats)) {
  const call = written[name as keyof typeof toolFormats];
  test(`${name}: an answer that must call is a call of the schema, and is over with it`, () => {
    const state = after(oneCall(tokenizer, format, use()), call);
    expect(state).toMatchObject({ isComplete: true });
    const parser = new ToolAnswer(format, use());
    const { calls } = joined([...parser.push(format.before + call), ...parser.end()]);
    expect(calls.map(c => [c.name, JSON.parse(c.arguments)])).toEqual([["weather", { city: "Oslo", unit: "c" }]]);
    // another value than the schema's does not get past the mask
    const wrong = call.replace(/(unit\W+)c/, "$1x");
    expect(after(oneCall(tokenizer, format, use()), wrong)).toBeTypeOf("string");
    // and a function that was not named neither
    expect(after(oneCall(tokenizer, format, use({ choice: { name: "now" } })), call)).toBeTypeOf("string");
  });

  test(`${name}: a strict function's arguments are of its schema where the model chose to call`, () => {
    const start = strictCalls(tokenizer, format, use({ choice: "auto" }));
    expect(start).toMatchObject({ isAccepting: true, isComplete: false });
    const said = format.bare === undefined ? "Let me see. " : "";
    const inList = format.before.slice(format.open[0]!.length);
    const opening = format.bare === undefined ? format.open[0]! + inList : format.before;
    expect(after(start, `${said}${opening}${call}`)).toBeTypeOf("object");
    expect(after(start, `${said}${opening}${call.replace(/(unit\W+)c/, "$1x")}`)).toBeTypeOf("string");
    // any other text is free
    expect(after(start, "It rains. {[<tool> and so on")).toMatchObject({ isAccepting: true });
  });
}

test("behind a strict call there may be another one, and text", () => {
  const start = strictCalls(tokenizer, toolFormats.hermes, use({ choice: "auto" }));
  const call = `<tool_call>\n${written.hermes}\n</tool_call>`;
  expect(after(start, `${call}\n${call} Done.`)).toMatchObject({ isAccepting: true });
  expect(after(start, `${call}\n<tool_call>\n{"name": "rm`)).toBeTypeOf("string");
});

test("a mark that ends inside of a token is found, with what the token says of the call", () => {
  const merged: ServedTokenizer = {
    ...tokenizer,
    vocabSize: 400,
    bytesOf: id => (id === 399 ? Buffer.from("call>\n{") : byteTokenizer.bytesOf!(id)),
  };
  const start = strictCalls(merged, toolFormats.hermes, use({ choice: "auto" }));
  let state = start;
  for (const id of [...Buffer.from("a<tool_"), 399]) state = state.next(id)!;
  expect(isIn(state, '"'.charCodeAt(0))).toBe(true);
  expect(isIn(state, "x".charCodeAt(0))).toBe(false);
});

test("functions that are not strict take any object where they are written as JSON", () => {
  const loose = use({
    choice: "auto",
    tools: [tools[0]!, { ...tools[1]!, name: "free", strict: false, parameters: { type: "object", properties: { a: { enum: [1] } } } }],
  });
  const start = strictCalls(tokenizer, toolFormats.hermes, loose);
  expect(after(start, '<tool_call>\n{"name": "free", "arguments": {"b": [2]}}\n</tool_call>')).toBeTypeOf("object");
});
