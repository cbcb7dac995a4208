/** The messages of a chat as clients write them, and the turns that templates read. */
import { z } from "zod";
import { limits } from "../limits.ts";
import type { ChatTurn } from "../served-model.ts";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const toolCall = z.object({
  id: z.string().max(256),
  type: z.literal("function").nullish(),
  function: z.object({ name: z.string().max(256), arguments: z.string() }),
});
const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([z.string(), z.array(textPart)], { error: "a text, or a list of parts of type text" }).nullish(),
  tool_calls: z.array(toolCall).max(limits.tools).nullish(),
  tool_call_id: z.string().max(256).nullish(),
});
export const chatMessages = z.array(message).min(1).max(limits.messages);
export type ChatMessages = z.output<typeof chatMessages>;

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

export const turnsOf = (messages: ChatMessages): ChatTurn[] =>
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
