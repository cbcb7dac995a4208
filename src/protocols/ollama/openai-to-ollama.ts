/** Chats, completions and embeddings as requests for Ollama's own API (docs/api.md of ollama/ollama): /api/chat, /api/generate, /api/embed. */
import { defined } from "../../base/index.ts";
import { argumentsOf, dataUrl, functionsOf, refuseOthers, textOf } from "../openai/chat.ts";
import { defaultMaxTokens, promptOf } from "../openai/completions.ts";
import { textsOf } from "../openai/embeddings.ts";
import { ProtocolFault } from "../protocol-fault.ts";
import type { Translation, TranslationRequest } from "../translation.ts";
import { isGiven, isRow, listOf, objectsOf, type Row, renamed } from "../values.ts";
import { ollamaChatReading, ollamaCompletionReading, ollamaEmbedReading } from "./ollama-readings.ts";

function userMessage(content: unknown, place: string): Row {
  if (typeof content === "string") return { role: "user", content };
  const images: string[] = [];
  const texts: string[] = [];
  for (const [i, part] of objectsOf(content, place).entries()) {
    const at = `${place}[${i}]`;
    if (part.type === "text" && typeof part.text === "string") texts.push(part.text);
    else if (part.type === "image_url") {
      const given = isRow(part.image_url) ? part.image_url.url : part.image_url;
      const own = typeof given === "string" ? dataUrl(given) : undefined;
      if (!own) throw ProtocolFault.untranslated(at, "a picture that is not sent along", "Send it as a data: URL in base64.");
      images.push(own.data);
    } else throw ProtocolFault.untranslated(at, `a part of type ${JSON.stringify(part.type)}`);
  }
  return { role: "user", content: texts.join(""), ...(images.length > 0 ? { images } : {}) };
}

/** Results of tools are told apart by the tool's name, which stands in the call. */
function messagesOf(messages: unknown): Row[] {
  const names = new Map<unknown, unknown>();
  return objectsOf(messages, "messages").map((m, i) => {
    const place = `messages[${i}]`;
    if (m.role === "user") return userMessage(m.content, `${place}.content`);
    const content = textOf(m.content, `${place}.content`);
    if (m.role === "system" || m.role === "developer") return { role: "system", content };
    if (m.role === "tool") {
      const name = names.get(m.tool_call_id);
      return { role: "tool", content, ...defined({ tool_name: name }), ...renamed(m, { tool_call_id: "tool_call_id" }) };
    }
    if (m.role !== "assistant") throw ProtocolFault.parameter(`${place}.role`, "system, developer, user, assistant or tool", m.role);
    const calls = listOf(m.tool_calls, `${place}.tool_calls`).map((c, k) => {
      const at = `${place}.tool_calls[${k}]`;
      if (!isRow(c.function)) throw ProtocolFault.untranslated(at, `a call of type ${JSON.stringify(c.type)}`);
      names.set(c.id, c.function.name);
      const own = { name: c.function.name, arguments: argumentsOf(c.function.arguments, `${at}.function.arguments`) };
      return { ...renamed(c, { id: "id" }), function: own };
    });
    return {
      role: "assistant",
      content,
      ...renamed(m, { reasoning_content: "thinking" }),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
  });
}

function toolsOf({ tools, tool_choice: choice }: Row, isLenient: boolean): Row {
  if (choice === "none") return {};
  if (isGiven(choice) && choice !== "auto" && !isLenient)
    throw ProtocolFault.untranslated("tool_choice", "a choice that forces a call", "Leave it out, or ask for the call in the prompt.");
  const own = functionsOf(tools).map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, ...(isGiven(description) ? { description } : {}), parameters: parameters ?? { type: "object", properties: {} } },
  }));
  return own.length === 0 ? {} : { tools: own };
}

function formatOf({ response_format: form }: Row): Row {
  if (!isRow(form) || form.type === "text") return {};
  if (form.type === "json_object") return { format: "json" };
  const schema = form.type === "json_schema" && isRow(form.json_schema) ? form.json_schema.schema : undefined;
  if (!isRow(schema))
    throw ProtocolFault.parameter("response_format", "a form of type text, json_object or json_schema with its schema", form);
  return { format: schema };
}

/** OpenAI's defaults where Ollama has others, as Ollama's own OpenAI address does. */
const defaults = { temperature: 1, top_p: 1 };
const same = ["temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty"];

const optionsOf = (body: Row, maxTokens: unknown): Row => ({
  ...defaults,
  ...Object.fromEntries(same.filter(k => isGiven(body[k])).map(k => [k, body[k]])),
  ...renamed(body, { repetition_penalty: "repeat_penalty" }),
  ...(isGiven(body.stop) ? { stop: Array.isArray(body.stop) ? body.stop : [body.stop] } : {}),
  ...(isGiven(maxTokens) ? { num_predict: maxTokens } : {}),
});

/** `none` turns thinking off; other efforts are Ollama's own words. */
const thinkOf = ({ reasoning_effort: effort }: Row): Row =>
  isGiven(effort) ? { think: effort === "none" ? false : effort === "minimal" ? "low" : effort } : {};

const sampling = [...same, "repetition_penalty", "stop", "response_format", "keep_alive"];
const chatKnown = [...["messages", "max_tokens", "max_completion_tokens", "tools", "tool_choice", "reasoning_effort"], ...sampling];

export const chatToOllama: Translation = asked => {
  const { body, model, isStream, isLenient } = asked;
  refuseOthers(asked, chatKnown);
  return {
    path: "/api/chat",
    body: {
      model,
      messages: messagesOf(body.messages),
      stream: isStream,
      ...toolsOf(body, isLenient),
      ...formatOf(body),
      ...thinkOf(body),
      ...renamed(body, { keep_alive: "keep_alive" }),
      options: optionsOf(body, body.max_completion_tokens ?? body.max_tokens),
    },
    read: ollamaChatReading(asked),
  };
};

/** A completion goes on with a text as it is: no template is put around it, unless a text behind the gap asks for one. */
export const completionToOllama: Translation = asked => {
  const { body, model, isStream } = asked;
  refuseOthers(asked, ["prompt", "max_tokens", "suffix", ...sampling]);
  const suffix = typeof body.suffix === "string" && body.suffix !== "" ? body.suffix : undefined;
  return {
    path: "/api/generate",
    body: {
      model,
      prompt: promptOf(body),
      ...(suffix === undefined ? { raw: true } : { suffix }),
      stream: isStream,
      ...formatOf(body),
      ...renamed(body, { keep_alive: "keep_alive" }),
      options: optionsOf(body, body.max_tokens ?? defaultMaxTokens),
    },
    read: ollamaCompletionReading(asked),
  };
};

export const embeddingToOllama: Translation = (asked: TranslationRequest) => {
  const { body, model } = asked;
  refuseOthers(asked, ["input", "dimensions", "encoding_format", "keep_alive"]);
  return {
    path: "/api/embed",
    // a text that is too long is an error with OpenAI
    body: { model, input: textsOf(body), truncate: false, ...renamed(body, { dimensions: "dimensions", keep_alive: "keep_alive" }) },
    read: ollamaEmbedReading(asked),
  };
};
