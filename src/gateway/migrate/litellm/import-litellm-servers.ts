/**
 * Where a deployment of LiteLLM's file is, and by which key: its address, key and headers as an upstream's part. `os.environ/NAME` becomes
 * `{ env: NAME }`; a key that stands in the file is not copied, but given the name of a variable, so that no other key goes to its server.
 */

import { defined } from "../../../base/index.ts";
import type { ProtocolName } from "../../../protocols/index.ts";
import { refusedUrl } from "../../upstreams/address.ts";

type Row = Readonly<Record<string, unknown>>;
type Leave = (place: string, why: string) => void;

interface Provider {
  readonly url?: string;
  readonly env?: string;
  /** OpenAI's when absent. */
  readonly protocol?: ProtocolName;
}

/** Providers whose servers speak a protocol that the gateway speaks, and where they are when the file does not say. */
const providers: Readonly<Record<string, Provider>> = {
  openai: { url: "https://api.openai.com/v1", env: "OPENAI_API_KEY" },
  hosted_vllm: {},
  openai_like: {},
  custom_openai: {},
  litellm_proxy: {},
  lm_studio: {},
  anthropic: { url: "https://api.anthropic.com", env: "ANTHROPIC_API_KEY", protocol: "anthropic" },
  ollama: { url: "http://127.0.0.1:11434", protocol: "ollama" },
  ollama_chat: { url: "http://127.0.0.1:11434", protocol: "ollama" },
  gemini: { url: "https://generativelanguage.googleapis.com/v1beta/openai", env: "GEMINI_API_KEY" },
  groq: { url: "https://api.groq.com/openai/v1", env: "GROQ_API_KEY" },
  mistral: { url: "https://api.mistral.ai/v1", env: "MISTRAL_API_KEY" },
  deepseek: { url: "https://api.deepseek.com/v1", env: "DEEPSEEK_API_KEY" },
  together_ai: { url: "https://api.together.xyz/v1", env: "TOGETHERAI_API_KEY" },
  fireworks_ai: { url: "https://api.fireworks.ai/inference/v1", env: "FIREWORKS_AI_API_KEY" },
  openrouter: { url: "https://openrouter.ai/api/v1", env: "OPENROUTER_API_KEY" },
  xai: { url: "https://api.x.ai/v1", env: "XAI_API_KEY" },
  perplexity: { url: "https://api.perplexity.ai", env: "PERPLEXITYAI_API_KEY" },
};

/** The variable of `os.environ/NAME`; undefined for everything else. */
export const variableOf = (value: unknown): string | undefined =>
  typeof value === "string" ? /^os\.environ\/([A-Za-z_]\w*)$/.exec(value)?.[1] : undefined;

/** What people write for servers that want no key. */
const noKey = /^(|none|null|empty|dummy|anything|not[-_ ]?(needed|required)|fake[\w-]*|x+)$/i;
const secretHeader = /auth|key|token|secret|cookie|password/i;

/** Keys of `litellm_params` that are read here. */
export const serverKeys = ["model", "custom_llm_provider", "api_base", "base_url", "api_key", "organization", "headers", "extra_headers"];

/** A deployment's server: the parts of an upstream that say which it is. */
interface LitellmServer {
  readonly provider: string;
  readonly protocol: ProtocolName | undefined;
  /** As the server names it. */
  readonly model: string;
  readonly part: Record<string, unknown>;
}

/** Reads the servers of one file: keys that stand in it get names, one for each. */
export class LitellmServers {
  readonly #leave: Leave;
  /** Of a key's text, its variable. */
  readonly #names = new Map<string, string>();
  readonly #taken: Set<string>;

  /** `deployments`: all of the file, whose variables are no names for other keys. */
  constructor(leave: Leave, deployments: readonly (Row & { readonly model: string })[]) {
    this.#leave = leave;
    const implied = deployments.filter(p => p.api_key === undefined).flatMap(p => providerOf(splitModel(p).named)?.env ?? []);
    this.#taken = new Set([...variablesIn(deployments), ...implied]);
  }

