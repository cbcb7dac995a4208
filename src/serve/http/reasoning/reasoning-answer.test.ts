import fc from "fast-check";
import { expect, test } from "vitest";
import { byteTokenizer } from "../../fakes.ts";
import { joined, plainAnswer, ToolAnswer } from "../tools/answer-parser.ts";
import { toolFormats } from "../tools/format.ts";
import type { ToolUse } from "../tools/tool.ts";
import { isReasoningOpen, reasoningMarks } from "./marks.ts";
import { ReasoningAnswer, ReasoningCount } from "./reasoning-answer.ts";

const marks = { open: "<think>", close: "</think>" };
const use: ToolUse = { tools: [{ name: "add" }], choice: "auto", isParallel: true };

function read(text: string, isOpen: boolean, cuts: readonly number[] = []) {
  const answer = new ReasoningAnswer({ marks, isOpen, inner: new ToolAnswer(toolFormats.hermes, use) });
  const at = [0, ...[...cuts].filter(c => c < text.length).sort((a, b) => a - b), text.length];
  const parts = at.slice(1).flatMap((end, i) => answer.push(text.slice(at[i], end)));
  const { content, reasoning, calls } = joined([...parts, ...answer.end()]);
  return { content, reasoning, calls: calls.map(c => [c.name, c.arguments]) };
}

const cases: [string, string, boolean, string, string][] = [
  ["an answer without reasoning", "It rains.", false, "", "It rains."],
  ["reasoning and an answer", "<think>\nHm, 2 < 3.\n</think>\n\nYes.", false, "Hm, 2 < 3.", "Yes."],
  ["reasoning that the template has opened", "Hm.\n</think>\n\nYes.", true, "Hm.", "Yes."],
  ["empty reasoning", "<think>\n\n</think>\n\nYes.", false, "", "Yes."],
  ["reasoning that is cut off in its mark", "<think>Hm. </thi", false, "Hm. </thi", ""],
  ["a mark in the middle of an answer", "Say <think>a</think>.", false, "", "Say <think>a</think>."],
  ["a mark that is none", "<thing> is", false, "", "<thing> is"],
];
for (const [name, text, isOpen, reasoning, content] of cases)
  test(`${name} is split`, () => {
    expect(read(text, isOpen)).toEqual({ content, reasoning, calls: [] });
  });

test("a call behind the reasoning is found, one inside of it is not", () => {
  const call = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>';
  expect(read(`<think>${call}</think>${call}`, false)).toEqual({ content: "", reasoning: call, calls: [["add", '{"a": 1}']] });
});

test("however an answer is cut while it comes, it is split as the whole is", () => {
  const piece = fc.constantFrom(
    "<think>",
    "</think>",
    "<th",
    "ink>",
    " ",
    "\n",
    "a",
    "b.",
    "<",
    "</",
    "<tool_call>",
    '{"name": "add"}',
    "</tool_call>",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.boolean(), fc.array(fc.nat(120), { maxLength: 20 }), (pieces, isOpen, cuts) => {
      const text = pieces.join("");
      expect(read(text, isOpen, cuts)).toEqual(read(text, isOpen));
    }),
    { numRuns: 3000 },
  );
});

test("tokens of the reasoning are counted the same however they come", () => {
  const tokens = Array.from(byteTokenizer.encode("<think>ab</think>cd"), token => ({ token }));
  const count = (groups: (typeof tokens)[]) => {
    const counter = new ReasoningCount(byteTokenizer, marks, false);
    for (const group of groups) counter.add(group);
    return counter.tokens;
  };
  // the token that ends the first mark, two letters, and the second mark
  expect(count([tokens])).toBe(1 + 2 + 8);
  expect(count(tokens.map(t => [t]))).toBe(1 + 2 + 8);
  expect(new ReasoningAnswer({ marks, isOpen: false, inner: plainAnswer }).isReasoning).toBe(false);
});

test("marks are read off the template, and whether the prompt has opened them off its end", () => {
  const model = (source: string) => ({ tokenizer: byteTokenizer, chatTemplate: { source, render: () => "" } });
  expect(reasoningMarks(model("{{ content.split('</think>')[-1] }}"))).toEqual(marks);
  expect(reasoningMarks(model("[THINK]x[/THINK]"))?.open).toBe("[THINK]");
  expect(reasoningMarks(model("{{ content }}"))).toBeUndefined();
  const open = (prompt: string, continued?: string) =>
    isReasoningOpen(model(""), marks, Array.from(byteTokenizer.encode(prompt)), continued);
  expect([open("<|assistant|><think>\n"), open("<|assistant|>"), open("<think>\n\n</think>\n\n")]).toEqual([true, false, false]);
  expect([
    open("<|assistant|><think>I", "<think>I"),
    open("<|assistant|><think>I", "I"),
    open("<|user|><think><|assistant|>I", "I"),
  ]).toEqual([true, true, false]);
});
