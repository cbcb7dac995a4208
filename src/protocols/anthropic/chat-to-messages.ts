/** A chat as a request for Anthropic's Messages (docs.anthropic.com, Messages API, version 2023-06-01). What it cannot be told is refused by name. */
import { argumentsOf, dataUrl, functionsOf, refuseOthers, textOf } from "../openai/chat.ts";
import { ProtocolFault } from "../protocol-fault.ts";
import type { Translation, TranslationRequest } from "../translation.ts";
import { isGiven, isRow, listOf, objectsOf, type Row, renamed } from "../values.ts";
import { anthropicReading } from "./anthropic-reading.ts";

function picture(part: Row, place: string): Row {
  const given = isRow(part.image_url) ? part.image_url.url : part.image_url;
  if (typeof given !== "string") throw ProtocolFault.parameter(`${place}.image_url.url`, "an address or a data: URL", given);
  const own = dataUrl(given);
  if (own) return { type: "image", source: { type: "base64", media_type: own.mediaType, data: own.data } };
  if (given.startsWith("data:")) throw ProtocolFault.parameter(`${place}.image_url.url`, "a data: URL in base64", given);
  return { type: "image", source: { type: "url", url: given } };
}

function document({ file }: Row, place: string): Row {
  const own = isRow(file) && typeof file.file_data === "string" ? dataUrl(file.file_data) : undefined;
  if (!own || !isRow(file))
    throw ProtocolFault.untranslated(place, "a file that is not sent along as a data: URL", "Send it as file_data.");
  const title = typeof file.filename === "string" ? { title: file.filename } : {};
  return { type: "document", source: { type: "base64", media_type: own.mediaType, data: own.data }, ...title };
}

/** Marks of what to cache are Anthropic's own; chats carry them on their parts and tools. */
const markOf = (part: Row): Row => renamed(part, { cache_control: "cache_control" });

/** Texts with their marks. */
function systemBlocks(content: unknown, place: string): Row[] {
  const isMarked = Array.isArray(content) && content.some(p => isRow(p) && isGiven(p.cache_control));
  if (!isMarked) return [{ type: "text", text: textOf(content, place) }];
  return objectsOf(content, place).map((p, i) => ({ type: "text", text: textOf([p], `${place}[${i}]`), ...markOf(p) }));
}

function userBlocks(content: unknown, place: string): Row[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return objectsOf(content, place).map((part, i) => {
    const at = `${place}[${i}]`;
    if (part.type === "text" && typeof part.text === "string") return { type: "text", text: part.text, ...markOf(part) };
    if (part.type === "image_url") return { ...picture(part, at), ...markOf(part) };
    if (part.type === "file") return { ...document(part, at), ...markOf(part) };
    throw ProtocolFault.untranslated(at, `a part of type ${JSON.stringify(part.type)}`);
  });
}

function assistantBlocks(message: Row, place: string): Row[] {
  const text = textOf(message.content ?? message.refusal, `${place}.content`);
  const calls = listOf(message.tool_calls, `${place}.tool_calls`).map((c, i) => {
    const at = `${place}.tool_calls[${i}]`;
    if (!isRow(c.function)) throw ProtocolFault.untranslated(at, `a call of type ${JSON.stringify(c.type)}`);
    return { type: "tool_use", id: c.id, name: c.function.name, input: argumentsOf(c.function.arguments, `${at}.function.arguments`) };
  });
  // blocks of thinking go back as they came: their signatures are checked
  return [...listOf(message.thinking_blocks, `${place}.thinking_blocks`), ...(text === "" ? [] : [{ type: "text", text }]), ...calls];
}

interface Turn {
  readonly role: "user" | "assistant" | "system";
  readonly content: Row[];
}

/** Turns of one role after another are one: results of tools stand before what is said next. */
function turnsOf(messages: unknown): { readonly system: readonly Row[]; readonly turns: readonly Turn[] } {
  const system: Row[] = [];
  const turns: Turn[] = [];
  const add = (role: Turn["role"], content: Row[]) => {
    const last = turns.at(-1);
    if (content.length === 0) return;
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content });
  };
  for (const [i, m] of objectsOf(messages, "messages").entries()) {
    const place = `messages[${i}]`;
    switch (m.role) {
      case "system":
      case "developer": {
        const blocks = systemBlocks(m.content, `${place}.content`);
        if (turns.length === 0) system.push(...blocks);
        else add("system", blocks);
        break;
      }
      case "user":
        add("user", userBlocks(m.content, `${place}.content`));
        break;
      case "assistant":
        if (isGiven(m.function_call))
          throw ProtocolFault.untranslated(`${place}.function_call`, "a call of the old form", "Use tool_calls.");
        add("assistant", assistantBlocks(m, place));
        break;
      case "tool":
        add("user", [{ type: "tool_result", tool_use_id: m.tool_call_id, content: textOf(m.content, `${place}.content`) }]);
        break;
      default:
        throw ProtocolFault.parameter(`${place}.role`, "system, developer, user, assistant or tool", m.role);
    }
  }
  return { system, turns };
}

