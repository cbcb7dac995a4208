/** A whole answer's texts through the guards. One that is blocked ends before the passage, with the reason that OpenAI has for it. */
import { isRow } from "../../protocols/index.ts";
import type { StreamedApi } from "../streams/progress.ts";
import type { AnswerFilters } from "./answer-filters.ts";
import type { TextForm } from "./contract.ts";

type Row = Readonly<Record<string, unknown>>;

/** Strings of a message that are no texts; all others are, whatever a server calls them. */
const noTexts = new Set(["role", "name", "id", "type", "object"]);
/** Members that are no strings and stay: calls are looked at on their own, sounds are not. */
const structures = new Set(["tool_calls", "function_call", "audio", "annotations"]);

/** The text of a member, where it is one: a string, or (as some servers say contents) parts with texts. */
export function textOfMember(key: string, value: unknown): string | undefined {
  if (typeof value === "string") return noTexts.has(key) ? undefined : value;
  if (key !== "content" || !Array.isArray(value)) return undefined;
  return value.map(part => (isRow(part) && typeof part.text === "string" ? part.text : "")).join("");
}

/** Neither a text nor anything that is known to hold none: it is left out where guards look. */
export const isUnseen = (key: string, value: unknown): boolean =>
  typeof value === "object" && value !== null && key !== "content" && !structures.has(key);

interface Through {
  readonly text: string;
  readonly isBlocked: boolean;
}

/** Characters of an answer that are looked at before others have their turn: a few milliseconds. */
const turnCharacters = 16_384;

async function throughFilters(filters: AnswerFilters, text: string, form: TextForm): Promise<Through> {
  const filter = filters.open(form, true);
  let out = "";
  for (let at = 0; at < text.length || at === 0; at += turnCharacters) {
    if (at > 0) await new Promise(resume => setImmediate(resume));
    const piece = await filter.push(text.slice(at, at + turnCharacters));
    out += piece.text;
    if (piece.isBlocked) return { text: out, isBlocked: true };
  }
  const last = await filter.end();
  return { text: out + last.text, isBlocked: last.isBlocked === true };
}

interface Looked {
  readonly value: Row;
  readonly isBlocked: boolean;
}

/** A call of a tool or function: its arguments. Undefined where they are blocked: half of them is no call. */
async function calledWith(filters: AnswerFilters, call: Row): Promise<Row | undefined> {
  if (typeof call.arguments !== "string") return call;
  const { text, isBlocked } = await throughFilters(filters, call.arguments, "json");
  return isBlocked ? undefined : text === call.arguments ? call : { ...call, arguments: text };
}

async function messageOf(filters: AnswerFilters, message: Row): Promise<Looked> {
  const out: Record<string, unknown> = { ...message };
  let isBlocked = false;
  for (const [key, value] of Object.entries(message)) {
    if (isUnseen(key, value)) delete out[key];
    const text = textOfMember(key, value);
    if (text === undefined || text === "") continue;
    if (isBlocked) {
      out[key] = null;
      continue;
    }
    const got = await throughFilters(filters, text, "text");
    if (got.text !== text) out[key] = got.text;
    isBlocked = got.isBlocked;
  }
  const calls: Row[] = [];
  for (const call of Array.isArray(message.tool_calls) ? message.tool_calls.filter(isRow) : []) {
    if (isBlocked) break;
    const own = isRow(call.function) ? await calledWith(filters, call.function) : {};
    if (own) calls.push(isRow(call.function) ? { ...call, function: own } : call);
    else isBlocked = true;
  }
  if (calls.length > 0) out.tool_calls = calls;
  else delete out.tool_calls;
  if (isRow(message.function_call)) {
    const own = isBlocked ? undefined : await calledWith(filters, message.function_call);
    isBlocked ||= own === undefined;
    if (own) out.function_call = own;
    else delete out.function_call;
  }
  return { value: out, isBlocked };
}

async function choiceOf(filters: AnswerFilters, choice: Row): Promise<Row> {
  const out: Record<string, unknown> = { ...choice };
  let isBlocked = false;
  if (typeof choice.text === "string") {
    const got = await throughFilters(filters, choice.text, "text");
    out.text = got.text;
    isBlocked = got.isBlocked;
  } else if (isRow(choice.message)) {
    const got = await messageOf(filters, choice.message);
    out.message = got.value;
    isBlocked = got.isBlocked;
  }
  // they say the text once more, token by token
  if (choice.logprobs !== undefined) out.logprobs = null;
  if (isBlocked) out.finish_reason = "content_filter";
  return out;
}

/** Texts of an item of a response. */
export async function itemOf(filters: AnswerFilters, item: Row): Promise<Looked | undefined> {
  const out: Record<string, unknown> = { ...item };
  let isBlocked = false;
  for (const key of ["content", "summary"]) {
    if (!Array.isArray(item[key])) continue;
    const parts: unknown[] = [];
    for (const part of item[key]) {
      if (isBlocked) break;
      const member = isRow(part) ? ["text", "refusal"].find(k => typeof part[k] === "string") : undefined;
      if (!isRow(part) || member === undefined) {
        parts.push(part);
        continue;
      }
      const got = await throughFilters(filters, part[member] as string, "text");
      isBlocked = got.isBlocked;
      parts.push({ ...part, [member]: got.text, ...(part.logprobs === undefined ? {} : { logprobs: [] }) });
    }
    out[key] = parts;
  }
  for (const [key, form] of [
    ["arguments", "json"],
    ["input", "text"],
  ] as const) {
    if (typeof item[key] !== "string") continue;
    const got = await throughFilters(filters, item[key], form);
    if (got.isBlocked) return undefined;
    out[key] = got.text;
  }
  return { value: isBlocked ? { ...out, status: "incomplete" } : out, isBlocked };
}

export const filteredOut = { status: "incomplete", incomplete_details: { reason: "content_filter" } } as const;

export async function responseOf(filters: AnswerFilters, response: Row): Promise<Row> {
  const output: unknown[] = [];
  for (const item of Array.isArray(response.output) ? response.output : []) {
    const got = isRow(item) ? await itemOf(filters, item) : { value: item, isBlocked: false };
    if (got) output.push(got.value);
    if (!got || got.isBlocked) return { ...response, output, ...filteredOut };
  }
  return { ...response, output };
}

/** The answer's body as the client gets it; the same text where nothing in it changed. */
export async function wholeAnswer(api: StreamedApi, body: string, filters: AnswerFilters): Promise<string> {
  const value: unknown = JSON.parse(body);
  if (!isRow(value)) return body;
  if (api === "responses") return JSON.stringify(await responseOf(filters, value));
  if (!Array.isArray(value.choices)) return body;
  const choices: unknown[] = [];
  for (const choice of value.choices) choices.push(isRow(choice) ? await choiceOf(filters, choice) : choice);
  const text = JSON.stringify({ ...value, choices });
  return text === JSON.stringify(value) ? body : text;
}
