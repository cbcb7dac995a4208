/**
 * What is known of one model of one upstream: its circuit breaker, the rest that it asked for, how quick and how good it has been. What it does says
 * nothing of the upstream's other models.
 */
import {
  type Breaker,
  type BreakerOptions,
  type BreakerState,
  breakerState,
  closedBreaker,
  type FailedRequest,
  failed,
  forgotten,
  mayTry,
  succeeded,
  tried,
} from "./breaker.ts";

export interface ModelState {
  /** As the upstream names it; of a pass-through route its prefix and `*`. */
  readonly model: string;
  readonly breaker: BreakerState;
  /** Id of the one key that the breaker is open for; undefined: it is open for everybody, or closed. */
  readonly breakerKey: string | undefined;
  /** It asked for a rest (429, or 503 with Retry-After), or fails far more than the same model elsewhere, until then. */
  readonly restsUntilMs: number | undefined;
  /** Whether anybody's request may be sent to it, as far as the model goes. */
  readonly isAvailable: boolean;
  /** The upstream refused the gateway's credentials (401, 403, 407) and has answered nothing since. */
  readonly refusesCredentials: boolean;
  /** Time to the first byte, a moving average (ms); undefined before the first response. */
  readonly latencyMs: number | undefined;
  readonly answers: number;
  readonly failures: number;
}

/** Weight of the newest response in the average: about the last ten count. */
const newest = 0.2;
/** Refused credentials are reported once until a request is answered, and no more often than this. */
const alarmEveryMs = 60_000;

/** The moving average with one more time. */
export const averaged = (average: number | undefined, ms: number): number =>
  average === undefined ? ms : average + newest * (ms - average);

export class ModelRecord {
  readonly model: string;
  latencyMs: number | undefined;
  readonly #options: BreakerOptions;
  #breaker: Breaker = closedBreaker;
  #restsUntilMs: number | undefined;
  #refusesCredentials = false;
  #alarmedMs: number | undefined;
  #answers = 0;
  #failures = 0;

  constructor(model: string, options: BreakerOptions) {
    this.model = model;
    this.#options = options;
  }

  get breaker(): Breaker {
    return this.#breaker;
  }

  state(nowMs: number): ModelState {
    const breaker = breakerState(this.#breaker, nowMs);
    const rests = this.#rests(nowMs);
    return {
      model: this.model,
      breaker,
      breakerKey: breaker === "closed" ? undefined : this.#breaker.onlyFor,
      restsUntilMs: rests ? this.#restsUntilMs : undefined,
      isAvailable: !rests && (breaker === "closed" || this.#breaker.onlyFor !== undefined || mayTry(this.#breaker, nowMs, "")),
      refusesCredentials: this.#refusesCredentials,
      latencyMs: this.latencyMs,
      answers: this.#answers,
      failures: this.#failures,
    };
  }

  #rests(nowMs: number): boolean {
    return this.#restsUntilMs !== undefined && nowMs < this.#restsUntilMs;
  }

  isAvailable(nowMs: number, caller: string): boolean {
    return !this.#rests(nowMs) && mayTry(this.#breaker, nowMs, caller);
  }

  rest(nowMs: number, ms: number): void {
    this.#restsUntilMs = nowMs + ms;
  }

  tried(nowMs: number, caller: string): void {
    this.#breaker = tried(this.#breaker, nowMs, caller);
  }

  answered(nowMs: number, caller: string): void {
    this.#answers++;
    this.#refusesCredentials = false;
    this.#breaker = succeeded(this.#breaker, nowMs, caller);
  }

  failed(nowMs: number, request: FailedRequest): void {
    this.#failures++;
    this.#breaker = failed(this.#breaker, nowMs, this.#options, request);
  }

  forgotten(): void {
    this.#breaker = forgotten(this.#breaker);
  }

  /** The upstream refused the gateway's credentials; returns whether that is news. */
  refused(nowMs: number): boolean {
    const isNews = !this.#refusesCredentials && (this.#alarmedMs === undefined || nowMs - this.#alarmedMs >= alarmEveryMs);
    this.#refusesCredentials = true;
    if (isNews) this.#alarmedMs = nowMs;
    return isNews;
  }
}
