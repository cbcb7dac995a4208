/**
 * Where ids of stored objects stand in JSON: in requests, which name them, and in answers, which give them out. By key, because upstreams form their
 * ids as they like. An id that an answer gives out under a key that is not known here stays as it is, and opens nothing when it comes back.
 */
import { isRow } from "../../protocols/index.ts";

/** Ids that a client chooses, or that name nothing stored. */
const unbound = new Set(["call_id", "tool_call_id", "tool_use_id", "custom_id", "connector_id"]);
/** Further ones of answers: they cannot be asked for. */
const unboundInAnswers = new Set(["request_id", "organization_id", "project_id", "user_id"]);
/** Parts in which clients and models write what they like. */
const free = new Set([
  "metadata",
  "attributes",
  "parameters",
  "schema",
  "json_schema",
  "arguments",
  "tool_calls",
  "function_call",
  "filters",
  "headers",
]);
const freeInAnswers = new Set(["error", "usage", "logprobs", "top_logprobs"]);
const objectKey = /^(?:id|.+_ids?|conversation|training_file|validation_file|result_files)$/;
/** Keys that name nothing but stored objects, in bodies whose other ids are the client's own. */
const certainKey =
  /^(?:file_ids?|vector_store_ids?|previous_response_id|response_id|conversation|conversation_id|container_id|item_id|batch_id|input_file_id|training_file|validation_file|thread_id|assistant_id|upload_id)$/;
const containerId = /^(?:cntr|container)_/;

export type IdRules = (key: string, parent: string, value: string) => boolean;

/** A container is named by its id, and elsewhere the word means a format. */
const isContainer = (key: string, value: string): boolean => key === "container" && containerId.test(value);

/** Of a request to an API of stored objects. */
export const requestIds: IdRules = (key, _, value) => (objectKey.test(key) && !unbound.has(key)) || isContainer(key, value);
/** Of a chat, or of a body in a server's own words: a sound that was answered before, files. */
export const certainIds: IdRules = (key, parent, value) =>
  certainKey.test(key) || isContainer(key, value) || (parent === "container" && key === "id") || (parent === "audio" && key === "id");
/** False where a text has no key of `certainIds`, however it is written. */
export const mayHoldCertainIds = (text: string): boolean => /_ids?"|container|conversation|_file"|audio|\\u/.test(text);
export const answerIds: IdRules = (key, parent, value) => requestIds(key, parent, value) && !unboundInAnswers.has(key);

/** Deeper than any API nests. */
const deepest = 128;

interface Walk {
  readonly rules: IdRules;
  readonly isFree: (key: string) => boolean;
  readonly replace: (id: string, path: string) => string;
}

function walked(walk: Walk, value: unknown, key: string, parent: string, path: string, depth: number): unknown {
  if (typeof value === "string") return value !== "" && walk.rules(key, parent, value) ? walk.replace(value, path) : value;
  if (typeof value !== "object" || value === null || depth > deepest) return value;
  if (Array.isArray(value)) {
    let changed: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      // of a list of ids each is one
      const own = walked(walk, value[i], key, parent, `${path}[${i}]`, depth + 1);
      if (own !== value[i]) {
        changed ??= [...(value as unknown[])];
        changed[i] = own;
      }
    }
    return changed ?? value;
  }
  if (!isRow(value)) return value;
  const isModel = value.object === "model";
  let changed: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    if (walk.isFree(name) || (isModel && name === "id")) continue;
    const own = walked(walk, value[name], name, key, path === "" ? name : `${path}.${name}`, depth + 1);
    if (own === value[name]) continue;
    changed ??= { ...value };
    changed[name] = own;
  }
  return changed ?? value;
}

/** A request with the ids of stored objects replaced; the same object where it has none. `path` as errors say it: `input[0].id`. */
export const withRequestIds = (body: unknown, rules: IdRules, replace: Walk["replace"]): unknown =>
  walked({ rules, isFree: key => free.has(key), replace }, body, "", "", "", 0);

/** An answer with the ids of stored objects replaced. */
export const withAnswerIds = (answer: unknown, rules: IdRules, replace: (id: string) => string): unknown =>
  walked({ rules, isFree: key => free.has(key) || freeInAnswers.has(key), replace }, answer, "", "", "", 0);
