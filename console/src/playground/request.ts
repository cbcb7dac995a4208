/** A request as it goes to the server: path and body. What is shown as code is exactly this. */
import { jsonObject, type Settings, stopStrings, wholeNumber } from "./settings.ts";
import { mostAlternatives } from "./tokens.ts";
import { type ToolResult, type WireCall, type WireChoice, type WireTool, wireTools } from "./tools.ts";

export const modes = ["completion", "chat"] as const;
export type Mode = (typeof modes)[number];

export type Message =
  | { readonly role: "system" | "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string; readonly tool_calls?: readonly WireCall[] }
  | { readonly role: "tool"; readonly content: string; readonly tool_call_id: string };

interface Sampling {
  readonly model: string;
  readonly max_tokens?: number;
  readonly temperature: number;
  readonly top_p: number;
  /** Not OpenAI's; Loam's server and most others take it. */
  readonly top_k?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}
export interface CompletionBody extends Sampling {
  readonly prompt: string;
  /** Alternatives at each place. */
  readonly logprobs?: number;
}
export interface ChatBody extends Sampling {
  readonly messages: readonly Message[];
  readonly logprobs?: true;
  readonly top_logprobs?: number;
  readonly response_format?: {
    readonly type: "json_schema";
    readonly json_schema: { readonly name: string; readonly schema: object; readonly strict: true };
  };
  readonly tools?: readonly WireTool[];
  readonly tool_choice?: WireChoice;
}
export type Request =
  | { readonly path: "/v1/completions"; readonly body: CompletionBody }
  | { readonly path: "/v1/chat/completions"; readonly body: ChatBody };

/** The sampling part of valid settings (`problems` found none); what is empty is left to the server. */
function sampling(model: string, s: Settings, most: string): Sampling {
  const maxTokens = wholeNumber(most, 1, Number.MAX_SAFE_INTEGER);
  const topK = wholeNumber(s.topK, 1, Number.MAX_SAFE_INTEGER);
  const seed = wholeNumber(s.seed, 0, Number.MAX_SAFE_INTEGER);
  const stop = stopStrings(s.stop);
  return {
    model,
    ...(maxTokens == null ? {} : { max_tokens: maxTokens }),
    temperature: s.temperature,
    top_p: s.topP,
    ...(topK == null ? {} : { top_k: topK }),
    ...(seed == null ? {} : { seed }),
    ...(stop.length === 0 ? {} : { stop }),
  };
}

export const completionRequest = (model: string, prompt: string, s: Settings): Request => ({
  path: "/v1/completions",
  body: { prompt, ...sampling(model, s, s.maxTokens), ...(s.probabilities ? { logprobs: mostAlternatives } : {}) },
});

/** What a person adds to a conversation: a message, or the results of the calls that the model made. */
export const turnOf = (said: string | readonly ToolResult[]): Message[] =>
  typeof said === "string"
    ? [{ role: "user", content: said }]
    : said.map(({ callId, content }) => ({ role: "tool", tool_call_id: callId, content }));

/** `history` is what was said before, in order; the system text of the settings comes first. */
export function chatRequest(model: string, history: readonly Message[], said: string | readonly ToolResult[], s: Settings): Request {
  const system: Message[] = s.system.trim() === "" ? [] : [{ role: "system", content: s.system }];
  const schema = jsonObject(s.schema);
  return {
    path: "/v1/chat/completions",
    body: {
      messages: [...system, ...history, ...turnOf(said)],
      ...sampling(model, s, s.maxAnswer),
      ...(s.probabilities ? { logprobs: true, top_logprobs: mostAlternatives } : {}),
      ...(schema ? { response_format: { type: "json_schema", json_schema: { name: "response", schema, strict: true } } } : {}),
      ...wireTools(s.tools, s.toolChoice),
    },
  };
}
