/**
 * One upstream while the gateway runs: its connections, what is under way, and whether requests may be sent to it. What a model does is kept per
 * model (`model-record.ts`); whether the server itself can be reached is kept here. Which target is next is decided elsewhere (`routing/`).
 */
import type { Clock } from "../../base/index.ts";
import { Lane, type LaneState } from "../queue/lane.ts";
import { isFresh, type Load, type LoadSample, pressure } from "../routing/load.ts";
import { type Breaker, type BreakerState, breakerState, closedBreaker, failed, forgotten, mayTry, succeeded, tried } from "./breaker.ts";
import { type Connection, connectTo, type UpstreamCall, type UpstreamReply } from "./call.ts";
import type { UpstreamConfig } from "./config.ts";
import { failureRows, UpstreamFailure } from "./failure.ts";
import { connectHere } from "./in-process.ts";
import { averaged, ModelRecord, type ModelState } from "./model-record.ts";
import type { BreakerChange, UpstreamNotice } from "./notice.ts";
import { Renewal } from "./renewal.ts";
import { Stop } from "./stop.ts";

/** What a choice among targets depends on. */
export interface TargetState {
  /** Requests under way at its upstream. */
  readonly outstanding: number;
  /** Time to the first byte of the model, a moving average (ms); undefined before the first response. */
  readonly latencyMs: number | undefined;
  /** Whether this caller's request may be sent to it. */
  readonly isAvailable: boolean;
  /** This caller's next request would wait. */
  readonly isFull: boolean;
  /** Work before a new request (`routing/load.ts`). */
  readonly pressure: number;
}

export interface UpstreamState {
  readonly id: string;
  /** Requests under way. */
  readonly outstanding: number;
  /** Time to the first byte, a moving average (ms); undefined before the first response. */
  readonly latencyMs: number | undefined;
  /** Of the server itself: open while it cannot be reached. Each model has its own. */
  readonly breaker: BreakerState;
  /** False while the probe of its health fails. */
  readonly isHealthy: boolean;
  /** Whether requests may be sent to the server. */
  readonly isAvailable: boolean;
  /** Undefined for a server of this process, which has no connections. */
  readonly lane: LaneState | undefined;
  /** What it said last of its queue and cache; undefined where that is too old, or was never read. */
  readonly load: Load | undefined;
  /** Work before a new request (`routing/load.ts`). */
  readonly pressure: number;
  readonly answers: number;
  readonly failures: number;
  /** Models of it that were asked for. */
  readonly models: readonly ModelState[];
}

/** Whether a caller's request for a model may be sent, and if not why not. */
export type ServiceState = "available" | "full" | "resting" | "breakerOpen" | "unreachable" | "unhealthy";

/** How a request ended, for the upstream's record. */
export type Ended = "answered" | "failed" | "busy" | "unknown";

/** Whose request it is, and for which model. */
interface Begun {
  readonly model: string;
  /** Id of the key. */
  readonly caller: string;
  /** Tells the same request sent again from another; called when it failed. Absent: it is counted as another. */
  readonly fingerprint?: (() => string) | undefined;
}

/** A rest that an upstream asks for is kept, up to this time. */
const longestRestMs = 60_000;
/** A probe's answer must come within this time after the connection. */
const probeMs = 5_000;
/** Where it does not say how long. */
const restMs = 1_000;
/** At once at most: of its health and of its load. */
const numQuestions = 2;

/** No caller's request is why a server cannot be reached. */
const unreachable = { request: undefined, caller: undefined };

export class Upstream {
  readonly id: string;
  /** Another where only its headers have changed. */
  config: UpstreamConfig;
  /** `enter` before `begin`, whose `end` leaves. Undefined for a server of this process without `concurrency`. */
  readonly lane: Lane | undefined;
  onNotice: ((notice: UpstreamNotice) => void) | undefined;
  #sample: LoadSample | undefined;
  readonly #clock: Clock;
  readonly #connection: Connection;
  /** For questions about itself, which would else wait behind requests that hold all connections: a busy server would seem ill. */
  readonly #questions: Connection;
  readonly #renewal: Renewal;
  readonly #models = new Map<string, ModelRecord>();
  #breaker: Breaker = closedBreaker;
  #outstanding = 0;
  #latencyMs: number | undefined;
  #isHealthy = true;
  #answers = 0;
  #failures = 0;