/** A last message of the assistant's is gone on with; Anthropic takes none that ends in a space. */
function openEnd(turns: readonly Turn[]): readonly Turn[] {
  const last = turns.at(-1);
  const end = last?.role === "assistant" ? last.content.at(-1) : undefined;
  if (typeof end?.text !== "string") return turns;
  return [...turns.slice(0, -1), { role: "assistant", content: [...last!.content.slice(0, -1), { ...end, text: end.text.trimEnd() }] }];
}

/** A turn that is one text is said as one: what every server that speaks Messages takes. */
const plain = ({ role, content }: Turn): Row => {
  const [first] = content;
  const isPlain = content.length === 1 && first!.type === "text" && first!.cache_control === undefined;
  return { role, content: isPlain ? first!.text : content };
};

function toolsOf({ tools, tool_choice: choice, parallel_tool_calls: isParallel }: Row): Row {
  const given = listOf(tools, "tools");
  const own = functionsOf(tools).map((f, i) => ({
    name: f.name,
    ...(isGiven(f.description) ? { description: f.description } : {}),
    input_schema: f.parameters ?? { type: "object", properties: {} },
    ...(f.strict === true ? { strict: true } : {}),
    ...markOf(given[i]!),
  }));
  if (own.length === 0) return {};
  const single = isParallel === false ? { disable_parallel_tool_use: true } : {};
  if (!isGiven(choice)) return { tools: own, ...(isParallel === false ? { tool_choice: { type: "auto", ...single } } : {}) };
  if (choice === "none") return { tools: own, tool_choice: { type: "none" } };
  if (choice === "auto") return { tools: own, tool_choice: { type: "auto", ...single } };
  if (choice === "required") return { tools: own, tool_choice: { type: "any", ...single } };
  if (isRow(choice) && choice.type === "function" && isRow(choice.function))
    return { tools: own, tool_choice: { type: "tool", name: choice.function.name, ...single } };
  throw ProtocolFault.untranslated("tool_choice", `a choice of ${(JSON.stringify(choice) ?? "").slice(0, 60)}`);
}

function outputOf({ response_format: form, reasoning_effort: effort }: Row, isLenient: boolean): Row {
  const output: Record<string, unknown> = {};
  if (isRow(form) && form.type === "json_schema") {
    const schema = isRow(form.json_schema) ? form.json_schema.schema : undefined;
    if (!isRow(schema)) throw ProtocolFault.parameter("response_format.json_schema.schema", "a JSON schema", schema);
    output.format = { type: "json_schema", schema };
  } else if (isRow(form) && form.type !== "text" && !isLenient)
    throw ProtocolFault.untranslated(
      "response_format",
      `a form of type ${JSON.stringify(form.type)}`,
      "Use json_schema, or ask for JSON in the prompt.",
    );
  // OpenAI's least step has no counterpart below low
  if (isGiven(effort) && effort !== "none") output.effort = effort === "minimal" ? "low" : effort;
  return Object.keys(output).length === 0 ? {} : { output_config: output };
}

/** OpenAI's temperatures go to 2, Anthropic's to 1. */
function temperatureOf({ body: { temperature: t }, isLenient }: TranslationRequest): Row {
  if (!isGiven(t)) return {};
  if (typeof t !== "number") throw ProtocolFault.parameter("temperature", "a number", t);
  if (t > 1 && !isLenient) throw ProtocolFault.untranslated("temperature", "a temperature above 1", "Ask for 1 at most.");
  return { temperature: Math.min(1, t) };
}

const known = [
  ...["messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "tools", "tool_choice"],
  ...["parallel_tool_calls", "response_format", "reasoning_effort", "thinking", "continue_final_message", "add_generation_prompt"],
];

function messagesBody(asked: TranslationRequest): Row {
  const { body, model, isStream, maxOutputTokens, isLenient } = asked;
  refuseOthers(asked, known);
  const { system, turns } = turnsOf(body.messages);
  const { stop } = body;
  return {
    model,
    ...(system.length === 0 ? {} : { system: plain({ role: "system", content: [...system] }).content }),
    messages: openEnd(turns).map(plain),
    max_tokens: body.max_completion_tokens ?? body.max_tokens ?? maxOutputTokens,
    ...temperatureOf(asked),
    ...renamed(body, { top_p: "top_p", top_k: "top_k", thinking: "thinking" }),
    ...(isGiven(stop) ? { stop_sequences: Array.isArray(stop) ? stop : [stop] } : {}),
    ...toolsOf(body),
    ...outputOf(body, isLenient),
    ...(typeof body.user === "string" ? { metadata: { user_id: body.user } } : {}),
    ...(isStream ? { stream: true } : {}),
  };
}

export const chatToMessages: Translation = asked => ({ path: "/messages", body: messagesBody(asked), read: anthropicReading(asked) });
