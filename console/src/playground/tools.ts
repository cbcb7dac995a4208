/**
 * Functions that a model may call: as somebody types them, as a request sends them, the calls of a response and the results that a person gives.
 * OpenAI's forms: `tools`, `tool_choice`, `tool_calls`, messages of the role `tool`.
 */
import * as is from "../shape.ts";
import { schemaProblem } from "./schema-problem.ts";

/** A function as typed; `parameters` is the text of a JSON Schema, empty for a function without arguments. */
export const toolField = is.object({ name: is.string, description: is.string, parameters: is.string });
export type ToolField = is.Infer<typeof toolField>;

export const toolCall = is.object({ id: is.string, name: is.string, arguments: is.string });
/** `arguments`: JSON, as the model wrote it. */
export type ToolCall = Readonly<is.Infer<typeof toolCall>>;

export const toolResult = is.object({ callId: is.string, name: is.string, content: is.string });
/** What a person says that a call gave. */
export type ToolResult = Readonly<is.Infer<typeof toolResult>>;

/** A piece of a streamed call: the name comes first, then the arguments in pieces. */
export interface ToolCallPiece {
  /** Which call of the response. */
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments: string;
}

export interface WireTool {
  readonly type: "function";
  readonly function: { readonly name: string; readonly description?: string; readonly parameters: object };
}
export interface WireCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}
export type WireChoice = "auto" | "none" | "required" | { readonly type: "function"; readonly function: { readonly name: string } };

export const mostTools = 16;

/** A function to begin with: one that has an argument, so that its schema shows how they are written. */
export const exampleTool = (names: readonly string[]): ToolField => {
  const free = ["weather", ...Array.from({ length: mostTools }, (_, i) => `function_${i + 2}`)].find(n => !names.includes(n));
  return {
    name: free!,
    description: "Current weather of a city",
    parameters: JSON.stringify(
      { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
      null,
      2,
    ),
  };
};

export interface ToolProblems {
  readonly name?: string;
  readonly parameters?: string;
}

/** What is wrong with each, in order; an empty object where nothing is. */
export const toolProblems = (tools: readonly ToolField[]): ToolProblems[] =>
  tools.map(({ name, parameters }, i) => {
    const isTaken = tools.slice(0, i).some(t => t.name === name);
    const ofName = !/^[\w-]{1,64}$/.test(name)
      ? "1 to 64 letters, digits, _ or -."
      : isTaken
        ? `Another function has the name ${name}.`
        : undefined;
    const ofParameters = schemaProblem(parameters, "object");
    return { ...(ofName ? { name: ofName } : {}), ...(ofParameters ? { parameters: ofParameters } : {}) };
  });

/** What `tool_choice` may be: the words of the API, then the functions. The empty one is left to the server, which is `auto`. */
export const choicesOf = (tools: readonly ToolField[]): readonly string[] => [
  "",
  "none",
  "required",
  ...tools.map(t => `function ${t.name}`),
];

/** Of fields without a problem. A function that the choice names and that is gone is `auto`. */
export function wireTools(
  tools: readonly ToolField[],
  choice: string,
): { readonly tools?: readonly WireTool[]; readonly tool_choice?: WireChoice } {
  if (tools.length === 0) return {};
  const name = choice.startsWith("function ") ? choice.slice("function ".length) : undefined;
  const given: WireChoice | undefined =
    choice === "none" || choice === "required"
      ? choice
      : name !== undefined && tools.some(t => t.name === name)
        ? { type: "function", function: { name } }
        : undefined;
  return {
    tools: tools.map(t => ({
      type: "function",
      function: {
        name: t.name,
        ...(t.description.trim() === "" ? {} : { description: t.description }),
        parameters: t.parameters.trim() === "" ? { type: "object", properties: {} } : (JSON.parse(t.parameters) as object),
      },
    })),
    ...(given === undefined ? {} : { tool_choice: given }),
  };
}

export const wireCalls = (calls: readonly ToolCall[]): WireCall[] =>
  calls.map(c => ({ id: c.id, type: "function", function: { name: c.name, arguments: c.arguments } }));

/** The calls with one more piece. */
export function withPiece(calls: readonly ToolCall[], { index, id, name, arguments: more }: ToolCallPiece): readonly ToolCall[] {
  const old = calls[index] ?? { id: "", name: "", arguments: "" };
  const next = { id: id ?? old.id, name: name ?? old.name, arguments: old.arguments + more };
  // a server whose indices do not follow each other
  if (index >= calls.length) return [...calls, next];
  return calls.map((c, i) => (i === index ? next : c));
}

/** Arguments for reading: indented where they are JSON, and as they are while they come or are none. */
export function shownArguments(text: string): { readonly text: string; readonly isJson: boolean } {
  try {
    return { text: JSON.stringify(JSON.parse(text), null, 2), isJson: true };
  } catch {
    return { text, isJson: false };
  }
}
