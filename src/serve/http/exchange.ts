/** One request on its way through the application: its id, what is reported about it, and how a handler answers with a stream. */
import type { Context } from "hono";
import { type Clock, defined } from "../../base/index.ts";
import { eventStreamResponse, type FeedbackPort, type Framing } from "../../protocols/index.ts";
import type { Login } from "../../session/index.ts";
import type { AuthorizeRequest } from "../authorization.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { Engine, Generation } from "../engine.ts";
import type { Engines } from "../engines.ts";
import type { Fleet } from "../lifecycle/fleet.ts";
import type { OptionalEndpoint } from "../optional-endpoints.ts";
import type { ResponseAccount } from "../response-account.ts";
import type { TracedOperation } from "../tracing/tracing.ts";
import type { AnswerDefaults } from "./answer-defaults.ts";
import { readJson } from "./body.ts";
import type { Contract } from "./contract.ts";
import type { BatchRunner } from "./files/batch-runner.ts";
import type { FileStore } from "./files/file-store.ts";
import type { FineTuning } from "./fine-tuning/port.ts";
import type { InferenceStatistics } from "./inference/statistics.ts";
import type { Caller } from "./owner.ts";
import type { ResponseStore } from "./responses/store.ts";
import { wireError } from "./wire-error.ts";

export interface Exchange {
  readonly requestId: string;
  /** Monotonic milliseconds at which it came. */
  readonly startMs: number;
  /** Whose stored objects the request may use, and who owns what it stores. */
  readonly caller: () => Caller;
  /** Whose prompts the request may share computed prefixes with; null: with everybody's. */
  readonly prefixOwner: () => string | null;
  /** The API key that the request was made with, as an owner; absent where the server has no keys. */
  keyOwner?: string | undefined;
  /** The id in the response's body, where it has one that clients name it by. */
  responseId?: string;
  /** The route's pattern, for metrics; set by the router. */
  route: string;
  /** What the request is for, for traces. */
  operation?: TracedOperation | undefined;
  /** Tokens that an encoder read for it, for traces. */
  inputTokens?: number;
  /** How long it waited for its model to wake. */
  loadMs?: number;
  /** The engine that was asked, for Retry-After. */
  engine?: Engine | EmbeddingEngine;
  /** The model that requests mean which name none. */
  otherNames?: string | undefined;
  /** The body, where another contract has read it. */
  body?: Readonly<Record<string, unknown>>;
  /** Whose error form the answer takes; OpenAI's when absent. */
  contract?: Contract;
  /** Methods that the address takes, when the request's is none of them. */
  allow?: string;
  /** Fields of the body that change nothing, for the response header `x-loam-ignored`. */
  ignored?: readonly string[];
  /** Keywords of JSON Schemas that the answer is not held to, for the response header `x-loam-relaxed`. */
  relaxed?: readonly string[];
  /** Texts that a model with thresholds of groups decided by its common one, for the response header `x-loam-common-threshold`. */
  commonThreshold?: number;
  /** It comes from a web page of another origin that may call the server. */
  readonly isOriginTrusted: boolean;
  /** The answer goes on after the handler has returned; whoever ends it calls `finish`. */
  isStreaming: boolean;
  /** A model answers it. */
  isAnswer?: true;
  finish(status: number, error?: string): void;
  /** What is told of the response when it has ended; absent where nobody observes responses. */
  account?: ResponseAccount;
  /** The version that a split chose for it. */
  arm?: number | undefined;
}

/** What whoever calls the application says beside the request; nothing of it comes from the client. */
interface AppBindings {
  /** Address of the socket's other side. */
  readonly address?: string | undefined;
  /** Decides on the request, where a gateway stands before the server. */
  readonly authorize?: AuthorizeRequest | undefined;
}

export interface AppEnvironment {
  readonly Bindings: AppBindings;
  readonly Variables: { readonly exchange: Exchange };
}
export type AppContext = Context<AppEnvironment>;

export interface Services {
  readonly engines: Engines;
  /** Loads and unloads; absent where the models are fixed. */
  readonly fleet?: Fleet | undefined;
  /** Whoever reaches the server may administer it. */
  readonly admin: boolean;
  /** Who else may; nobody when absent. */
  readonly login?: Login | undefined;
  /** Adapters below it may be loaded on request; none when absent. */
  readonly adapterFolder?: string | undefined;
  /** Adapters that were made for other weights are taken too. */
  readonly adapterAnyBase?: boolean | undefined;
  /** Templates that requests bring are run. */
  readonly trustsChatTemplates?: boolean | undefined;
  readonly answers?: AnswerDefaults | undefined;
  /** Most likely tokens that a request may ask for beside each token; below 0 all of the vocabulary, 20 when absent. */
  readonly maxLogprobs?: number | undefined;
  /** Addresses that the operator has turned off. */
  readonly disabled: ReadonlySet<OptionalEndpoint>;
  /** Seconds since 1970, now. */
  readonly created: () => number;
  /** Seconds since 1970 at which the server started. */
  readonly started: number;
  readonly clock: Clock;
  /** Loam's version. */
  readonly version: string;
  readonly heartbeatMs: number;
  readonly files: FileStore;
  readonly responses: ResponseStore;
  /** Keeps what clients say of responses; nobody does when absent. */
  readonly feedback?: FeedbackPort | undefined;
  /** What models have done since the start, for the Open Inference Protocol. */
  readonly statistics: InferenceStatistics;
  /** Carries fine-tuning jobs out; absent where nobody does. */
  readonly fineTuning?: FineTuning | undefined;
  /** Made when it is first asked for. */
  readonly batches: () => BatchRunner;
}

