/**
 * By what an answer is kept, and which are not. Two requests are the same where everything is equal that an answer can depend on: who may share it,
 * the model with its servers and their versions, the address, everything that the body says, the guards. Only the model's name as it was written (an alias) and
 * members that are null say nothing.
 */
import { canonicalJson, hashOf } from "../../base/index.ts";
import { isRow } from "../../protocols/index.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { Endpoint } from "../endpoints.ts";
import { guardVersion } from "../guards/version.ts";
import type { Ask } from "../http/ask.ts";
import type { Identity } from "../identity/contract.ts";
import { ownerOf } from "../owners/owner.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { CacheOptions, CacheScope } from "./schema.ts";
import type { Versions } from "./versions.ts";

/** Raised when what a kept answer is, or what its key is made of, changes: answers of before are then no longer found. */
const cacheVersion = 3;

export interface KeyParts {
  readonly ask: Ask;
  /** As policies call it: the same chat in Anthropic's words is kept apart. */
  readonly endpoint: Endpoint;
  /** With the targets that this request may go to. */
  readonly route: ModelRoute;
  readonly upstreams: GatewayConfig["upstreams"];
  /** Looked at whenever a key is made. */
  readonly versions: Versions;
  readonly tenant: string;
  /** Of the client's headers, those that an upstream is told and that change answers. */
  readonly beta: string | null;
}

/** An answer that its server keeps has ids which only its owner can use: it is shared with nobody else. */
export function tenantOf(scope: CacheScope, identity: Identity, { api, body }: Pick<Ask, "api" | "body">): string {
  const { keyId, organisation } = identity;
  if (scope !== "key" && api.endpoint === "responses" && body.store !== false) return `owner:${ownerOf(identity)}`;
  if (scope === "all") return "all";
  return scope === "organisation" && organisation !== null ? `organisation:${organisation}` : `key:${keyId}`;
}

const fingerprints = new WeakMap<ModelRoute, { readonly of: GatewayConfig["upstreams"]; readonly text: string }>();

/** The model's servers, and what the file calls its version: another address or another model behind a name is another model. Weights are not. */
function fingerprintOf(route: ModelRoute, upstreams: GatewayConfig["upstreams"]): string {
  const known = fingerprints.get(route);
  if (known?.of === upstreams) return known.text;
  const targets = route.targets
    .map(t => {
      const upstream = upstreams.get(t.upstream);
      return [t.id, t.model, upstream?.url.href, upstream?.reasoning];
    })
    .sort();
  const text = hashOf([route.name, route.version ?? null, targets, guardVersion(route)]);
  fingerprints.set(route, { of: upstreams, text });
  return text;
}

/** The body without what says nothing, and what its server is told of reasoning. */
function meaningOf({ body, isStream, reasoned }: Ask): Record<string, unknown> {
  const meaning: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (value === null || name === "model") continue;
    if (!isStream && (name === "stream" || name === "stream_options")) continue;
    meaning[name] = value;
  }
  if (reasoned && Object.keys(reasoned.from).length > 0) meaning[" reasoning"] = reasoned.from;
  return meaning;
}

const hashed = ({ ask, endpoint, route, upstreams, versions, tenant, beta }: KeyParts, meaning: unknown): string =>
  hashOf([
    cacheVersion,
    tenant,
    fingerprintOf(route, upstreams),
    versions.of(route.targets),
    ask.label,
    endpoint,
    beta,
    canonicalJson(meaning),
  ]);

export const answerKey = (parts: KeyParts): string => hashed(parts, meaningOf(parts.ask));

/** A question, and the key of everything around it: questions are compared only where all else is equal. */
export interface Question {
  readonly text: string;
  readonly around: string;
}

const plainText = (content: unknown): string | undefined => {
  if (typeof content === "string") return content;
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const texts = content.map(p => (isRow(p) && typeof p.text === "string" ? p.text : undefined));
  return texts.every(t => t !== undefined) ? texts.join("\n") : undefined;
};

/** The last message of a chat where it is a user's and nothing but text; undefined for everything else. */
export function questionOf(parts: KeyParts): Question | undefined {
  const meaning = meaningOf(parts.ask);
  const name = parts.ask.api.endpoint === "chat" ? "messages" : parts.ask.api.endpoint === "responses" ? "input" : undefined;
  if (name === undefined) return undefined;
  const given = meaning[name];
  let text: string | undefined;
  let rest: unknown = null;
  if (typeof given === "string") text = given;
  else if (Array.isArray(given)) {
    const last: unknown = given.at(-1);
    if (isRow(last) && last.role === "user") {
      text = plainText(last.content);
      rest = [...given.slice(0, -1), { ...last, content: null }];
    }
  }
  if (text === undefined || text.trim() === "") return undefined;
  return { text, around: hashed(parts, { ...meaning, [name]: rest, " question": true }) };
}

/** Numbers beyond 2^53: two that differ are read as one, while a server may tell them apart. */
function hasUnsafeNumber(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasUnsafeNumber);
}

/** Tools that a server runs by itself ask the world, which changes. */
const isOwnTool = (tool: unknown): boolean =>
  isRow(tool) && (tool.type === undefined || tool.type === "function" || tool.type === "custom");

const isSet = (v: unknown): boolean => v !== undefined && v !== null && v !== false;

/** Members that make an answer depend on what a server remembers, or that make it remember. */
const stateful = ["previous_response_id", "conversation", "background", "store", "web_search_options", "prompt"] as const;

/** Why an answer is neither looked for nor kept; undefined where it may be. */
export function whyNot(ask: Ask, dataClass: string | null, options: CacheOptions): string | undefined {
  const { body, api, sizeBytes } = ask;
  if (sizeBytes > options.requestBytes) return "its request is too large";
  if (dataClass !== null && options.exceptDataClasses.includes(dataClass)) return "its class of data is not kept";
  for (const name of stateful)
    if (isSet(body[name]) && !(name === "prompt" && api.endpoint === "completions"))
      return `${name} makes it depend on what a server keeps`;
  if (Array.isArray(body.tools) && !body.tools.every(isOwnTool)) return "its server asks the world by tools of its own";
  if (!options.any && !isDeterministic(ask)) return "chance decides it: temperature is not 0, and there is no seed";
  if (hasUnsafeNumber(body)) return "it has a number beyond 2^53";
  return undefined;
}

/** Why an answer in another contract's own words is not kept: it is passed on as its server wrote it, and only OpenAI's form of it could be kept. */
export function passesThrough({ native }: Ask, { targets }: ModelRoute, upstreams: GatewayConfig["upstreams"]): string | undefined {
  const isOwn = native !== undefined && targets.some(t => upstreams.get(t.upstream)?.protocol === native.protocol);
  return isOwn ? "its server's own words are passed on" : undefined;
}

function isDeterministic({ api, body }: Ask): boolean {
  if (["embeddings", "moderations", "rerank"].includes(api.endpoint)) return true;
  return body.temperature === 0 || typeof body.seed === "number";
}
