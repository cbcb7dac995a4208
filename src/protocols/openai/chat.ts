/** OpenAI's chat as translations read and write it: which members are refused by name, contents, tools, counts, chunks of a stream. */
import { ProtocolFault } from "../protocol-fault.ts";
import type { TranslationRequest } from "../translation.ts";
import { isGiven, isRow, listOf, objectsOf, type Row, rowOr, rowsIn } from "../values.ts";

/** Members that say nothing about the answer, or are read before a request is translated. */
const silent = new Set([
  ...["model", "stream", "stream_options", "user", "store", "metadata", "service_tier", "safety_identifier"],
  ...["prompt_cache_key", "prompt_cache_retention", "include_obfuscation"],
]);
/** Values by which a member asks for nothing. */
const nothing: Readonly<Record<string, unknown>> = {
  n: 1,
  best_of: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
  min_p: 0,
  logprobs: false,
  top_logprobs: 0,
  echo: false,
  suffix: "",
  parallel_tool_calls: true,
};
/** Members without which the answer would be another thing: not even a lenient upstream's requests lose them. */
const essential = new Set(["n", "best_of", "echo", "suffix", "functions", "function_call", "modalities", "audio", "web_search_options"]);

const isEmpty = (v: unknown): boolean => (Array.isArray(v) ? v.length === 0 : isRow(v) && Object.keys(v).length === 0);

/** Errors: ProtocolFault `untranslated` for the first member that is neither known nor says nothing. */
export function refuseOthers({ body, isLenient }: TranslationRequest, known: readonly string[]): void {
  for (const [key, value] of Object.entries(body)) {
    if (!isGiven(value) || silent.has(key) || known.includes(key) || value === nothing[key] || isEmpty(value)) continue;
    if (isLenient && !essential.has(key)) continue;
    throw ProtocolFault.untranslated(key, `"${key.slice(0, 60)}"`);
  }
}

/** The text of a chat's content that may hold nothing else. Errors: ProtocolFault `untranslated` with the part. */
export function textOf(content: unknown, place: string): string {
  if (!isGiven(content)) return "";
  if (typeof content === "string") return content;
  return objectsOf(content, place)
    .map((p, i) => {
      if (typeof p.text === "string" && (p.type === "text" || p.type === "input_text" || p.type === "output_text")) return p.text;
      if (p.type === "refusal" && typeof p.refusal === "string") return p.refusal;
      throw ProtocolFault.untranslated(`${place}[${i}]`, `a part of type ${JSON.stringify(p.type)}`);
    })
    .join("");
}

/** `data:image/png;base64,...` in two. */
export function dataUrl(url: string): { readonly mediaType: string; readonly data: string } | undefined {
  if (!url.startsWith("data:")) return undefined;
  const comma = url.indexOf(",");
  const head = url.slice(5, comma);
  if (comma < 0 || !head.endsWith(";base64")) return undefined;
  return { mediaType: head.slice(0, -";base64".length).split(";")[0]!, data: url.slice(comma + 1) };
}

/** The arguments of a call as the object that other APIs take. Errors: ProtocolFault `untranslated` where they are none. */
export function argumentsOf(text: unknown, place: string): Row {
  if (text === undefined || text === null || text === "") return {};
  try {
    const value: unknown = typeof text === "string" ? JSON.parse(text) : undefined;
    if (isRow(value)) return value;
  } catch {
    // told below
  }
  throw ProtocolFault.untranslated(
    place,
    "a call whose arguments are no JSON object",
    "Send the arguments as the model wrote them, or leave the call out.",
  );
}

interface FunctionTool {
  readonly name: unknown;
  readonly description?: unknown;
  readonly parameters?: unknown;
  readonly strict?: unknown;
}

/** A chat's functions. Errors: ProtocolFault `untranslated` for a tool that is none. */
export const functionsOf = (tools: unknown): FunctionTool[] =>
  listOf(tools, "tools").map((t, i) => {
    if (t.type !== "function" || !isRow(t.function))
      throw ProtocolFault.untranslated(`tools[${i}]`, `a tool of type ${JSON.stringify(t.type)}`);
    const { name, description, parameters, strict } = t.function;
    return { name, description, parameters, strict };
  });

interface Counts {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly written?: number;
  readonly reasoning?: number;
}

export const chatUsage = ({ input, output, cached, written, reasoning }: Counts): Row => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  ...(cached === undefined
    ? {}
    : { prompt_tokens_details: { cached_tokens: cached, ...(written ? { cache_write_tokens: written } : {}) } }),
  ...(reasoning === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
});

/** Chunks of one streamed chat. */
export function chunksOf(head: { readonly id: string; readonly created: number; readonly model: unknown }) {
  const chunk = (choices: readonly Row[], more: Row = {}): Row => ({ ...head, object: "chat.completion.chunk", choices, ...more });
  return {
    delta: (delta: Row): Row => chunk([{ index: 0, delta, logprobs: null, finish_reason: null }]),
    last: (reason: string): Row => chunk([{ index: 0, delta: {}, logprobs: null, finish_reason: reason }]),
    usage: (usage: Row): Row => chunk([], { usage }),
  };
}

/** A whole chat or completion as the chunks of a stream. */
export function piecesOf(answer: Row): Row[] {
  const { choices, usage, ...head } = answer;
  const isChat = head.object === "chat.completion";
  const object = isChat ? "chat.completion.chunk" : head.object;
  const list = rowsIn(choices);
  const chunk = (c: Row[], more: Row = {}) => ({ ...head, object, choices: c, ...more });
  const said = list.map(c => {
    const { message, finish_reason: _, ...rest } = c;
    if (!isChat) return chunk([{ ...rest, finish_reason: null }]);
    const m = rowOr(message);
    const calls = Array.isArray(m.tool_calls) ? { tool_calls: m.tool_calls.map((t: Row, index) => ({ index, ...t })) } : {};
    return chunk([{ ...rest, delta: { ...m, ...calls }, finish_reason: null }]);
  });
  const ends = list.map(c =>
    chunk([{ index: c.index, ...(isChat ? { delta: {} } : { text: "" }), logprobs: null, finish_reason: c.finish_reason }]),
  );
  return [...said, ...ends, ...(isRow(usage) ? [chunk([], { usage })] : [])];
}
