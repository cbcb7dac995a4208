/**
 * Feedback on responses that came through the gateway, as a port: whoever fills it is told of responses, and keeps what their owners say of them. Only
 * numbers and names are told. Answers of a server of this process are that server's to tell.
 */
import type { FeedbackPort } from "../protocols/index.ts";

/** A response that a model gave. */
export interface AnsweredRequest {
  /** As the client got it. */
  readonly requestId: string;
  /** `ownerOf` whoever asked. */
  readonly owner: string;
  /** As the gateway offers it. */
  readonly model: string;
  /** As the upstream calls what answered: its model, or Loam's own version `mail-small@3`. */
  readonly served: string | null;
  readonly status: number;
  /** When it ended, in milliseconds since 1970. */
  readonly atMs: number;
}

export interface GatewayFeedback {
  readonly port: FeedbackPort;
  told(request: AnsweredRequest): void;
}
