/**
 * The addresses that requests for a model come to: what each is called in policies, whether its answers can be streams, and how much it asks
 * for. A new one is a row.
 */

import { isRow } from "../../protocols/index.ts";
import type { Endpoint } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import type { StreamedApi } from "../streams/progress.ts";

type Body = Readonly<Record<string, unknown>>;

export interface Api {
  /** Below an upstream's own address. */
  readonly path: string;
  readonly endpoint: Endpoint;
  /** How its streams are read; undefined where there are none. */
  readonly streamed: StreamedApi | undefined;
  /** The texts that go into the model, for counting; and their beginning, for affinity. */
  texts(body: Body): readonly string[];
  /** An answer may be a list instead of an object. */
  readonly answersLists?: true;
  /** Most tokens that the answer can have. `otherwise`: where the request does not bound it. */
  maxOutputTokens(body: Body, otherwise: number): number;
}

/** More than any model writes; a larger number is a mistake or an attack on somebody's budget. */
const mostTokens = 10_000_000;

/** A whole number of the body. Errors: gateway/parameter. */
function wholeOf(body: Body, key: string, least: number, most: number): number | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw gatewayErrors.fail("parameter", {
    place: key,
    expected: `a whole number from ${least} to ${most}`,
    received: (JSON.stringify(value) ?? "nothing").slice(0, 60),
  });
}

/** Texts of a content: a string, or parts of which some are texts. */
function addContent(texts: string[], content: unknown): void {
  if (typeof content === "string") texts.push(content);
  else if (Array.isArray(content)) for (const part of content) if (isRow(part) && typeof part.text === "string") texts.push(part.text);
}

/** A call of a function, as a chat has it inside of a message and responses as an item. */
function addCall(texts: string[], call: unknown): void {
  if (isRow(call) && typeof call.arguments === "string")
    texts.push(typeof call.name === "string" ? call.name + call.arguments : call.arguments);
}

/** Of messages, and of the items of responses: what is said, thought, called and came of it. */
function addMessages(texts: string[], messages: unknown): void {
  if (!Array.isArray(messages)) return;
  for (const m of messages) {
    if (!isRow(m)) continue;
    addContent(texts, m.content);
    addContent(texts, m.reasoning_content);
    if (Array.isArray(m.tool_calls)) for (const call of m.tool_calls) if (isRow(call)) addCall(texts, call.function);
    if (m.function_call !== undefined) addCall(texts, m.function_call);
    if (m.type === "function_call") addCall(texts, m);
    if (m.type === "function_call_output") addContent(texts, m.output);
  }
}

/** Tools and forms are told a model in some words of its template: their JSON is about as long. */
function addJson(texts: string[], value: unknown): void {
  if ((Array.isArray(value) && value.length > 0) || isRow(value)) texts.push(JSON.stringify(value));
}

/** A string or a list of strings; lists of token ids count for themselves (`tokenIds`). */
const inputTexts = (input: unknown): string[] =>
  typeof input === "string" ? [input] : Array.isArray(input) ? input.filter(one => typeof one === "string") : [];

/** The documents of a rerank: texts, or rows with one. */
const documentTexts = (documents: unknown): string[] =>
  Array.isArray(documents) ? documents.map(d => (isRow(d) ? d.text : d)).filter(d => typeof d === "string") : [];

/** Texts of an embeddings' input, in all the forms that servers take: those among token ids and inside of contents too. */
function everyText(input: unknown): string[] {
  if (typeof input === "string") return [input];
  if (Array.isArray(input)) return input.flatMap(everyText);
  return isRow(input) ? Object.values(input).flatMap(everyText) : [];
}

/** Token ids that stand in the body instead of texts. */
export function tokenIds(body: Body): number {
  const of = (v: unknown): number =>
    Array.isArray(v) ? v.reduce<number>((n, x) => n + (typeof x === "number" ? 1 : Array.isArray(x) ? of(x) : 0), 0) : 0;
  return of(body.prompt) + of(body.input);
}

const answers = (body: Body): number => wholeOf(body, "n", 1, 1024) ?? 1;

const rows = [
  {
    path: "/chat/completions",
    endpoint: "chat",
    streamed: "chat",
    texts(body) {
      const texts: string[] = [];
      addMessages(texts, body.messages);
      addJson(texts, body.tools);
      addJson(texts, body.functions);
      if (isRow(body.response_format)) addJson(texts, body.response_format.json_schema);
      return texts;
    },
    maxOutputTokens(body, otherwise) {
      const one = wholeOf(body, "max_completion_tokens", 1, mostTokens);
      const other = wholeOf(body, "max_tokens", 1, mostTokens);
      // of two, servers differ on which counts
      const each = one === undefined ? (other ?? otherwise) : Math.max(one, other ?? 0);
      return each * answers(body);
    },
  },
  {
    path: "/completions",
    endpoint: "completions",
    streamed: "completions",
    texts: body => inputTexts(body.prompt),
    maxOutputTokens: (body, otherwise) => {
      const prompts = Array.isArray(body.prompt) && typeof body.prompt[0] !== "number" ? Math.max(1, body.prompt.length) : 1;
      const each = Math.max(answers(body), wholeOf(body, "best_of", 1, 1024) ?? 1);
      return (wholeOf(body, "max_tokens", 0, mostTokens) ?? otherwise) * each * prompts;
    },
  },
  {
    path: "/responses",
    endpoint: "responses",
    streamed: "responses",
    texts(body) {
      const texts: string[] = [];
      if (typeof body.instructions === "string") texts.push(body.instructions);
      if (typeof body.input === "string") texts.push(body.input);
      else addMessages(texts, body.input);
      addJson(texts, body.tools);
      if (isRow(body.text) && isRow(body.text.format)) addJson(texts, body.text.format.schema);
      return texts;
    },
    maxOutputTokens: (body, otherwise) => wholeOf(body, "max_output_tokens", 1, mostTokens) ?? otherwise,
  },
  { path: "/embeddings", endpoint: "embeddings", streamed: undefined, texts: body => everyText(body.input), maxOutputTokens: () => 0 },
  {
    path: "/rerank",
    endpoint: "rerank",
    streamed: undefined,
    answersLists: true,
    texts: body => [...inputTexts(body.query), ...documentTexts(body.documents), ...inputTexts(body.texts)],
    maxOutputTokens: () => 0,
  },
  { path: "/moderations", endpoint: "moderations", streamed: undefined, texts: body => inputTexts(body.input), maxOutputTokens: () => 0 },
] as const satisfies readonly Api[];

export const apis: readonly Api[] = rows;
