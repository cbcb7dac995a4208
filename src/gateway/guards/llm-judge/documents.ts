/** The documents that a caller gives with a request: its `documents`, as vLLM, Cohere and chat templates read them, and the results of tools. */
import { isRow } from "../../../protocols/index.ts";

type Body = Readonly<Record<string, unknown>>;

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean).join("\n");
  if (!isRow(value)) return "";
  const { title, text, content, data } = value;
  const own = textOf(text ?? content ?? data);
  if (own === "") return "";
  return typeof title === "string" ? `${title}\n${own}` : own;
}

/** Messages of tools (chat), their outputs (responses), results among a message's parts (Anthropic's messages). */
function toolResults(messages: unknown): string[] {
  if (!Array.isArray(messages)) return [];
  return messages.flatMap((m: unknown) => {
    if (!isRow(m)) return [];
    if (m.role === "tool") return [textOf(m.content)];
    if (m.type === "function_call_output") return [textOf(m.output)];
    return Array.isArray(m.content)
      ? m.content.filter(p => isRow(p) && p.type === "tool_result").map(p => textOf((p as Body).content))
      : [];
  });
}

export const requestDocuments = ({ documents, messages, input }: Body): readonly string[] =>
  [...(Array.isArray(documents) ? documents.map(textOf) : []), ...toolResults(messages), ...toolResults(input)].filter(
    t => t.trim() !== "",
  );
