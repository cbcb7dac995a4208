/** The messages of a chat as clients write them, and the turns that templates read. */
import { editDistance, nearest } from "../../base/index.ts";
import { type ChatMessages, chatRoles } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import type { ServedChatTemplate, ServedChatTurn } from "../served-model.ts";

const textOf = (content: ChatMessages[number]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(p => p.text).join("");

/** Templates write arguments as JSON themselves, from an object; what is no object stays the text that it is. */
function argumentsOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

/** Developer messages are OpenAI's newer word for system messages, function messages their older one for tools'; templates know these. */
const roles: Readonly<Record<string, string>> = { developer: "system", function: "tool" };

/** What the assistant thought is said under two names; templates know the older one. */
function reasoningOf({ role, reasoning, reasoning_content: older }: ChatMessages[number]): object {
  const text = typeof reasoning === "string" ? reasoning : older;
  return role === "assistant" && typeof text === "string" && text !== "" ? { reasoning_content: text } : {};
}

export const turnsOf = (messages: ChatMessages): ServedChatTurn[] =>
  messages.map(({ tool_calls, reasoning, reasoning_content, ...m }) => ({
    ...m,
    role: roles[m.role] ?? m.role,
    content: textOf(m.content),
    ...reasoningOf({ ...m, reasoning, reasoning_content }),
    ...(tool_calls && tool_calls.length > 0
      ? {
          tool_calls: tool_calls.map(call => ({
            id: call.id,
            type: "function",
            function: { name: call.function.name, arguments: argumentsOf(call.function.arguments) },
          })),
        }
      : {}),
  }));

const probe = "loam_probe";
const probed = new WeakMap<ServedChatTemplate, boolean>();

/** Whether a template writes a call's arguments from their JSON as a text (DeepSeek's do), and not from an object: it is tried with both. */
function takesText(template: ServedChatTemplate): boolean {
  const known = probed.get(template);
  if (known !== undefined) return known;
  const isWritten = (given: unknown): boolean => {
    const call = { id: "call_000000", type: "function", function: { name: "f", arguments: given } };
    try {
      const messages = [
        { role: "user", content: "a" },
        { role: "assistant", content: "", tool_calls: [call] },
        { role: "tool", content: "b", tool_call_id: call.id },
      ];
      return template.render(messages).includes(probe);
    } catch {
      return false;
    }
  };
  const isText = !isWritten({ [probe]: "c" }) && isWritten(JSON.stringify({ [probe]: "c" }));
  probed.set(template, isText);
  return isText;
}

const ownRoles: ReadonlySet<string> = new Set(chatRoles);

/**
 * As vLLM and llama.cpp, messages may have roles of the template's own. Errors: serve/parameter for one that looks like a misspelt role of OpenAI's, and
 * for one whose messages the template leaves out of the prompt.
 */
export function checkRoles(template: ServedChatTemplate | undefined, turns: readonly ServedChatTurn[]): void {
  const at = turns.findIndex(t => !ownRoles.has(t.role));
  if (at < 0) return;
  const { role } = turns[at]!;
  const refused = (expected: string, hint: string) =>
    serveErrors.fail("parameter", { place: `messages[${at}].role`, expected, received: JSON.stringify(role), hint });
  const near = nearest(role.toLowerCase(), chatRoles);
  if (near !== undefined && editDistance(role.toLowerCase(), near) <= 2)
    throw refused(`one of ${chatRoles.join(", ")}, or a role of the chat template's own`, `Did you mean "${near}"?`);
  if (!template) return;
  const marked = turns.map(t => (ownRoles.has(t.role) ? t : { ...t, content: roleMark }));
  let text: string;
  try {
    text = template.render(marked);
  } catch {
    // the prompt itself says why
    return;
  }
  const count = marked.filter(t => t.content === roleMark).length;
  if (text.split(roleMark).length <= count)
    throw refused(
      "a role that the model's chat template writes",
      `Its messages would not reach the model. Use one of ${chatRoles.join(", ")}.`,
    );
}
const roleMark = "loam-role-mark";

interface TurnCall {
  readonly function?: { readonly arguments?: unknown };
}

/** Turns with the arguments of their calls in the form that a template reads. Errors: those of `checkRoles`. */
export function asTemplateReads(template: ServedChatTemplate, turns: readonly ServedChatTurn[]): readonly ServedChatTurn[] {
  checkRoles(template, turns);
  if (!turns.some(t => t.tool_calls !== undefined) || !takesText(template)) return turns;
  return turns.map(turn => {
    if (!Array.isArray(turn.tool_calls)) return turn;
    const calls = (turn.tool_calls as readonly TurnCall[]).map(call => {
      const given = call.function?.arguments;
      return { ...call, function: { ...call.function, arguments: typeof given === "string" ? given : JSON.stringify(given) } };
    });
    return { ...turn, tool_calls: calls };
  });
}
