/**
 * What a guard is: something that looks at a request's texts before a model does, and at an answer's before the client does. Adding one is adding
 * a folder with a schema and what opens it (`kinds.ts`). A guard decides; what becomes of it is done in `guarded.ts` and `answer.ts`.
 */

import type { Endpoint } from "../endpoints.ts";
import type { Identity } from "../identity/contract.ts";
import type { ReviewQueue } from "../review/queue.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { HeldRequests } from "./person/held.ts";

export const stages = ["request", "answer"] as const;
export type GuardStage = (typeof stages)[number];

/** A model of this gateway, asked by a guard. */
interface GuardQuestion {
  readonly endpoint: "moderations" | "chat";
  /** With `model`, a public name. */
  readonly body: Readonly<Record<string, unknown>> & { readonly model: string };
  readonly timeoutMs: number;
}
/** Asks past guards and cache, charged to nobody; the client's leaving does not end it. Gives the answer's JSON. Errors: GuardFailure. */
export type GuardAskModel = (question: GuardQuestion) => Promise<unknown>;

/** Who asks for what: by it a guard is for a request or not. */
export interface GuardAsk {
  readonly id: string;
  readonly identity: Identity;
  /** Public name. */
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly askModel: GuardAskModel;
  /** Documents that came with the request. */
  readonly documents: readonly string[];
}

/** What a guard may look at before a model is asked. */
export interface GuardedRequest extends GuardAsk {
  /** In the order of the conversation, as the guards before have left them. */
  readonly texts: readonly string[];
  /** Looked at too, and not to be changed: names of tools and members, and parts of a message put together. */
  readonly fixed: readonly string[];
  /** What the client says of its own past: names of a conversation that a server keeps. */
  readonly conversation: string | undefined;
  /** Guards before this one that flagged the request. */
  readonly flaggedBy: readonly string[];
  /** Wished when the client leaves. */
  readonly stop: Stop;
  readonly held: HeldRequests;
  readonly reviews: ReviewQueue;
}

export type Verdict =
  | { readonly kind: "pass"; readonly note?: string }
  /** Something was found; it passes, and is told to the log and the metrics alone. */
  | { readonly kind: "flag"; readonly note?: string }
  /** `why` is for the client, `note` for the log; they quote nothing of the texts. */
  | {
      readonly kind: "block";
      readonly why: string;
      readonly note?: string;
      /** Case and token by which the client may appeal; for a header, never for the log. */
      readonly appeal?: { readonly id: string; readonly token: string };
    }
  /** As many texts as there were. */
  | { readonly kind: "rewrite"; readonly texts: readonly string[] };

/** `unjudged`: the guard failed, and is open. */
export type Did = "flag" | "rewrite" | "restore" | "unjudged";

/** What a filter lets go. */
export interface FilteredPiece {
  readonly text: string;
  /** The answer ends behind `text`. */
  readonly isBlocked?: boolean;
  /** What was done in this piece, for the log and the metrics. */
  readonly did?: Did;
  /** For the log; it quotes nothing of the text. */
  readonly note?: string;
}

/**
 * One text of an answer, in pieces as they come. What may still become part of something that the guard would change or block is held back; the
 * pieces together, and what they say, are the same however the text was cut.
 */
export interface TextFilter {
  push(text: string): FilteredPiece | Promise<FilteredPiece>;
  /** The text is over. */
  end(): FilteredPiece | Promise<FilteredPiece>;
}

/** `json`: the text is JSON, as a tool's arguments are; what is put into it must be escaped. */
export type TextForm = "text" | "json";

/** A guard at work on one request and its answer. */
export interface GuardSession {
  before?(request: GuardedRequest): Verdict | Promise<Verdict>;
  /** For each text of the answer; undefined where nothing is to be done. `isWhole`: it comes in one piece. */
  filter?(form: TextForm, isWhole: boolean): TextFilter | undefined;
}

export interface Guard {
  readonly name: string;
  readonly kind: string;
  /** Digest of everything that its decisions rest on. */
  readonly version: string;
  /** What becomes of a request that it cannot judge. */
  readonly failsOpen: boolean;
  readonly stages: readonly GuardStage[];
  /** Of a request's texts, in UTF-8; undefined: as many as a body has. */
  readonly maxBytes: number | undefined;
  /** The model of the gateway that it asks. */
  readonly asks: string | undefined;
  isFor(ask: GuardAsk): boolean;
  open(ask: GuardAsk): GuardSession;
  close(): Promise<void>;
}