  constructor(id: string, config: UpstreamConfig, clock: Clock) {
    this.id = id;
    this.config = config;
    this.#clock = clock;
    this.#renewal = new Renewal({
      clock,
      config: () => this.config,
      take: headers => {
        this.config = { ...this.config, headers };
      },
    });
    this.lane = config.lane && new Lane(config.lane, clock);
    if (this.lane)
      this.lane.onNear = ({ running, concurrency, waiting }) =>
        this.onNotice?.({ kind: "connections", upstream: id, inUse: running, limit: concurrency, waiting });
    const { here, network, authorities, serverName } = config;
    const { origin } = config.url;
    const connect = (most: number | undefined) =>
      here ? connectHere(origin, here) : connectTo({ origin, network, connections: most, authorities, serverName });
    // the lane bounds them
    this.#connection = connect(undefined);
    this.#questions = config.health || config.load ? connect(numQuestions) : this.#connection;
  }

  #model(name: string): ModelRecord {
    let record = this.#models.get(name);
    if (record === undefined) {
      record = new ModelRecord(name, this.config.breaker);
      this.#models.set(name, record);
    }
    return record;
  }

  #pressure(nowMs: number): { readonly sample: LoadSample | undefined; readonly pressure: number } {
    const sample = this.#sample && isFresh(this.#sample, this.config.load!.everyMs, nowMs) ? this.#sample : undefined;
    const sentSince = sample ? Math.max(0, this.#outstanding - sample.outstanding) : 0;
    return { sample, pressure: pressure(sample, sentSince, this.#outstanding) };
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** One of its models as a caller meets it. */
  stateOf(model: string, caller: string): TargetState {
    const nowMs = this.#clock.monotonic();
    const record = this.#model(model);
    return {
      outstanding: this.#outstanding,
      latencyMs: record.latencyMs,
      isAvailable: this.#isHealthy && mayTry(this.#breaker, nowMs, caller) && record.isAvailable(nowMs, caller),
      isFull: this.lane?.isFull(caller) ?? false,
      pressure: this.#pressure(nowMs).pressure,
    };
  }

  /** For operators: why requests of a caller for a model are sent or not. */
  serviceState(model: string, caller: string): ServiceState {
    const nowMs = this.#clock.monotonic();
    const record = this.#model(model);
    if (!this.#isHealthy) return "unhealthy";
    if (!mayTry(this.#breaker, nowMs, caller)) return "unreachable";
    if (!mayTry(record.breaker, nowMs, caller)) return "breakerOpen";
    if (!record.isAvailable(nowMs, caller)) return "resting";
    return this.lane?.isFull(caller) ? "full" : "available";
  }

  state(): UpstreamState {
    const nowMs = this.#clock.monotonic();
    const { sample, pressure: now } = this.#pressure(nowMs);
    return {
      id: this.id,
      outstanding: this.#outstanding,
      latencyMs: this.#latencyMs,
      breaker: breakerState(this.#breaker, nowMs),
      isHealthy: this.#isHealthy,
      isAvailable: this.#isHealthy && mayTry(this.#breaker, nowMs, ""),
      lane: this.lane?.state(),
      load: sample && { waiting: sample.waiting, cacheUse: sample.cacheUse },
      pressure: now,
      answers: this.#answers,
      failures: this.#failures,
      models: [...this.#models.values()].map(m => m.state(nowMs)),
    };
  }

  /** Begins a request; `end` must be called once. Errors of `call`: UpstreamFailure. */
  begin(begun: Begun): { call(call: UpstreamCall): Promise<UpstreamReply>; end(how: Ended, failure?: UpstreamFailure): void } {
    const { model, caller } = begun;
    const startMs = this.#clock.monotonic();
    const record = this.#model(model);
    this.#breaker = tried(this.#breaker, startMs, caller);
    record.tried(startMs, caller);
    this.#outstanding++;
    let isOver = false;
    const replied = (status: number): void => {
      if (status >= 300) return;
      const ms = this.#clock.monotonic() - startMs;
      this.#latencyMs = averaged(this.#latencyMs, ms);
      record.latencyMs = averaged(record.latencyMs, ms);
    };
    return {
      call: call => this.#send(call, replied),
      end: (how, failure) => {
        if (isOver) return;
        isOver = true;
        this.#outstanding--;
        this.lane?.leave(caller);
        this.#record(record, begun, how, failure);
      },
    };
  }

  #record(record: ModelRecord, { model, caller, fingerprint }: Begun, how: Ended, failure: UpstreamFailure | undefined): void {
    const nowMs = this.#clock.monotonic();
    const [server, own] = [this.#breaker, record.breaker];
    const isUnreachable = how === "failed" && failure !== undefined && failureRows[failure.kind].against === "server";
    if (how === "answered") {
      this.#answers++;
      record.answered(nowMs, caller);
    } else if (how === "failed") {
      this.#failures++;
      if (isUnreachable) record.forgotten();
      else record.failed(nowMs, { request: fingerprint?.(), caller });
    } else record.forgotten();
    if (isUnreachable) this.#breaker = failed(server, nowMs, this.config.breaker, unreachable);
    else if (how !== "unknown" || failure?.kind === "credentials") this.#breaker = succeeded(server, nowMs, caller);
    else this.#breaker = forgotten(server);
    const asksRest = how === "busy" || (how === "failed" && failure?.retryAfterMs !== undefined);
    if (asksRest) record.rest(nowMs, Math.min(failure?.retryAfterMs ?? restMs, longestRestMs));
    if (failure?.kind === "credentials" && record.refused(nowMs))
      this.onNotice?.({ kind: "credentials", upstream: this.id, model, status: failure.status });
    this.#report(null, server, this.#breaker, nowMs);
    this.#report(model, own, record.breaker, nowMs);
  }

  #report(model: string | null, before: Breaker, { openUntilMs, failures, onlyFor }: Breaker, nowMs: number): void {
    if (!this.onNotice || before.openUntilMs === openUntilMs) return;
    const change: BreakerChange =
      openUntilMs === undefined
        ? { upstream: this.id, model, to: "closed", failures: 0, restMs: 0, key: null }
        : { upstream: this.id, model, to: "opened", failures: failures.length, restMs: openUntilMs - nowMs, key: onlyFor ?? null };
    this.onNotice({ kind: "breaker", change });
  }

  /** Sends nothing to one of its models for a while. */
  rest(model: string, ms: number): void {
    this.#model(model).rest(this.#clock.monotonic(), ms);
  }

  /** A copy of a request, of which its record knows nothing: whatever becomes of it, nobody is kept from this upstream. Errors: UpstreamFailure. */
  aside(call: UpstreamCall): Promise<UpstreamReply> {
    return this.#send(call);
  }

  #send(call: UpstreamCall, replied?: (status: number) => void): Promise<UpstreamReply> {
    return this.config.renewHeaders ? this.#renewal.call(this.#connection, call, replied) : this.#connection.call(call, replied);
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
