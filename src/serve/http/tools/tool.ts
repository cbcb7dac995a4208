/** Functions that a chat may call, and whether it must. */
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";

export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON schema of the arguments' object. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly strict?: boolean | undefined;
}

/** Whether the answer is to call: as it likes, one at least, or this one. Not at all is no tool use. */
type ToolChoice = "auto" | "required" | { readonly name: string };

export interface ToolUse {
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  /** Several calls in one answer. */
  readonly isParallel: boolean;
}

/** Checks what belongs together; undefined where nothing is to be called. Errors: serve/parameter. */
export function toolUse(tools: readonly Tool[], choice: ToolChoice | "none" | undefined, isParallel: boolean): ToolUse | undefined {
  const fail = (place: string, expected: string, received: string) => serveErrors.fail("parameter", { place, expected, received });
  if (tools.length === 0) {
    if (choice === "required" || typeof choice === "object") throw fail("tool_choice", "tools beside it", "none");
    return undefined;
  }
  const names = tools.map(t => t.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw fail("tools", "names that differ", `"${twice}" twice`);
  if (typeof choice === "object" && !names.includes(choice.name))
    throw fail("tool_choice", `one of the tools ${names.slice(0, 10).join(", ")}`, `"${choice.name}"`);
  const characters = JSON.stringify(tools).length;
  if (characters > limits.toolCharacters) throw fail("tools", `at most ${limits.toolCharacters} characters`, `${characters}`);
  return choice === "none" ? undefined : { tools, choice: choice ?? "auto", isParallel };
}

/** The tools of these names, where only some of them may be called. Errors: serve/parameter for a name that is none. */
export function allowedTools(tools: readonly Tool[], names: readonly string[], place: string): readonly Tool[] {
  const unknown = names.find(n => !tools.some(t => t.name === n));
  if (unknown === undefined) return tools.filter(t => names.includes(t.name));
  const expected = `names of tools: ${
    tools
      .map(t => t.name)
      .slice(0, 10)
      .join(", ") || "none is given"
  }`;
  throw serveErrors.fail("parameter", { place, expected, received: JSON.stringify(unknown.slice(0, 60)) });
}

/** A tool as OpenAI writes it and templates read it. */
export const wireTool = ({ name, description, parameters: schema }: Tool) => ({
  type: "function",
  function: { name, description: description ?? "", parameters: schema ?? { type: "object", properties: {} } },
});
