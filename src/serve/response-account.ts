/**
 * What is known of one response until it has ended, for `ResponseObserver`. Answers find it by the signal that their request was submitted with, so that no handler has
 * to report anything: it is told when the request has ended and every answer that was submitted for it.
 */
import type { Clock } from "../base/index.ts";
import type { RouteEndpoint } from "./authorization.ts";
import type { EmbeddingEngine } from "./embedding/embedding-engine.ts";
import type { Engine } from "./engine.ts";
import type { Engines } from "./engines.ts";
import type { Usage } from "./generation.ts";
import type { Observed, RequestOutcome } from "./observer.ts";
import type { EndedAnswer, EndedReading, EndedResponse, ResponseObserver, ResponseOutcome } from "./response-observer.ts";

const accounts = new WeakMap<AbortSignal, ResponseAccount>();

/** The account of the response that a signal belongs to; undefined where nobody observes responses. */
export const responseAccount = (signal: AbortSignal | undefined): ResponseAccount | undefined => signal && accounts.get(signal);

/** What is submitted with `signal` belongs to the response of another signal too. */
export function followAccount(signal: AbortSignal, of: AbortSignal): void {
  const account = accounts.get(of);
  if (account) accounts.set(signal, account);
}

/** One answer as it comes; its own numbers are the engine's. */
class OpenAnswer implements EndedAnswer {
  readonly #of: Observed;
  /** Milliseconds from the request to its submission. */
  readonly offsetMs: number;
  outcome: RequestOutcome = "error";
  queuedMs: number | null = null;
  firstTokenMs: number | null = null;
  totalMs = 0;

  constructor(of: Observed, offsetMs: number) {
    this.#of = of;
    this.offsetMs = offsetMs;
  }
  get isForced(): boolean {
    return this.#of.isForced;
  }
  get promptTokens(): readonly number[] {
    return this.#of.promptTokens;
  }
  get answerTokens(): readonly number[] {
    return this.#of.answerTokens;
  }
  get usage(): Usage {
    return this.#of.usage;
  }
  get logProbability(): number | null {
    return this.#of.scoredTokens > 0 ? this.#of.logProbability : null;
  }
  get scoredTokens(): number {
    return this.#of.scoredTokens;
  }
}

/** What the application knows of a request, read when it has ended. */
export interface AccountedRequest {
  readonly requestId: string;
  readonly contract: string;
  readonly endpoint: RouteEndpoint;
  readonly route: string;
  readonly isShadow: boolean;
  readonly engine: () => Engine | EmbeddingEngine | undefined;
  readonly arm: () => number | undefined;
  readonly user: () => string | undefined;
  readonly owner: () => string | null;
  readonly responseId: () => string | undefined;
}

interface AccountParts {
  readonly request: AccountedRequest;
  readonly clock: Clock;
  /** Monotonic milliseconds at which the request came. */
  readonly startMs: number;
  readonly tell: (response: EndedResponse) => void;
}

const answeredByTokens = (all: readonly OpenAnswer[]): readonly OpenAnswer[] => all.filter(a => !a.isForced);

export class ResponseAccount implements EndedResponse {
  readonly #parts: AccountParts;
  readonly answers: OpenAnswer[] = [];
  readonly readings: EndedReading[] = [];
  status = 0;
  error: string | null = null;
  totalMs = 0;
  #open = 0;
  #isEnded = false;

  /** Whatever is submitted with `signal` belongs to it. */
  constructor(parts: AccountParts, signal: AbortSignal) {
    this.#parts = parts;
    accounts.set(signal, this);
  }

