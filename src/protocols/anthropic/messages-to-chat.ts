/**
 * A request for Anthropic's Messages as a chat. What a chat cannot be told is handed to `miss`, which refuses it or lets it stand as a text. The
 * reasoning of earlier turns is `reasoning_content` of their messages.
 */
import { ProtocolFault } from "../protocol-fault.ts";
import { isGiven, isRow, listOf, objectsOf, type Row, renamed, rowOr, stringOr } from "../values.ts";

/** `value` at `place` has no counterpart; gives what stands for it. Errors: ProtocolFault `untranslated` where nothing may. */
type Miss = (place: string, what: string, value: unknown) => Row;

/** How a request is read. */
interface Reading {
  readonly miss: Miss;
  /** Whether whoever answers the chat takes vLLM's parameters of reasoning. */
  readonly isReasoned: boolean;
}

const block = (b: Row): string => `a block of type ${JSON.stringify(b.type)}`;

function textIn(b: Row, place: string): string {
  if (typeof b.text === "string") return b.text;
  throw ProtocolFault.parameter(`${place}.text`, "a text", b.text);
}

/** The text of a content that should hold nothing else. */
function plainText(content: unknown, place: string, miss: Miss): string {
  if (!isGiven(content)) return "";
  if (typeof content === "string") return content;
  return objectsOf(content, place)
    .map((b, i) => (b.type === "text" && typeof b.text === "string" ? b.text : miss(`${place}[${i}]`, block(b), b).text))
    .join("");
}

function picture(source: unknown, place: string, miss: Miss): Row {
  if (isRow(source) && source.type === "base64" && typeof source.media_type === "string" && typeof source.data === "string")
    return { type: "image_url", image_url: { url: `data:${source.media_type};base64,${source.data}` } };
  if (isRow(source) && source.type === "url" && typeof source.url === "string")
    return { type: "image_url", image_url: { url: source.url } };
  if (isRow(source) && source.type === "file") return miss(place, "a picture that is kept elsewhere", source);
  throw ProtocolFault.parameter(`${place}.source`, "a base64 or url source", source);
}

/** A document is a file of a chat's, where it is sent along. */
function document(b: Row, place: string, miss: Miss): Row {
  const { source, title } = b;
  if (isRow(source) && source.type === "base64" && typeof source.media_type === "string" && typeof source.data === "string") {
    const filename = typeof title === "string" ? title : "document.pdf";
    return { type: "file", file: { filename, file_data: `data:${source.media_type};base64,${source.data}` } };
  }
  if (isRow(source) && source.type === "text" && typeof source.data === "string") return { type: "text", text: source.data };
  return miss(place, block(b), b);
}

function userMessages(content: unknown, place: string, miss: Miss): Row[] {
  if (typeof content === "string") return [{ role: "user", content }];
  const results: Row[] = [];
  const parts: Row[] = [];
  for (const [i, b] of objectsOf(content, place).entries()) {
    const at = `${place}[${i}]`;
    if (b.type === "text") parts.push({ type: "text", text: textIn(b, at) });
    else if (b.type === "image") parts.push(picture(b.source, at, miss));
    else if (b.type === "document") parts.push(document(b, at, miss));
    else if (b.type === "tool_result")
      results.push({ role: "tool", tool_call_id: b.tool_use_id, content: plainText(b.content, `${at}.content`, miss) });
    else parts.push(miss(at, block(b), b));
  }
  if (parts.length === 0) return results;
  // servers that read texts only take a text
  const isText = parts.every(p => p.type === "text");
  return [...results, { role: "user", content: isText ? parts.map(p => p.text).join("") : parts }];
}

