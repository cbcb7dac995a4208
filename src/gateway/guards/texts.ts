/**
 * The texts of a request that a model may read, wherever they stand in it: messages and their parts, arguments and results of tools, descriptions
 * of tools, prompts, inputs, instructions, names of users. What is no text (pictures, sounds, files, ids, types) is passed over by name, so that
 * a member which nobody here knows is looked at too.
 */
import { isRow } from "../../protocols/index.ts";

type Body = Readonly<Record<string, unknown>>;

/** In this order, then all others; the first stay the same through a conversation, and what is found is numbered in it. */
const firstMembers = [
  "user",
  "safety_identifier",
  "metadata",
  "instructions",
  "system",
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
/** Members of a body that choose how it is answered, or name what a server keeps: no model reads them. */
const controls = new Set([
  "model",
  "service_tier",
  "encoding_format",
  "tool_choice",
  "function_call",
  "reasoning_effort",
  "modalities",
  "include",
  "truncation",
  "previous_response_id",
  "conversation",
  "prompt_cache_key",
  "prompt_cache_retention",
  "verbosity",
]);

const membersOf = (body: Body): string[] => {
  const first: readonly string[] = firstMembers;
  return [...first.filter(key => Object.hasOwn(body, key)), ...Object.keys(body).filter(key => !first.includes(key) && !controls.has(key))];
};

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
  "signature",
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
  for (const key of membersOf(body)) {
    const own = mapped(body[key], change, freeNames.has(key) ? key : undefined);
    if (own !== body[key]) out[key] = own;
  }
  return out;
}

export function requestTexts(body: Body): string[] {
  const texts: string[] = [];
  changedMembers(body, text => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** The members of a body that are others when its texts are these, in the order of `requestTexts`. */
export function withTexts(body: Body, texts: readonly string[]): Record<string, unknown> {
  let at = 0;
  return changedMembers(body, () => texts[at++]!);
}

/** Token ids in the place of texts: nothing that a guard can look at. */
export const hasTokenIds = ({ prompt, input }: Body): boolean =>
  [prompt, input].some(
    v => Array.isArray(v) && v.some(x => typeof x === "number" || (Array.isArray(x) && x.some(y => typeof y === "number"))),
  );

/** Strings of a member that names something instead of saying it; a word that is no name is looked at. */
const names = new Set(["name", "pattern", "required"]);
const choices = new Set(["type", "role", "status", "format", "detail"]);
const plainWord = /^[\w./+-]{0,40}$/;
/** Members that the contracts have; all other names of members were chosen by a client. */
const contractNames = new Set(
  `${firstMembers.join(" ")} ${[...controls, ...passedOver, ...freeNames, ...json].join(" ")} content text role type function parameters description
  properties items enum const default anyOf oneOf allOf not additionalProperties $defs definitions input_schema json_schema schema strict source
  media_type title context citations thinking signature refusal reasoning reasoning_content reasoning_details summary annotations tool_calls
  tool_use_id is_error output arguments input_audio file filename index logprobs minimum maximum minLength maxLength minItems maxItems
  patternProperties prefixItems examples budget_tokens effort stream stream_options include_usage temperature top_p top_k n seed max_tokens
  max_completion_tokens max_output_tokens stop_sequences frequency_penalty presence_penalty logit_bias parallel_tool_calls store audio voice web_search_options
  documents variables dimensions best_of echo suffix user`
    .split(/\s+/)
    .filter(name => name !== ""),
);
/** From 13 digits on a number can be a card's. */
const longNumber = 1e12;

/** Everything a client wrote that is not among the texts: names of members, of tools, and long numbers. */
function namesIn(value: unknown, key: string | undefined, isFree: boolean, out: string[]): void {
  if (typeof value === "string") {
    if (key === undefined) return;
    if (json.has(key) && !isFree) namesInJson(value, out);
    else if (!isFree && (names.has(key) || (choices.has(key) && !plainWord.test(value)))) out.push(value);
    return;
  }
  if (typeof value === "number") {
    if (Math.abs(value) >= longNumber) out.push(String(value));
    return;
  }
  if (Array.isArray(value)) {
    for (const v of value) namesIn(v, key, isFree, out);
    return;
  }
  if (!isRow(value)) return;
  const inside = isFree || (key !== undefined && freeNames.has(key));
  for (const [k, v] of Object.entries(value)) {
    if (inside || !contractNames.has(k)) out.push(k);
    if (!inside && passedOver.has(k) && !names.has(k) && !choices.has(k) && !isRow(v)) continue;
    namesIn(v, k, inside, out);
  }
}

function namesInJson(text: string, out: string[]): void {
  try {
    namesIn(JSON.parse(text), "arguments", true, out);
  } catch {
    // a text that is no JSON is looked at as one
  }
}

/** Characters of a long part on each side of a joint: longer than any word, and enough for a phrase. */
const jointCharacters = 200;

/** A part as it stands beside others: of a long one what is near its ends, cut between words. */
function nearEnds(text: string): string {
  if (text.length <= 2 * jointCharacters) return text;
  const head = text.slice(0, jointCharacters).replace(/\S*$/, "");
  const tail = text.slice(-jointCharacters).replace(/^\S*/, "");
  return `${head}\n${tail}`;
}

/** Parts of one message put together, as a model reads them. */
function joinedParts(value: unknown, out: string[]): void {
  if (Array.isArray(value)) {
    const parts = value.flatMap(v => (isRow(v) && !("role" in v) && typeof v.text === "string" ? [v.text] : []));
    if (parts.length > 1) out.push(parts.map(nearEnds).join(""));
    for (const v of value) joinedParts(v, out);
  } else if (isRow(value)) for (const v of Object.values(value)) joinedParts(v, out);
}

/** What is looked at and cannot be changed, with the body's texts as they are now. */
export function fixedOf(body: Body, texts: readonly string[]): string[] {
  const out: string[] = [];
  const now = { ...body, ...withTexts(body, texts) };
  for (const key of membersOf(now)) {
    if (!contractNames.has(key)) out.push(key);
    namesIn(now[key], key, false, out);
    joinedParts(now[key], out);
  }
  return [...new Set(out)];
}

/** Texts of a request in the client's own API that a chat does not say, such as thoughts of earlier turns: a server that speaks it is sent them. */
export function nativeTexts(nativeText: string, chatTexts: readonly string[]): string[] {
  const known = new Set(chatTexts);
  const native = JSON.parse(nativeText) as Body;
  return [...requestTexts(native), ...fixedOf(native, requestTexts(native))].filter(text => !known.has(text));
}