const bodyForm = ({ parse, takesUndeclared, split }: Partial<Contract> = {}) => ({ parse, takesUndeclared, split });

/** The body as an object, by the contract's own parser where it has one. Errors as of `readJson`. */
export async function bodyOf({ req, var: { exchange } }: AppContext): Promise<Readonly<Record<string, unknown>>> {
  const { contract, otherNames, isOriginTrusted } = exchange;
  const body = exchange.body ?? (await readJson(req.raw, { ...bodyForm(contract), isOriginTrusted }));
  return contract?.namesModel && otherNames !== undefined && body.model == null ? { ...body, model: otherNames } : body;
}

/** Whose stored objects a request may use. */
export const callerOf = (c: AppContext): Caller => c.var.exchange.caller();

/** Whose request it is, for feedback on its response: as the gateway says, else by its API key; null where nobody is told apart. */
export const requestOwner = ({ caller, keyOwner }: Exchange): string | null => caller().owner ?? keyOwner ?? null;

/** Of one request, what each generation for it is told. */
export interface Asker {
  readonly requestId: string;
  /** Only prompts of the same owner share computed prefixes; null: those without an owner. */
  readonly owner: string | null;
  readonly signal: AbortSignal;
  /** Keeps keywords that the answer is not held to for the response header `x-loam-relaxed`. */
  readonly onRelaxed?: ((pointers: readonly string[]) => void) | undefined;
  /** Counts texts that a model with thresholds of groups decided by its common one, for the response header `x-loam-common-threshold`. */
  readonly onDecided?: ((by: readonly (string | null)[]) => void) | undefined;
}
export const askerOf = ({ req, var: { exchange } }: AppContext): Asker => ({
  requestId: exchange.requestId,
  owner: exchange.prefixOwner(),
  signal: req.raw.signal,
  onRelaxed: pointers => {
    if (pointers.length > 0) exchange.relaxed = [...(exchange.relaxed ?? []), ...pointers];
  },
  onDecided: by => {
    const common = by.filter(g => g === null).length;
    if (common > 0) exchange.commonThreshold = (exchange.commonThreshold ?? 0) + common;
  },
});

/** The engine's salt for an owner and the `cache_salt` that the client chose: no client's choice leads out of its owner's prefixes. */
export const saltOf = (owner: string | null, chosen?: string | null): { readonly cacheSalt?: string } =>
  owner === null ? (chosen == null ? {} : { cacheSalt: chosen }) : { cacheSalt: JSON.stringify([owner, chosen ?? ""]) };

/** Status that stands in logs and metrics for a client that left. */
export const clientLeft = 499;

/** Answers with a stream of chunks in a contract's form; the generations are cancelled when the client leaves. */
export function streamAnswer(
  c: AppContext,
  services: Services,
  generations: readonly Generation[],
  chunks: AsyncGenerator<unknown, void, undefined>,
  framing?: Framing,
): Response {
  const { exchange } = c.var;
  exchange.isStreaming = true;
  const cancel = () => {
    for (const g of generations) g.cancel();
  };
  return eventStreamResponse(chunks, {
    ...defined({ framing }),
    heartbeatMs: services.heartbeatMs,
    onError: error => wireError(error, exchange.requestId),
    onLeave: cancel,
    onEnd: how => {
      if (how === undefined) exchange.finish(200);
      else if (how === "left") exchange.finish(clientLeft, "serve/cancelled");
      else exchange.finish(how.status, how.ours);
    },
  });
}

/** Fields that every answer and every chunk of one request have in common. */
export const answerHead = (id: string, object: string, engine: Engine, model: string, created: number) => ({
  id,
  object,
  created,
  model,
  system_fingerprint: engine.fingerprint,
});

/** A new id for the body of a response. */
export function newResponseId({ var: { exchange } }: AppContext, prefix: string, make: (prefix: string) => string = newId): string {
  exchange.responseId = make(prefix);
  return exchange.responseId;
}

const hexId = (): string => crypto.randomUUID().replaceAll("-", "");
/** An id of a chat or a completion. */
export const newId = (prefix: string): string => `${prefix}-${hexId()}`;
/** An id of an object that the server keeps, or of a part of one: clients look at what stands before the underscore. */
export const keptId = (prefix: string): string => `${prefix}_${hexId()}`;
