/** What an upstream is told by the configuration, checked, with its secrets read. */
import type { Network } from "./address.ts";
import type { BreakerOptions } from "./breaker.ts";
import type { Deadlines } from "./call.ts";
import type { ServeHere } from "./in-process.ts";

/** How an answer that broke off can be gone on with: vLLM's `continue_final_message`, completions with the text behind the prompt, or not. */
export const continuations = ["none", "vllm", "completions"] as const;
export type Continuation = (typeof continuations)[number];

export interface UpstreamConfig {
  readonly url: URL;
  readonly network: Network;
  /** Sent with every request: credentials and whatever else the configuration says. */
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly deadlines: Deadlines;
  readonly breaker: BreakerOptions;
  readonly health: { readonly path: string; readonly everyMs: number } | undefined;
  readonly continuation: Continuation;
  /** Whether streams are asked for their token counts (`stream_options.include_usage`). */
  readonly asksUsage: boolean;
  readonly authorities: string | undefined;
  /** A server of this process, asked without a socket; the URL is then only its name. */
  readonly here?: ServeHere | undefined;
}