function assistantMessage(content: unknown, place: string, miss: Miss): Row {
  if (typeof content === "string") return { role: "assistant", content };
  let text = "";
  let thought = "";
  const calls: Row[] = [];
  for (const [i, b] of objectsOf(content, place).entries()) {
    if (b.type === "text") text += textIn(b, `${place}[${i}]`);
    else if (b.type === "tool_use")
      calls.push({ id: b.id, type: "function", function: { name: b.name, arguments: JSON.stringify(b.input ?? {}) } });
    else if (b.type === "thinking") thought += stringOr(b.thinking);
    else if (b.type !== "redacted_thinking") text += stringOr(miss(`${place}[${i}]`, block(b), b).text);
  }
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(thought === "" ? {} : { reasoning_content: thought }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function toolChoice(choice: unknown): Row {
  if (!isGiven(choice)) return {};
  if (!isRow(choice)) throw ProtocolFault.parameter("tool_choice", "an object", choice);
  const parallel = choice.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {};
  if (choice.type === "auto" || choice.type === "none") return { tool_choice: choice.type, ...parallel };
  if (choice.type === "any") return { tool_choice: "required", ...parallel };
  if (choice.type === "tool" && typeof choice.name === "string")
    return { tool_choice: { type: "function", function: { name: choice.name } }, ...parallel };
  throw ProtocolFault.parameter("tool_choice.type", "auto, any, tool or none", choice.type);
}

function toolOf(tool: Row, place: string, miss: Miss): Row[] {
  if (typeof tool.type === "string" && tool.type !== "custom") {
    miss(place, `a tool of type ${JSON.stringify(tool.type)}`, tool);
    return [];
  }
  if (!isRow(tool.input_schema)) throw ProtocolFault.parameter(`${place}.input_schema`, "a JSON schema", tool.input_schema);
  const { name, input_schema: parameters } = tool;
  return [
    {
      type: "function",
      function: { name, ...renamed(tool, { description: "description" }), parameters, ...renamed(tool, { strict: "strict" }) },
    },
  ];
}

function outputOf(config: unknown): Row {
  if (!isRow(config)) return {};
  const { format } = config;
  const form =
    isRow(format) && format.type === "json_schema"
      ? { response_format: { type: "json_schema", json_schema: { name: "answer", schema: format.schema, strict: true } } }
      : {};
  return { ...form, ...renamed(config, { effort: "reasoning_effort" }) };
}

const typeOf = (thinking: unknown): unknown => (isRow(thinking) ? thinking.type : undefined);

/** Whether a request wants the model to think, in vLLM's words: they tell the template and bound it. Errors: ProtocolFault `parameter`. */
function reasoningOf({ thinking, chat_template_kwargs: own }: Row): Row {
  const type = typeOf(thinking);
  const isOn = type === "enabled" || type === "adaptive";
  if (isGiven(thinking) && !isOn && type !== "disabled")
    throw ProtocolFault.parameter("thinking.type", "enabled, adaptive or disabled", type);
  const budget = isRow(thinking) ? thinking.budget_tokens : undefined;
  if (isGiven(budget) && !(Number.isSafeInteger(budget) && Number(budget) >= 0))
    throw ProtocolFault.parameter("thinking.budget_tokens", "a whole number from 0", budget);
  if (isGiven(own) && !isRow(own)) throw ProtocolFault.parameter("chat_template_kwargs", "an object", own);
  return {
    chat_template_kwargs: { enable_thinking: isOn, thinking: isOn, ...rowOr(own) },
    include_reasoning: isOn,
    ...(isOn && isGiven(budget) ? { thinking_token_budget: budget } : {}),
  };
}

/** A last message of the assistant's is continued. */
const isPrefill = (messages: readonly Row[]): boolean => {
  const last = messages.at(-1);
  return last?.role === "assistant" && last.tool_calls === undefined && last.content !== "";
};

/** Members that change what an answer is made of, and that a chat has no word for. */
const elsewhere = ["container", "mcp_servers", "context_management"];

/**
 * What is added to the chat of a request for a server that takes vLLM's parameters of reasoning; `messages` are the chat's.
 * Errors: ProtocolFault `parameter`.
 */
export const reasoningFields = (body: Row, messages: readonly Row[]): Row => ({
  ...reasoningOf(body),
  ...(isPrefill(messages) ? { continue_final_message: true, add_generation_prompt: false } : {}),
});

/** Errors: ProtocolFault `parameter`, those of `miss`. */
export function messagesToChat(body: Row, { miss, isReasoned }: Reading): Row {
  const { messages, system, max_tokens: most, stop_sequences: stop, metadata } = body;
  if (most === undefined) throw ProtocolFault.parameter("max_tokens", "a whole number: the API asks for it", most);
  // OpenAI's chats have no word for it
  if (!isReasoned && typeOf(body.thinking) === "enabled") miss("thinking", "extended thinking", body.thinking);
  for (const key of elsewhere) if (isGiven(body[key])) miss(key, `"${key}"`, body[key]);
  const first = system === undefined ? [] : [{ role: "system", content: plainText(system, "system", miss) }];
  const turns = objectsOf(messages, "messages").flatMap((m, i) => {
    const place = `messages[${i}].content`;
    if (m.role === "user") return userMessages(m.content, place, miss);
    if (m.role === "assistant") return [assistantMessage(m.content, place, miss)];
    if (m.role === "system") return [{ role: "system", content: plainText(m.content, place, miss) }];
    throw ProtocolFault.parameter(`messages[${i}].role`, "user, assistant or system", m.role);
  });
  const functions = listOf(body.tools, "tools").flatMap((t, i) => toolOf(t, `tools[${i}]`, miss));
  return {
    model: body.model,
    messages: [...first, ...turns],
    max_tokens: most,
    ...renamed(body, { temperature: "temperature", top_p: "top_p", top_k: "top_k", stream: "stream" }),
    ...(isGiven(stop) ? { stop } : {}),
    ...(functions.length > 0 ? { tools: functions, ...toolChoice(body.tool_choice) } : {}),
    ...outputOf(body.output_config),
    ...(isReasoned ? reasoningFields(body, turns) : {}),
    ...(isRow(metadata) && typeof metadata.user_id === "string" ? { user: metadata.user_id } : {}),
    ...(body.stream === true ? { stream_options: { include_usage: true } } : {}),
  };
}
