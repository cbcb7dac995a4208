/**
 * What policies may bound of a request, by name. A name that is not here would bound nothing, so it is an error of the configuration. How many
 * tokens an answer may have goes by several names, and servers differ in which of them they obey: `max_tokens` is the largest that is given.
 */
import type { RequestParameter } from "./parameter.ts";

type Body = Readonly<Record<string, unknown>>;

/** OpenAI's, then those of Hugging Face's servers, Ollama and llama.cpp; the last obeys its own at OpenAI's addresses, whatever `max_tokens` says. */
export const answerTokens = [
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "max_new_tokens",
  "num_predict",
  "n_predict",
] as const;

/** Of a body. */
export const bodyParameters: readonly string[] = [
  ...answerTokens,
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "n",
  "best_of",
  "stream",
  "logprobs",
  "reasoning_effort",
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "repetition_penalty",
  "top_logprobs",
  "parallel_tool_calls",
  "service_tier",
  "store",
];

/** Lists of a body: how many entries they have. One that is left out has none; what is no list might be any number. */
export const listParameters = ["messages", "tools", "stop"] as const;

/** Words inside a body, by where they stand: of a list those of all its entries. */
export const wordParameters = ["response_format.type", "text.format.type", "reasoning.effort", "tool_choice", "tools.type"] as const;

/** Of an address that the gateway passes through. */
export const addressParameters = ["method", "path"] as const;

const isParameter = (value: unknown): value is RequestParameter =>
  typeof value === "number" || typeof value === "string" || typeof value === "boolean";

/** A negative number asks for as many as there is room for (Ollama, llama.cpp), and what is no number might: above every bound. */
const tokensOf = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : Number.POSITIVE_INFINITY);

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
/** Of what should be an object; the empty word, which is one of none that are named, where it is something else. */
const memberOf = (value: unknown, key: string): unknown =>
  !isGiven(value) ? undefined : typeof value === "object" ? (value as Readonly<Record<string, unknown>>)[key] : "";

/** Functions are tools by their older name, and one stop is a list of one. */
const listsOf: { readonly [L in (typeof listParameters)[number]]: (body: Body) => readonly unknown[] } = {
  messages: ({ messages }) => [messages],
  tools: ({ tools, functions }) => [tools, functions],
  stop: ({ stop }) => [typeof stop === "string" ? [stop] : stop],
};

const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : isGiven(list) ? Number.POSITIVE_INFINITY : 0);

/** A tool that does not say what it is, is a function. */
function toolTypes({ tools, functions }: Body): unknown[] {
  const own = Array.isArray(tools) ? (tools as unknown[]) : isGiven(tools) ? [""] : [];
  return [...own.map(tool => memberOf(tool, "type") ?? "function"), ...(lengthOf(functions) > 0 ? ["function"] : [])];
}

const wordsOf: { readonly [W in (typeof wordParameters)[number]]: (body: Body) => readonly unknown[] } = {
  "response_format.type": body => [memberOf(body.response_format, "type")],
  "text.format.type": body => [memberOf(memberOf(body.text, "format"), "type")],
  "reasoning.effort": body => [memberOf(body.reasoning, "effort")],
  // one tool by its name is a choice of its kind
  tool_choice: ({ tool_choice: choice }) => [typeof choice === "string" ? choice : memberOf(choice, "type")],
  "tools.type": toolTypes,
};

/** Lists and words of all parts. */
function insideOf(parts: readonly Body[]): Record<string, RequestParameter | readonly RequestParameter[]> {
  const found: Record<string, RequestParameter | readonly RequestParameter[]> = {};
  for (const name of listParameters)
    found[name] = Math.max(0, ...parts.map(part => listsOf[name](part).reduce<number>((sum, list) => sum + lengthOf(list), 0)));
  for (const name of wordParameters) {
    const words = new Set(
      parts
        .flatMap(wordsOf[name])
        .filter(isGiven)
        .map(word => (typeof word === "string" ? word : "")),
    );
    if (words.size === 1) [found[name]] = words;
    else if (words.size > 1 || name === "tools.type") found[name] = [...words];
  }
  return found;
}

/** Names that an answer's length has at an address, where it obeys no other: a request that says only others has said nothing of its length. */
const lengthNames: Readonly<Record<string, readonly string[]>> = {
  chat: ["max_tokens", "max_completion_tokens"],
  completions: ["max_tokens"],
  responses: ["max_output_tokens"],
  messages: ["max_tokens"],
};
/** Whether a body says, by a name that its address obeys, how long the answer may be. */
export const saysLength = (endpoint: string, body: Body): boolean => lengthNames[endpoint]?.some(name => isGiven(body[name])) ?? true;

/**
 * Numbers and words that policies may bound, of a body or its parts. Of numbers that a name has in several, the largest; of words inside them all.
 * `isObeyed`: whether one of the names that the length of an answer goes by is one that whoever answers obeys; where none is, what is given by others is
 * no bound, and the answer may have any length.
 */
export function parametersIn(parts: readonly Body[], isObeyed = true): Record<string, RequestParameter | readonly RequestParameter[]> {
  const found: Record<string, RequestParameter> = {};
  let most: number | undefined;
  for (const part of parts) {
    for (const name of bodyParameters) {
      const value = part[name];
      if (!isParameter(value)) continue;
      const before = found[name];
      found[name] = typeof value === "number" && typeof before === "number" ? Math.max(value, before) : value;
    }
    for (const name of answerTokens) {
      const value = part[name];
      if (value !== undefined && value !== null) most = Math.max(most ?? 0, tokensOf(value));
    }
  }
  if (most !== undefined) found.max_tokens = isObeyed ? most : Number.POSITIVE_INFINITY;
  return { ...found, ...insideOf(parts) };
}