  /** Undefined where the deployment cannot be taken over: that has been listed. */
  of(p: Row & { readonly model: string }, at: string): LitellmServer | undefined {
    const variable = variableOf(p.model);
    if (variable !== undefined) {
      this.#leave(at, `its model is in the variable ${variable}: models are written out here`);
      return undefined;
    }
    const { named, model } = splitModel(p);
    const provider = providerOf(named);
    if (!provider) {
      this.#leave(at, `the provider ${named} is not known, or speaks a protocol that the gateway does not`);
      return undefined;
    }
    const own = textOf(p.api_base) ?? textOf(p.base_url);
    const url = own ?? provider.url;
    if (url === undefined) {
      this.#leave(at, `${named} needs an api_base`);
      return undefined;
    }
    const env = variableOf(url);
    const refused = env === undefined ? refusedUrl(url, "any") : undefined;
    if (refused !== undefined) {
      this.#leave(at, `the gateway does not call its address: ${refused}`);
      return undefined;
    }
    const usual = own === undefined ? provider.env : undefined;
    const key = p.api_key === undefined ? provider.env : this.#key(p.api_key, usual ?? `${named.toUpperCase()}_API_KEY`, at);
    const headers = this.#headers(p, at);
    return {
      provider: named,
      protocol: provider.protocol,
      model,
      part: {
        url: env === undefined ? url : { env },
        ...defined({ protocol: provider.protocol }),
        ...(key ? { key: { env: key } } : {}),
        ...(Object.keys(headers).length > 0 ? { headers } : {}),
      },
    };
  }

  /** The variable of a key that is given; `name`: for one that stands in the file. */
  #key(given: unknown, name: string, at: string): string | undefined {
    const variable = variableOf(given);
    if (variable !== undefined || typeof given !== "string") return variable;
    const place = `${at}.litellm_params.api_key`;
    if (noKey.test(given)) {
      if (given !== "") this.#leave(place, "it looks like no key at all: none is sent");
      return undefined;
    }
    let free = this.#names.get(given) ?? name;
    const isFree = (v: string) => this.#names.get(given) === v || ![...this.#names.values(), ...this.#taken].includes(v);
    for (let n = 2; !isFree(free); n++) free = `${name}_${n}`;
    this.#names.set(given, free);
    this.#leave(place, `a secret in the file is not copied: put it into the variable ${free}`);
    return free;
  }

  #headers(p: Row, at: string): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    const given = { ...rowOf(p.headers), ...rowOf(p.extra_headers), ...(p.organization ? { "OpenAI-Organization": p.organization } : {}) };
    for (const [name, value] of Object.entries(given)) {
      const env = variableOf(value);
      const place = `${at}.litellm_params: header ${name}`;
      if (env !== undefined) found[name] = { env };
      else if (typeof value !== "string") this.#leave(place, "not a text");
      else if (secretHeader.test(name)) this.#leave(place, "it may be a secret, and is not copied: headers: { NAME: { env: VARIABLE } }");
      else found[name] = value;
    }
    return found;
  }
}

const providerOf = (named: string): Provider | undefined => (Object.hasOwn(providers, named) ? providers[named] : undefined);

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const rowOf = (value: unknown): Row => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Row) : {});

/** `provider/model`; a name without a provider is OpenAI's. */
function splitModel(p: Row & { readonly model: string }): { readonly named: string; readonly model: string } {
  const slash = p.model.indexOf("/");
  const first = slash > 0 ? p.model.slice(0, slash) : undefined;
  const named = textOf(p.custom_llm_provider) ?? first ?? "openai";
  return { named, model: first === named ? p.model.slice(slash + 1) : p.model };
}

/** A server for each part: one for each address, key and setting. */
export class Upstreams {
  readonly all: Record<string, Record<string, unknown>> = {};
  readonly #ids = new Map<string, string>();

  take(provider: string, part: Record<string, unknown>): string {
    const key = JSON.stringify(part);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const first = provider.replaceAll("_", "-");
    let id = first;
    for (let n = 2; Object.hasOwn(this.all, id); n++) id = `${first}-${n}`;
    this.all[id] = part;
    this.#ids.set(key, id);
    return id;
  }
}

/** Names of all variables that are read: of `os.environ/NAME` in LiteLLM's file, or of `{ env: NAME }` in ours. */
export function variablesIn(value: unknown): string[] {
  const found = new Set<string>();
  const walk = (v: unknown): void => {
    const name = variableOf(v);
    if (name !== undefined) found.add(name);
    if (typeof v !== "object" || v === null) return;
    const entries = Object.entries(v);
    if (entries.length === 1 && entries[0]![0] === "env" && typeof entries[0]![1] === "string") found.add(entries[0]![1]);
    for (const [, inner] of entries) walk(inner);
  };
  walk(value);
  return [...found].sort();
}
