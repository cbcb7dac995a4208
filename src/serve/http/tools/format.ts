/**
 * How models write calls, a row each: what opens them, what closes them, how one is read, what an answer that must call begins with and the form
 * of the calls in it. Which one a model was taught is read off its chat template.
 */
import type { Form } from "../../../text/index.ts";
import type { CallEvents, CallSyntax } from "./call-reader.ts";
import { DeepseekReader, deepseekMarks } from "./deepseek-call.ts";
import { callSchema, partOf } from "./forced.ts";
import { PythonReader, pythonCallForm } from "./python-call.ts";
import type { Tool } from "./tool.ts";
import { XmlReader, xmlCallForm } from "./xml-call.ts";

export interface ToolFormat {
  /** Whether a template writes calls this way. */
  detect(template: string): boolean;
  /** What stands before a call, or before a list of them. */
  readonly open: readonly string[];
  /** A word of these that is a part of the call itself. */
  readonly inside?: string;
  /** What stands after each call. */
  readonly close?: string;
  /** What stands after the last call of a list. */
  readonly last?: string;
  /** An answer that begins with this character is a call, without anything before it. */
  readonly bare?: string;
  /** Between calls, besides white space. */
  readonly separators: string;
  /** How the next call of a list begins; a brace when absent. */
  readonly starts?: RegExp;
  /** A call may be its name and then its arguments, with this in between. */
  readonly named?: string;
  /** Reads a call; one in JSON when absent. */
  read?(events: CallEvents, tools: readonly Tool[]): CallSyntax;
  /** What marks calls is a special token, which text would leave out. */
  readonly showsSpecials: boolean;
  /** Where an answer must call: what stands before the call. */
  readonly before: string;
  /** How a call begins, where a model cannot be held to a form. */
  begun(name: string | undefined): string;
  /** The form of one call of these functions, behind `before`. */
  call(tools: readonly Tool[]): Form;
  /** Behind the mark that opens a call, the form of what stands there: one call, or several where they may be in parallel. */
  calls(tools: readonly Tool[], isParallel: boolean): Form;
  /** Text that ends an answer after one call. */
  readonly stopAfterOne: readonly string[];
}

const text = (t: string): Form => ({ kind: "text", text: t });
const sequence = (...parts: readonly Form[]): Form => ({ kind: "sequence", parts });
/** White space that models write between marks and calls. */
const blank: Form = { kind: "regex", pattern: "[ \\n]{0,2}" };
const listOf = (call: Form, separator: Form, isParallel: boolean): Form =>
  isParallel ? sequence(call, { kind: "repeat", of: sequence(separator, call), least: 0, most: Number.POSITIVE_INFINITY }) : call;

const jsonCall =
  (argumentsKey: string) =>
  (tools: readonly Tool[]): Form => ({ kind: "schema", ...callSchema(tools, argumentsKey), style: "spaced" });
const begunJson =
  (before: string, argumentsKey: string) =>
  (name: string | undefined): string =>
    // no space at the end: the tokens of what follows begin with it
    before + (name === undefined ? '{"name":' : `{"name": ${JSON.stringify(name)}, "${argumentsKey}":`);
const withName = (before: string) => (name: string | undefined) => before + (name ?? "");

const [byArguments, byParameters] = [jsonCall("arguments"), jsonCall("parameters")];

/** Arguments as the JSON object that stands behind a name. */
const argumentsForm = (tool: Tool): Form => ({
  kind: "schema",
  schema: { type: "object", ...tool.parameters },
  style: "spaced",
  parts: [partOf(tool, "#")],
});
const namedCall = (tools: readonly Tool[]): Form => ({
  kind: "either",
  options: tools.map(t => sequence(text(`${t.name}[ARGS]`), argumentsForm(t))),
});
const deepseekCall = (head: string, behindName: string, end: string) => {
  const one = (tool: Tool): Form => sequence(text(`${head}${tool.name}${behindName}`), argumentsForm(tool), text(end));
  const call = (tools: readonly Tool[]): Form => ({ kind: "either", options: tools.map(one) });
  return {
    call,
    calls: (tools: readonly Tool[], isParallel: boolean) =>
      sequence(
        listOf(sequence(text(deepseekMarks.call), call(tools)), isV31(head) ? text("") : text("\n"), isParallel),
        text(deepseekMarks.endCalls),
      ),
    begun: (name: string | undefined) => `${deepseekMarks.calls}${deepseekMarks.call}${head}${name ?? ""}`,
  };
};
const isV31 = (head: string): boolean => head === "";

const deepseek = {
  open: [deepseekMarks.calls],
  last: deepseekMarks.endCalls,
  separators: "",
  starts: /^</,
  read: (events: CallEvents) => new DeepseekReader(events),
  showsSpecials: true,
  before: deepseekMarks.calls + deepseekMarks.call,
  stopAfterOne: [deepseekMarks.endCall],
} as const;