  /** A handler read a text by an encoder or a classifier. */
  read(reading: EndedReading): void {
    if (!this.#isEnded) this.readings.push(reading);
  }
  submitted(of: Observed): OpenAnswer {
    const answer = new OpenAnswer(of, this.#parts.clock.monotonic() - this.#parts.startMs);
    this.answers.push(answer);
    this.#open++;
    return answer;
  }
  answered(): void {
    this.#open--;
    this.#tellOnce();
  }
  /** The request has ended; answers may go on in the background. */
  ended(status: number, error: string | undefined): void {
    if (this.status !== 0) return;
    this.status = status;
    this.error = error ?? null;
    this.#tellOnce();
  }

  #tellOnce(): void {
    if (this.#isEnded || this.#open > 0 || this.status === 0) return;
    this.#isEnded = true;
    this.totalMs = this.#parts.clock.monotonic() - this.#parts.startMs;
    this.#parts.tell(this);
  }

  get requestId(): string {
    return this.#parts.request.requestId;
  }
  get atMs(): number {
    return this.#parts.clock.now();
  }
  get contract(): string {
    return this.#parts.request.contract;
  }
  get endpoint(): RouteEndpoint {
    return this.#parts.request.endpoint;
  }
  get route(): string {
    return this.#parts.request.route;
  }
  get isShadow(): boolean {
    return this.#parts.request.isShadow;
  }
  get model(): string | null {
    return this.#model?.id ?? null;
  }
  get modelName(): string | null {
    return this.#model?.name ?? this.#model?.id ?? null;
  }
  get modelVersion(): number | null {
    return this.#model?.version ?? null;
  }
  get arm(): number | null {
    return this.#parts.request.arm() ?? null;
  }
  get user(): string | null {
    return this.#parts.request.user() ?? null;
  }
  get owner(): string | null {
    return this.#parts.request.owner();
  }
  get responseId(): string | null {
    return this.#parts.request.responseId() ?? null;
  }
  get outcome(): ResponseOutcome {
    const answer = answeredByTokens(this.answers)[0];
    if (answer && (this.status < 400 || answer.outcome !== "stop")) return answer.outcome;
    if (this.status < 400) return "answered";
    return this.status === 499 ? "cancelled" : this.status < 500 ? "refused" : "error";
  }
  get queuedMs(): number | null {
    return greatest(this.answers, a => a.queuedMs);
  }
  get firstTokenMs(): number | null {
    const first = this.answers.reduce(
      (least, a) => (a.firstTokenMs === null ? least : Math.min(least, a.offsetMs + a.firstTokenMs)),
      Number.POSITIVE_INFINITY,
    );
    return Number.isFinite(first) ? first : null;
  }
  get promptTokens(): number {
    return this.#perPrompt(a => a.promptTokens.length) + this.readings.reduce((n, r) => n + r.tokens.length, 0);
  }
  get cachedTokens(): number {
    return this.#perPrompt(a => a.usage.cachedTokens ?? 0);
  }
  get answerTokens(): number {
    return answeredByTokens(this.answers).reduce((n, a) => n + a.answerTokens.length, 0);
  }
  decode(tokens: readonly number[]): string {
    return this.#model?.tokenizer.decode(tokens) ?? "";
  }

  get #model() {
    return this.#parts.request.engine()?.model;
  }
  /** Several answers to one prompt read it once: they share its very list. */
  #perPrompt(of: (answer: OpenAnswer) => number): number {
    const own = answeredByTokens(this.answers);
    const all = own.length > 0 ? own : this.answers;
    if (all.length <= 1) return all[0] ? of(all[0]) : 0;
    const prompts = new Map(all.map(a => [a.promptTokens, a]));
    return [...prompts.values()].reduce((n, a) => n + of(a), 0);
  }
}

const greatest = (all: readonly OpenAnswer[], of: (answer: OpenAnswer) => number | null): number | null =>
  all.reduce<number | null>((most, a) => {
    const value = of(a);
    return value === null ? most : Math.max(most ?? value, value);
  }, null);

/** Answers of these engines reach the accounts of their responses. */
export function accountAnswers(engines: Engines, { scoresEvery }: Pick<ResponseObserver, "scoresEvery">): void {
  engines.watch(engine => {
    const open = new WeakMap<Observed, { readonly account: ResponseAccount; readonly answer: OpenAnswer }>();
    engine.observe({
      ...(scoresEvery === undefined ? {} : { scoresEvery }),
      submitted: of => {
        const account = responseAccount(of.signal);
        if (account) open.set(of, { account, answer: account.submitted(of) });
      },
      started: (ms, of) => {
        const answer = open.get(of)?.answer;
        if (answer) answer.queuedMs ??= ms;
      },
      firstToken: (ms, of) => {
        const answer = open.get(of)?.answer;
        if (answer) answer.firstTokenMs = ms;
      },
      finished: (outcome, _usage, ms, of) => {
        const of1 = open.get(of);
        if (!of1) return;
        open.delete(of);
        of1.answer.outcome = outcome;
        of1.answer.totalMs = ms;
        of1.account.answered();
      },
    });
  });
}
