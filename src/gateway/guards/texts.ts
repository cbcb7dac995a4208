/**
 * The texts of a request that a model may read, wherever they stand in it: messages and their parts, arguments and results of tools, descriptions
 * of tools, prompts, inputs, instructions, names of users. What is no text (pictures, sounds, files, ids, types) is passed over by name, so that
 * a member which nobody here knows is looked at too.
 */
import { isRow } from "../streams/usage.ts";

type Body = Readonly<Record<string, unknown>>;

/** In this order; the first stay the same through a conversation, and what is found is numbered in it. */
const members = [
  "user",
  "safety_identifier",
  "metadata",
  "instructions",
  "tools",
  "functions",
  "response_format",
  "text",
  "messages",
  "prompt",
  "input",
  "prediction",
  "suffix",
  "stop",
] as const;

/** Members of messages, parts and schemas whose strings are no texts. */
const passedOver = new Set([
  "type",
  "role",
  "id",
  "call_id",
  "tool_call_id",
  "item_id",
  "name",
  "model",
  "status",
  "format",
  "detail",
  "url",
  "image_url",
  "data",
  "file_data",
  "file_id",
  "file_url",
  "vector_store_ids",
  "encrypted_content",
  "cache_control",
  "required",
  "$ref",
  "pattern",
  "strict",
]);
/** Members whose own members have names that somebody chose: all strings in them are texts. */
const freeNames = new Set(["metadata", "variables"]);
/** Members whose string is a JSON text. */
const json = new Set(["arguments"]);

type Change = (text: string) => string;

function mapped(value: unknown, change: Change, key: string | undefined): unknown {
  if (typeof value === "string") {
    if (key !== undefined && passedOver.has(key)) return value;
    if (key !== undefined && json.has(key)) return mappedJson(value, change);
    return change(value);
  }
  if (Array.isArray(value)) {
    let has = false;
    const out = value.map(v => {
      const own = mapped(v, change, key);
      has ||= own !== v;
      return own;
    });
    return has ? out : value;
  }
  if (!isRow(value)) return value;
  if (key !== undefined && freeNames.has(key)) return every(value, change);
  let out: Record<string, unknown> | undefined;
  for (const [k, v] of Object.entries(value)) {
    if (passedOver.has(k) && !isRow(v)) continue;
    const own = mapped(v, change, k);
    if (own === v) continue;
    out ??= { ...value };
    out[k] = own;
  }
  return out ?? value;
}

/** Strings inside of a JSON text; a text that is none is one string. */
function mappedJson(text: string, change: Change): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return change(text);
  }
  // keys of arguments are the tool's: none is passed over
  const own = every(value, change);
  return own === value ? text : JSON.stringify(own);
}

function every(value: unknown, change: Change): unknown {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null) return value;
  let has = false;
  const entries = Object.entries(value).map(([k, v]) => {
    const own = every(v, change);
    has ||= own !== v;
    return [k, own] as const;
  });
  if (!has) return value;
  return Array.isArray(value) ? entries.map(([, v]) => v) : Object.fromEntries(entries);
}

/** The body's members whose texts change, with them changed. */
function changedMembers(body: Body, change: Change): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key of members) {
    if (!Object.hasOwn(body, key)) continue;
    const own = mapped(body[key], change, freeNames.has(key) ? key : undefined);
    if (own !== body[key]) out[key] = own;
  }
  return out;
}

export function textsOf(body: Body): string[] {
  const texts: string[] = [];
  changedMembers(body, text => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** The members of a body that are others when its texts are these, in the order of `textsOf`. */
export function withTexts(body: Body, texts: readonly string[]): Record<string, unknown> {
  let at = 0;
  return changedMembers(body, () => texts[at++]!);
}

/** Token ids in the place of texts: nothing that a guard can look at. */
export const hasTokenIds = ({ prompt, input }: Body): boolean =>
  [prompt, input].some(
    v => Array.isArray(v) && v.some(x => typeof x === "number" || (Array.isArray(x) && x.some(y => typeof y === "number"))),
  );

/** Thoughts of earlier turns in Anthropic's messages: a chat cannot say them, but a server that speaks messages itself is sent them. */
export function thoughtsOf(nativeText: string): string[] {
  const { messages } = JSON.parse(nativeText) as Body;
  const blocks = (Array.isArray(messages) ? messages : []).flatMap(m => (isRow(m) && Array.isArray(m.content) ? m.content : []));
  return blocks.flatMap(b => (isRow(b) && b.type === "thinking" && typeof b.thinking === "string" ? [b.thinking] : []));
}
