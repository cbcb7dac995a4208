/**
 * Feedback on a response (`POST /v1/feedback`): what a client sends, what it is answered, and the port by which server and gateway keep it. Numbers and
 * classes alone: a comment is taken and not kept.
 */
import { z } from "zod";

export const feedbackBounds = {
  /** A client's own request id that is echoed. */
  idCharacters: 128,
  sourceCharacters: 64,
  labelCharacters: 128,
  /** Texts of one request that are labelled by their place. */
  texts: 32,
  /** Bytes of a body. */
  bodyBytes: 16 * 1024,
} as const;

const idPattern = /^[\w.:-]+$/;
export const feedbackId = z.string().max(feedbackBounds.idCharacters).regex(idPattern, "letters, digits and . _ : -");

export const feedbackRequest = z.strictObject({
  request_id: feedbackId.describe("the header x-request-id of the response, or the response's id"),
  source: z
    .string()
    .max(feedbackBounds.sourceCharacters)
    .regex(/^[\w.:@/-]+$/, "letters, digits and . _ : @ / -")
    .describe("who says it: `end-user`, `reviewers`; a label in force for each source"),
  label: z
    .string()
    .max(feedbackBounds.labelCharacters)
    .regex(/^[^\p{C}]+$/u, "a text without control characters")
    .nullish()
    .describe("the right class, or `sha256:` and the digest of the right text"),
  score: z
    .union([z.number().min(0).max(1), z.boolean()], { error: "a number from 0 to 1, or true or false" })
    .nullish()
    .describe("how good the response is; true is 1 (thumbs up), false is 0"),
  confidence: z.number().gt(0).max(1).nullish().describe("how sure the source is; default: 1"),
  index: z
    .int()
    .min(0)
    .max(feedbackBounds.texts - 1)
    .nullish()
    .describe("which text of the request is meant; default: 0"),
  comment: z.string().nullish().describe("is not kept; the response names it in x-loam-ignored"),
});

/** Feedback as it is kept. */
export interface GivenFeedback {
  readonly requestId: string;
  readonly source: string;
  readonly label: string | null;
  readonly score: number | null;
  readonly confidence: number;
  readonly index: number;
}

export function givenFeedback(body: z.output<typeof feedbackRequest>): GivenFeedback {
  const { request_id, source, label = null, score = null, confidence, index } = body;
  return {
    requestId: request_id,
    source,
    label,
    score: typeof score === "boolean" ? Number(score) : score,
    confidence: confidence ?? 1,
    index: index ?? 0,
  };
}

/** A label as its owner reads it. */
export interface FeedbackInfo {
  readonly object: "feedback";
  readonly request_id: string;
  readonly model: string;
  readonly source: string;
  readonly label: string | null;
  readonly score: number | null;
  readonly confidence: number;
  readonly index: number;
  /** Its source is declared as trusted. */
  readonly trusted: boolean;
  /** Seconds since 1970. */
  readonly created: number;
}

export const feedbackInfo = z.strictObject({
  object: z.literal("feedback"),
  request_id: z.string(),
  model: z.string().describe("the version that answered: `spam@3`"),
  source: z.string(),
  label: z.string().nullable(),
  score: z.number().nullable(),
  confidence: z.number(),
  index: z.int(),
  trusted: z.boolean().describe("whether the source is declared as trusted in loam.yaml"),
  created: z.int(),
});

/** `unknown`: no request of this owner has the id (yet). `full`: a bound is reached, which the sentence names. */
export type FeedbackAnswer =
  | { readonly kind: "kept"; readonly feedback: FeedbackInfo; readonly isReplaced: boolean }
  | { readonly kind: "unknown" }
  | { readonly kind: "wrong"; readonly place: string; readonly expected: string; readonly received: string }
  | { readonly kind: "full"; readonly expected: string; readonly retryAfterSeconds: number };

/** Keeps feedback. `owner`: of the request; null on a server that tells nobody apart. */
export interface FeedbackPort {
  give(owner: string | null, feedback: GivenFeedback): Promise<FeedbackAnswer>;
  /** What was said of a request; undefined where no request of this owner has the id. */
  list(owner: string | null, requestId: string): Promise<readonly FeedbackInfo[] | undefined>;
  /** Takes all labels of a request away, and what is remembered of it; how many labels there were, undefined as in `list`. */
  remove(owner: string | null, requestId: string): Promise<number | undefined>;
}

/** How long feedback that comes before its request is kept. */
export const earlyFeedbackMinutes = 10;

/** Why feedback is not kept, as the fields of an error: each server has codes of these names. */
export interface FeedbackRefusal {
  readonly name: "unknownRequest" | "feedbackRate" | "parameter";
  readonly fields: { readonly place: string; readonly expected: string; readonly received: string; readonly hint?: string };
}

/** Of an id that no request of this owner has; `place` is where it stands. */
export const unknownRequest = (place: string): FeedbackRefusal => ({
  name: "unknownRequest",
  fields: {
    place,
    expected: "the id of a response that this API key was given",
    received: "another one, or one whose response has not ended",
    hint: `Send the header x-request-id of the response. A label that comes before its response ends is kept for ${earlyFeedbackMinutes} minutes.`,
  },
});

export function feedbackRefusal(answer: Exclude<FeedbackAnswer, { readonly kind: "kept" }>): FeedbackRefusal {
  switch (answer.kind) {
    case "unknown":
      return unknownRequest("request_id");
    case "full":
      return {
        name: "feedbackRate",
        fields: { place: "feedback", expected: answer.expected, received: "more", hint: `Retry in ${answer.retryAfterSeconds} s.` },
      };
    case "wrong":
      return { name: "parameter", fields: { place: answer.place, expected: answer.expected, received: answer.received } };
  }
}
