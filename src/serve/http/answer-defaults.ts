/** vLLM's flags of a server: what answers of OpenAI's API tell where a request does not ask for it. */
import type { Row } from "../../protocols/index.ts";

export interface AnswerDefaults {
  /** Log-probabilities name tokens as `token_id:N`, unless a request says otherwise. */
  readonly tokensAsIds?: boolean;
  /** Every chunk of a stream tells the usage so far, and the last one that of the whole, whatever a request says. */
  readonly usageInStreams?: boolean;
  /** Responses of chats and completions tell what their first answer took (`metrics`), streams beside their usage. */
  readonly requestMetrics?: boolean;
}

/** The body with the server's defaults in place; fields of a wrong type stay, to be refused. */
export function withAnswerDefaults(body: Row, { tokensAsIds = false, usageInStreams = false }: AnswerDefaults = {}): Row {
  const { stream, stream_options: given, return_tokens_as_token_ids: asIds } = body;
  const isPlain = given == null || (typeof given === "object" && !Array.isArray(given));
  return {
    ...body,
    ...(tokensAsIds && asIds == null ? { return_tokens_as_token_ids: true } : {}),
    ...(usageInStreams && stream === true && isPlain
      ? { stream_options: { ...given, include_usage: true, continuous_usage_stats: true } }
      : {}),
  };
}