export const toolFormats = {
  /** Qwen3-Coder: XML, each argument by itself. */
  xml: {
    detect: t => t.includes("<function=") && t.includes("<parameter="),
    open: ["<tool_call>", "<function="],
    close: "</tool_call>",
    separators: "",
    inside: "<function=",
    read: (events, tools) => new XmlReader(events, tools),
    showsSpecials: false,
    before: "<tool_call>\n",
    begun: withName("<tool_call>\n<function="),
    call: xmlCallForm,
    calls: tools => sequence(blank, xmlCallForm(tools), blank, text("</tool_call>")),
    stopAfterOne: ["</tool_call>"],
  },
  /** Qwen 2.5 and 3, Hermes 2 and 3, SmolLM: JSON between tags. */
  hermes: {
    detect: t => t.includes("<tool_call>"),
    open: ["<tool_call>"],
    close: "</tool_call>",
    separators: "",
    showsSpecials: false,
    before: "<tool_call>\n",
    begun: begunJson("<tool_call>\n", "arguments"),
    call: byArguments,
    calls: tools => sequence(blank, byArguments(tools), blank, text("</tool_call>")),
    stopAfterOne: ["</tool_call>"],
  },
  /** Mistral since Small 3.2: a special token, the name, another one and the arguments. */
  mistralNamed: {
    detect: t => t.includes("[TOOL_CALLS]") && t.includes("[ARGS]"),
    open: ["[TOOL_CALLS]"],
    separators: "[],",
    named: "[ARGS]",
    showsSpecials: true,
    before: "[TOOL_CALLS]",
    begun: withName("[TOOL_CALLS]"),
    call: namedCall,
    calls: namedCall,
    stopAfterOne: ["[TOOL_CALLS]"],
  },
  /** Mistral: a special token, then a list of calls. */
  mistral: {
    detect: t => t.includes("[TOOL_CALLS]"),
    open: ["[TOOL_CALLS]"],
    separators: "[],",
    named: "[ARGS]",
    showsSpecials: true,
    before: "[TOOL_CALLS][",
    begun: begunJson("[TOOL_CALLS][", "arguments"),
    call: byArguments,
    calls: (tools, isParallel) => sequence(blank, text("["), listOf(byArguments(tools), text(", "), isParallel), text("]")),
    stopAfterOne: [],
  },
  /** DeepSeek V3 and R1. */
  deepseek: {
    ...deepseek,
    detect: t => t.includes(deepseekMarks.call) && t.includes("```json"),
    ...deepseekCall(`function${deepseekMarks.separator}`, "\n```json\n", `\n\`\`\`${deepseekMarks.endCall}`),
  },
  /** DeepSeek V3.1. */
  deepseekBare: {
    ...deepseek,
    detect: t => t.includes(deepseekMarks.call),
    ...deepseekCall("", deepseekMarks.separator, deepseekMarks.endCall),
  },
  /** LFM2: a list in Python between special tokens. */
  lfm2: {
    detect: t => t.includes("<|tool_call_start|>"),
    open: ["<|tool_call_start|>"],
    last: "<|tool_call_end|>",
    separators: "[,]",
    starts: /^[A-Za-z_]/,
    read: (events, tools) => new PythonReader(events, tools),
    showsSpecials: true,
    before: "<|tool_call_start|>[",
    begun: withName("<|tool_call_start|>["),
    call: pythonCallForm,
    calls: (tools, isParallel) => sequence(text("["), listOf(pythonCallForm(tools), text(", "), isParallel), text("]<|tool_call_end|>")),
    stopAfterOne: ["<|tool_call_end|>"],
  },
  /** Llama 3.2 and 4 as they are taught lists in Python, ToolACE. */
  pythonic: {
    detect: t => /\[func(?:tion)?_?(?:name)?1?\(/.test(t),
    open: ["<|python_start|>", "<|python_tag|>"],
    last: "]",
    bare: "[",
    separators: "[,",
    starts: /^[A-Za-z_]/,
    read: (events, tools) => new PythonReader(events, tools),
    showsSpecials: true,
    before: "[",
    begun: withName("["),
    call: pythonCallForm,
    calls: (tools, isParallel) => sequence(text("["), listOf(pythonCallForm(tools), text(", "), isParallel), text("]")),
    stopAfterOne: [],
  },
  /** Llama 3.1 to 3.3: the answer is the call, with `parameters`; several are separated by semicolons. */
  llama: {
    detect: t => t.includes("<|python_tag|>") || (t.includes('"parameters"') && t.includes("<|start_header_id|>")) || t.includes("ipython"),
    open: ["<|python_tag|>"],
    bare: "{",
    separators: ";,",
    showsSpecials: true,
    before: "",
    begun: begunJson("", "parameters"),
    call: byParameters,
    calls: (tools, isParallel) => listOf(byParameters(tools), text("; "), isParallel),
    stopAfterOne: [],
  },
} as const satisfies Readonly<Record<string, ToolFormat>>;

/** The format that a template writes; none where it knows no tools. */
export function formatOf(template: string | undefined): ToolFormat | undefined {
  if (template === undefined || !/\btools\b/.test(template)) return undefined;
  return Object.values<ToolFormat>(toolFormats).find(f => f.detect(template)) ?? toolFormats.hermes;
}
