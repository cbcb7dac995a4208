/**
 * How models write calls, a row each: what opens them, what closes them, what an answer that must call begins with. Which one a model was
 * taught is read off its chat template.
 */

export interface ToolFormat {
  /** Whether a template writes calls this way. */
  detect(template: string): boolean;
  /** What stands before a call, or before a list of them. */
  readonly open: readonly string[];
  /** What stands after each call. */
  readonly close?: string;
  /** An answer that begins with a brace is a call, without anything before it. */
  readonly bare: boolean;
  /** Between calls, besides white space. */
  readonly separators: string;
  /** A call may be its name and then its arguments, with this in between. */
  readonly named?: string;
  /** What marks calls is a special token, which text would leave out. */
  readonly showsSpecials: boolean;
  /** What the arguments are called. */
  readonly argumentsKey: string;
  /** Where an answer must call: what stands before the call's JSON. */
  readonly before: string;
  /** Text that ends an answer after one call. */
  readonly stopAfterOne: readonly string[];
}

/** How the JSON of a call begins, where a model cannot be held to a schema; with the function's name where it must be that one. */
export const begun = ({ argumentsKey, before }: ToolFormat, name: string | undefined): string =>
  // no space at the end: the tokens of what follows begin with it
  before + (name === undefined ? '{"name":' : `{"name": ${JSON.stringify(name)}, "${argumentsKey}":`);

export const toolFormats = {
  /** Qwen 2.5 and 3, Hermes 2 and 3, SmolLM: JSON between tags. */
  hermes: {
    detect: t => t.includes("<tool_call>"),
    open: ["<tool_call>"],
    close: "</tool_call>",
    bare: false,
    separators: "",
    showsSpecials: false,
    argumentsKey: "arguments",
    before: "<tool_call>\n",
    stopAfterOne: ["</tool_call>"],
  },
  /** Mistral: a special token, then a list of calls, or (since Small 3.2) a name and its arguments. */
  mistral: {
    detect: t => t.includes("[TOOL_CALLS]"),
    open: ["[TOOL_CALLS]"],
    bare: false,
    separators: "[],",
    named: "[ARGS]",
    showsSpecials: true,
    argumentsKey: "arguments",
    before: "[TOOL_CALLS][",
    stopAfterOne: [],
  },
  /** Llama 3.1 to 3.3: the answer is the call, with `parameters`; several are separated by semicolons. */
  llama: {
    detect: t => t.includes("<|python_tag|>") || (t.includes('"parameters"') && t.includes("<|start_header_id|>")) || t.includes("ipython"),
    open: ["<|python_tag|>"],
    bare: true,
    separators: ";,",
    showsSpecials: true,
    argumentsKey: "parameters",
    before: "",
    stopAfterOne: [],
  },
} as const satisfies Readonly<Record<string, ToolFormat>>;

/** The format that a template writes; none where it knows no tools. */
export function formatOf(template: string | undefined): ToolFormat | undefined {
  if (template === undefined || !/\btools\b/.test(template)) return undefined;
  return Object.values(toolFormats).find(f => f.detect(template)) ?? toolFormats.hermes;
}
