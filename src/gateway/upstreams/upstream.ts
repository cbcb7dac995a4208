/**
 * One upstream while the gateway runs: its connections, what is under way, how quick it has been, whether it is left alone and why. Who is
 * asked next is decided elsewhere (`routing/`), from what `state` tells.
 */
import type { Clock } from "../../base/index.ts";
import { Lane, type LaneState } from "../queue/lane.ts";
import { isFresh, type Load, type LoadSample, pressure } from "../routing/load.ts";
import { type Breaker, type BreakerOptions, breakerState, closedBreaker, failed, forgotten, mayTry, succeeded, tried } from "./breaker.ts";
import { type Call, type Connection, connectTo, type Reply } from "./call.ts";
import type { UpstreamConfig } from "./config.ts";
import { UpstreamFailure } from "./failure.ts";
import { connectHere } from "./in-process.ts";
import { Stop } from "./stop.ts";

export interface UpstreamState {
  readonly id: string;
  /** Requests under way. */
  readonly outstanding: number;
  /** Time to the first byte, an average in which the past fades (ms); undefined before the first answer. */
  readonly latencyMs: number | undefined;
  readonly breaker: "closed" | "open" | "halfOpen";
  /** False while the probe of its health fails. */
  readonly isHealthy: boolean;
  /** It asked for a rest (429 or 503 with Retry-After), or stands out among its peers, until then. */
  readonly restsUntilMs: number | undefined;
  /** Whether a request may be sent to it. */
  readonly isAvailable: boolean;
  /** As many requests as it takes are under way: one more would wait. */
  readonly isFull: boolean;
  /** Undefined where it takes as many as come. */
  readonly lane: LaneState | undefined;
  /** What it said last of its queue and cache; undefined where that is too old, or was never read. */
  readonly load: Load | undefined;
  /** Work before a new request (`routing/load.ts`). */
  readonly pressure: number;
  readonly answers: number;
  readonly failures: number;
}

/** How a request ended, for the upstream's record. */
export type Ended = "answered" | "failed" | "busy" | "unknown";

/** Weight of the newest answer in the average: about the last ten count. */
const newest = 0.2;
/** A rest that an upstream asks for is kept, up to this time. */
const longestRestMs = 60_000;
/** A probe's answer must come within this time after the connection. */
const probeMs = 5_000;
/** Where it does not say how long. */
const restMs = 1_000;
/** At once at most: of its health and of its load. */
const numQuestions = 2;

export interface BreakerChange {
  readonly upstream: string;
  readonly to: "opened" | "closed";
  /** Failures in a row, at the moment of opening. */
  readonly failures: number;
  /** How long it is left alone; 0 when it closes. */
  readonly restMs: number;
}

export class Upstream {
  readonly id: string;
  /** Another where only its headers have changed. */
  config: UpstreamConfig;
  /** Where it takes only so many at once: `enter` before `begin`, whose `end` leaves. */
  readonly lane: Lane | undefined;
  /** Told when its breaker opens, and when it closes again. */
  onBreaker: ((change: BreakerChange) => void) | undefined;
  #sample: LoadSample | undefined;
  readonly #clock: Clock;
  readonly #connection: Connection;
  /** For questions about itself, which would else wait behind requests that hold all connections: a busy server would seem ill. */
  readonly #questions: Connection;
  readonly #breakerOptions: BreakerOptions;
  #breaker: Breaker = closedBreaker;
  #outstanding = 0;
  #latencyMs: number | undefined;
  #isHealthy = true;
  #restsUntilMs: number | undefined;
  #answers = 0;
  #failures = 0;

  constructor(id: string, config: UpstreamConfig, clock: Clock) {
    this.id = id;
    this.config = config;
    this.#clock = clock;
    this.#breakerOptions = config.breaker;
    this.lane = config.lane && new Lane(config.lane, clock);
    const { here, network, connections, authorities } = config;
    const { origin } = config.url;
    const connect = (most: number) => (here ? connectHere(origin, here) : connectTo({ origin, network, connections: most, authorities }));
    this.#connection = connect(connections);
    this.#questions = config.health || config.load ? connect(numQuestions) : this.#connection;
  }

