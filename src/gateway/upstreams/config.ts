/** What an upstream is told by the configuration, checked, with its secrets read. */
import type { ProtocolName } from "../../protocols/index.ts";
import type { LaneOptions } from "../queue/lane.ts";
import type { BreakerOptions } from "./breaker.ts";
import type { Deadlines } from "./call.ts";
import type { ServeHere } from "./in-process.ts";
import type { Network } from "./networks.ts";
import type { ServiceReference } from "./service-reference.ts";

/**
 * How an answer that broke off can be gone on with: vLLM's `continue_final_message`, a last message of the assistant's (prefill), completions with the
 * text behind the prompt, or not.
 */
export const continuations = ["none", "vllm", "prefill", "completions"] as const;
export type Continuation = (typeof continuations)[number];

/** OpenAI's newer models refuse `max_tokens`; other servers pass over `max_completion_tokens` in silence. */
export const outputLimits = ["max_tokens", "max_completion_tokens"] as const;
type OutputLimit = (typeof outputLimits)[number];

export interface UpstreamConfig {
  readonly url: URL;
  readonly network: Network;
  /** Sent with every request: credentials and whatever else the configuration says. */
  readonly headers: Readonly<Record<string, string>>;
  /** Reads the secrets among the headers again; undefined where none can change (no file, no program). Errors: gateway/secret. */
  readonly renewHeaders?: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  readonly deadlines: Deadlines;
  readonly breaker: BreakerOptions;
  readonly health: { readonly path: string; readonly everyMs: number } | undefined;
  readonly continuation: Continuation;
  /** Whether streams are asked for their token counts (`stream_options.include_usage`). */
  readonly asksUsage: boolean;
  /** Whether it is told a `cache_salt` of the request's owner, so that its prefix cache is not shared by tenants. */
  readonly saltsCache: boolean;
  /** What the most that a chat may write is called. */
  readonly outputLimit: OutputLimit;
  readonly authorities: string | undefined;
  /** The name in its certificate, where the URL has an address. */
  readonly serverName?: string | undefined;
  /** The Service of Kubernetes whose endpoints are asked in its place. */
  readonly service?: ServiceReference | undefined;
  readonly protocol: ProtocolName;
  /** Where requests for responses go: to the server's own, or to its chat. */
  readonly responses: "own" | "chat";
  /** What becomes of parameters that its protocol does not know. */
  readonly untranslated: "refuse" | "drop";
  /** Whether it takes vLLM's parameters of reasoning, and `reasoning_content` of earlier messages. */
  readonly reasoning: "none" | "vllm";
  readonly tensors: { readonly input: string; readonly output: string };
  /** Requests at once, and the queue of those that wait; undefined for a server of this process: as many as come. */
  readonly lane?: LaneOptions | undefined;
  /** Where its queue and its cache's use are read, and how often; undefined: nowhere. */
  readonly load?: { readonly path: string; readonly everyMs: number } | undefined;
  /** Ids of stored objects that every owner may name, such as prompts that the operator keeps in the account. */
  readonly sharedObjects: ReadonlySet<string>;
  /** A server of this process, asked without a socket; the URL is then only its name. */
  readonly here?: ServeHere | undefined;
}
