/** A response of OpenAI's API in each of its states (API reference, Responses, the response object). */
import type { Row } from "../values.ts";
import type { OutputItem } from "./response-items.ts";

interface ResponseOrigin {
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly model: unknown;
  readonly previousId?: string | null | undefined;
  readonly isStored: boolean;
  readonly effort: unknown;
  readonly text: object;
  readonly truncation?: "auto" | "disabled" | undefined;
  readonly fingerprint?: string;
}

export type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "cancelled" | "failed";

/** What every state of a response has in common. */
export const responseHead = (body: Row, o: ResponseOrigin): Row => ({
  id: o.id,
  object: "response",
  created_at: o.createdAt,
  background: body.background === true,
  error: null,
  instructions: body.instructions ?? null,
  max_output_tokens: body.max_output_tokens ?? null,
  metadata: body.metadata ?? {},
  model: o.model,
  parallel_tool_calls: body.parallel_tool_calls ?? true,
  previous_response_id: o.previousId ?? null,
  reasoning: { effort: o.effort ?? null, summary: null },
  service_tier: "default",
  store: o.isStored,
  system_fingerprint: o.fingerprint,
  temperature: body.temperature ?? 1,
  text: o.text,
  tool_choice: body.tool_choice ?? "auto",
  tools: body.tools ?? [],
  top_p: body.top_p ?? 1,
  ...(body.top_logprobs == null ? {} : { top_logprobs: body.top_logprobs }),
  truncation: o.truncation ?? "disabled",
  user: body.user ?? null,
});

/** `why`: of an answer that was cut off. */
export const responseState = <Name>(
  head: Row,
  status: ResponseStatus,
  items: readonly OutputItem<Name>[],
  usage: object | null,
  why?: string,
) => ({ ...head, status, incomplete_details: why ? { reason: why } : null, output: structuredClone(items), usage });