  state(): UpstreamState {
    const nowMs = this.#clock.monotonic();
    const rests = this.#restsUntilMs !== undefined && nowMs < this.#restsUntilMs;
    const sample = this.#sample && isFresh(this.#sample, this.config.load!.everyMs, nowMs) ? this.#sample : undefined;
    const sentSince = sample ? Math.max(0, this.#outstanding - sample.outstanding) : 0;
    return {
      id: this.id,
      outstanding: this.#outstanding,
      latencyMs: this.#latencyMs,
      breaker: breakerState(this.#breaker, nowMs),
      isHealthy: this.#isHealthy,
      restsUntilMs: rests ? this.#restsUntilMs : undefined,
      isAvailable: this.#isHealthy && !rests && mayTry(this.#breaker, nowMs),
      answers: this.#answers,
      failures: this.#failures,
      isFull: this.lane?.isFull ?? false,
      lane: this.lane?.state(),
      load: sample && { waiting: sample.waiting, cacheUse: sample.cacheUse },
      pressure: pressure(sample, sentSince, this.#outstanding),
    };
  }

  /** Begins a request; `end` must be called once. Errors of `call`: UpstreamFailure. */
  begin(): { call(call: Call): Promise<Reply>; end(how: Ended, retryAfterMs?: number): void } {
    const startMs = this.#clock.monotonic();
    this.#breaker = tried(this.#breaker, startMs);
    this.#outstanding++;
    let isOver = false;
    const replied = (status: number): void => {
      if (status >= 300) return;
      const ms = this.#clock.monotonic() - startMs;
      this.#latencyMs = this.#latencyMs === undefined ? ms : this.#latencyMs + newest * (ms - this.#latencyMs);
    };
    return {
      call: call => this.#connection.call(call, replied),
      end: (how, retryAfterMs) => {
        if (isOver) return;
        isOver = true;
        this.#outstanding--;
        this.lane?.leave();
        const nowMs = this.#clock.monotonic();
        const before = this.#breaker;
        if (how === "answered") {
          this.#answers++;
          this.#breaker = succeeded(this.#breaker, nowMs);
        } else if (how === "failed") {
          this.#failures++;
          this.#breaker = failed(this.#breaker, nowMs, this.#breakerOptions);
        } else this.#breaker = forgotten(this.#breaker);
        if (this.onBreaker && before.openUntilMs !== this.#breaker.openUntilMs) this.#tell(this.onBreaker, nowMs);
        if (how === "busy" || (how === "failed" && retryAfterMs !== undefined)) this.rest(Math.min(retryAfterMs ?? restMs, longestRestMs));
      },
    };
  }

  #tell(onBreaker: NonNullable<Upstream["onBreaker"]>, nowMs: number): void {
    const { openUntilMs, failures } = this.#breaker;
    if (openUntilMs === undefined) onBreaker({ upstream: this.id, to: "closed", failures: 0, restMs: 0 });
    else onBreaker({ upstream: this.id, to: "opened", failures, restMs: openUntilMs - nowMs });
  }

  /** Leaves it alone for a while. */
  rest(ms: number): void {
    this.#restsUntilMs = this.#clock.monotonic() + ms;
  }

  /** A copy of a request, of which its record knows nothing: whatever becomes of it, nobody is kept from this upstream. Errors: UpstreamFailure. */
  aside(call: Call): Promise<Reply> {
    return this.#connection.call(call);
  }

  /** What it says of itself at a path, undefined where it does not answer 200 in time or says more than `mostBytes`. Its record knows nothing of it. */
  async page(path: string, mostBytes: number): Promise<string | undefined> {
    const { deadlines, headers } = this.config;
    const quick = { ...deadlines, firstByteMs: Math.min(deadlines.firstByteMs, probeMs), idleMs: Math.min(deadlines.idleMs, probeMs) };
    try {
      const reply = await this.#questions.call({ method: "GET", path, headers, deadlines: quick, stop: new Stop() });
      const parts: Buffer[] = [];
      let size = 0;
      for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) {
        if (piece === "waiting") continue;
        size += piece.length;
        if (size > mostBytes || reply.status !== 200) {
          reply.cancel();
          return undefined;
        }
        parts.push(piece);
      }
      return reply.status === 200 ? Buffer.concat(parts).toString("utf8") : undefined;
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      return undefined;
    }
  }

  /** What it said of its load. */
  loaded(sample: LoadSample): void {
    this.#sample = sample;
  }

  /** Asks for its health and remembers the answer. */
  async probe(): Promise<boolean> {
    const { health, deadlines } = this.config;
    if (!health) return true;
    try {
      const quick = { ...deadlines, firstByteMs: Math.min(deadlines.firstByteMs, probeMs) };
      const reply = await this.#questions.call({
        method: "GET",
        path: health.path,
        headers: this.config.headers,
        deadlines: quick,
        stop: new Stop(),
      });
      reply.cancel();
      this.#isHealthy = reply.status < 500;
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      this.#isHealthy = false;
    }
    return this.#isHealthy;
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#questions.close()]);
  }
}
