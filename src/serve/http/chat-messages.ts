/** The messages of a chat as clients write them, and the turns that templates read. */
import type { ChatMessages } from "../../protocols/index.ts";
import type { ServedChatTurn } from "../served-model.ts";

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

export const turnsOf = (messages: ChatMessages): ServedChatTurn[] =>
  messages.map(({ tool_calls, ...m }) => ({
    ...m,
    role: roles[m.role] ?? m.role,
    content: textOf(m.content),
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
