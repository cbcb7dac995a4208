/**
 * One answer in the making: what it was asked, what it has said, how far the cache is. It turns tokens into events and knows when it is over;
 * it decides no order and touches no device.
 */
import { type Random, random } from "../base/index.ts";
import {
  choiceRandom,
  type FinishReason,
  type History,
  type Likelihood,
  type SamplingOptions,
  TextOutput,
  type TokenTextStream,
} from "../nn/index.ts";
import { OutputQueue, type OutputQueueOptions } from "./output-queue.ts";

export interface GenerationRequest {
  /** The prompt's tokens, at least one. */
  readonly tokens: readonly number[];
  /** Tokens of the answer at most; what the context leaves when absent. */
  readonly maxTokens?: number;
  readonly sampling?: Partial<SamplingOptions>;
  /** Any number or text; drawn when absent. */
  readonly seed?: number | string;
  /** Which of several answers to one request: each draws from random numbers of its own. */
  readonly choice?: number;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
  /** Tokens that end the answer; the model's when absent. */
  readonly stopTokens?: readonly number[];
  /** Reports each token's log-probability and that of so many most likely ones. */
  readonly likelihoods?: number;
  /** Who it belongs to, for fairness; a group of its own when absent. */
  readonly group?: string;
  readonly signal?: AbortSignal;
}

export interface GeneratedToken {
  readonly token: number;
  readonly likelihood?: Likelihood;
}

export interface Usage {
  readonly promptTokens: number;
  /** Tokens drawn, a stop token included. */
  readonly completionTokens: number;
}

/** New text, and the tokens whose text is now out. */
export interface TextEvent {
  readonly kind: "text";
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
}
/** The rest of the text and how it ended. */
export interface EndEvent {
  readonly kind: "end";
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
  readonly finishReason: FinishReason;
  readonly usage: Usage;
}
export type GenerationEvent = TextEvent | EndEvent;

export interface SequenceParts {
  readonly id: number;
  readonly request: GenerationRequest;
  readonly sampling: SamplingOptions;
  readonly maxTokens: number;
  readonly stopTokens: ReadonlySet<number>;
  readonly stream: TokenTextStream;
  readonly output: OutputQueueOptions;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

export class Sequence {
  readonly id: number;
  readonly group: string;
  readonly sampling: SamplingOptions;
  readonly random: Random;
  readonly likelihoods: number | undefined;
  readonly output: OutputQueue<GenerationEvent>;
  readonly submittedMs: number;
  /** Prompt and answer: what is known. */
  readonly tokens: number[];
  /** How many of them are in the cache. */
  computed = 0;
  slot: number | undefined;
  lastChunk = -1;
  lastTokenMs: number | undefined;
  /** Since when its reader has been behind. */
  blockedMs: number | undefined;
  #state: "live" | "over" = "live";
  readonly #prompt: readonly number[];
  readonly #answer: number[] = [];
  readonly #maxTokens: number;
  readonly #stopTokens: ReadonlySet<number>;
  readonly #text: TextOutput;
  /** Tokens whose text is not all out, with the length of the decoded text after each. */
  #pending: { readonly token: GeneratedToken; readonly until: number }[] = [];

  constructor({ id, request, sampling, maxTokens, stopTokens, stream, output, nowMs }: SequenceParts) {
    this.id = id;
    this.group = request.group ?? `sequence ${id}`;
    this.sampling = sampling;
    this.random = request.seed === undefined ? random(unseeded()) : choiceRandom(request.seed, request.choice ?? 0);
    this.likelihoods = request.likelihoods;
    this.output = new OutputQueue(output);
    this.submittedMs = nowMs;
    this.tokens = [...request.tokens];
    this.#prompt = request.tokens;
    this.#maxTokens = maxTokens;
    this.#stopTokens = stopTokens;
    this.#text = new TextOutput(stream, request.stop ?? []);
  }

  get isOver(): boolean {
    return this.#state === "over";
  }
  get history(): History {
    return { prompt: this.#prompt, answer: this.#answer };
  }
  get usage(): Usage {
    return { promptTokens: this.#prompt.length, completionTokens: this.#answer.length };
  }

  /** Takes the token that was drawn; gives the reason when it was the last. */
  accept(token: number, likelihood?: Likelihood): FinishReason | undefined {
    this.#answer.push(token);
    if (this.#stopTokens.has(token)) return this.#finish("stop", "");
    this.tokens.push(token);
    const text = this.#text.push(token);
    this.#pending.push({ token: { token, ...(likelihood ? { likelihood } : {}) }, until: this.#text.decoded });
    if (this.#text.stop !== undefined) return this.#finish("stop", text);
    if (this.#answer.length >= this.#maxTokens) return this.#finish("length", text);
    // tokens without text of their own (parts of characters) go with the next text, unless someone looks at each
    if (text === "" && !likelihood) return undefined;
    const tokens = this.#release(false);
    if (text !== "" || tokens.length > 0) this.output.push({ kind: "text", text, tokens });
    return undefined;
  }

  /** Ends it as if it had reached its length; for answers of no tokens. */
  endAtLength(): void {
    this.#finish("length", "");
  }

  /** Ends it with an error; its reader gets what was said before. */
  fail(error: unknown): void {
    this.#state = "over";
    this.output.fail(error);
  }

  #finish(reason: FinishReason, text: string): FinishReason {
    this.#state = "over";
    const rest = text + this.#text.end();
    const stopped = this.#text.stop !== undefined;
    const finishReason = stopped ? "stop" : reason;
    this.output.push({ kind: "end", text: rest, tokens: this.#release(!stopped), finishReason, usage: this.usage });
    this.output.end();
    return finishReason;
  }

  /** Tokens whose text is out; with `all`, the rest too. What lies in a stop string never comes. */
  #release(all: boolean): GeneratedToken[] {
    const out = this.#pending.filter(p => all || p.until <= this.#text.released);
    this.#pending = this.#pending.slice(out.length);
    return out.map(p => p.token);
  }
}

/** A seed for requests without one. */
const unseeded = (): string => crypto.randomUUID();
