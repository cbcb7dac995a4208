/**
 * Tools for models whose chat template knows none: the functions are described in the system's turn, calls are written between tags as Hermes'
 * models do, results come back in a turn of the user's. Whether the model follows is its own matter; `tool_choice` makes it begin a call.
 */
import type { ServedChatTurn } from "../../served-model.ts";
import { type ToolUse, wireTool } from "./tool.ts";

const instructions = ({ tools }: ToolUse): string =>
  [
    "These functions can be called, one JSON schema a line:",
    ...tools.map(t => JSON.stringify(wireTool(t).function)),
    "To call one, write its name and its arguments as JSON between tags, and nothing after it:",
    "<tool_call>",
    '{"name": "the function\'s name", "arguments": {"an argument": "its value"}}',
    "</tool_call>",
    "The result comes in the next message. Answer in words when no function is needed.",
  ].join("\n");

interface WrittenCall {
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown };
}

function spoken(turn: ServedChatTurn): ServedChatTurn {
  if (turn.role === "tool") return { role: "user", content: `<tool_response>\n${turn.content}\n</tool_response>` };
  const calls = turn.tool_calls as readonly WrittenCall[] | undefined;
  if (!calls) return turn;
  const { tool_calls: _, ...rest } = turn;
  const written = calls.map(c => `<tool_call>\n${JSON.stringify(c.function)}\n</tool_call>`);
  return { ...rest, content: [...(turn.content ? [turn.content] : []), ...written].join("\n") };
}

/** The turns with the tools in words. Turns of tools and calls are put in words also where no tools are given any more. */
export function describedTools(turns: readonly ServedChatTurn[], use: ToolUse | undefined): ServedChatTurn[] {
  const said = turns.map(spoken);
  if (!use) return said;
  const [first, ...rest] = said;
  return first?.role === "system"
    ? [{ ...first, content: `${first.content}\n\n${instructions(use)}` }, ...rest]
    : [{ role: "system", content: instructions(use) }, ...said];
}
