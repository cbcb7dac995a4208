/** What an upstream speaks: the name in the configuration, how it is shown its key, and where its addresses begin. */
import { defined } from "../base/index.ts";
import type { ProtocolName } from "./part.ts";

/** The version of Anthropic's API that requests are written for; an upstream's own `headers` may name another. */
const anthropicVersion = "2023-06-01";

interface Protocol {
  /** Sent with every request; `key` is undefined where the upstream has none. */
  headers(key: string | undefined): Readonly<Record<string, string>>;
  /** Of the configured path (without a slash at its end), what stands before the protocol's own paths. */
  root(path: string): string;
  /** The protocol's own ways to go on with an answer that broke off. */
  readonly continuations: readonly string[];
}

const bearer = (key: string | undefined): Readonly<Record<string, string>> => (key === undefined ? {} : { authorization: `Bearer ${key}` });

/** The address with or without what every client of the protocol adds by itself. */
const before = (path: string, ends: RegExp): string => path.replace(ends, "");

export const upstreamProtocols: { readonly [P in ProtocolName]: Protocol } = {
  openai: { headers: bearer, root: path => path, continuations: ["none", "vllm", "completions"] },
  anthropic: {
    headers: key => ({ "anthropic-version": anthropicVersion, ...defined({ "x-api-key": key }) }),
    root: path => `${before(path, /\/v1$/)}/v1`,
    continuations: ["none", "prefill"],
  },
  ollama: { headers: bearer, root: path => before(path, /\/(v1|api)$/), continuations: ["none", "prefill", "completions"] },
  tensorflow: { headers: bearer, root: path => before(path, /\/v1(\/models)?$/), continuations: ["none"] },
  inference: { headers: bearer, root: path => before(path, /\/v2(\/models)?$/), continuations: ["none", "completions"] },
};
