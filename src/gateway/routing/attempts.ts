/**
 * One request's way through targets: who is asked next, whether once more is allowed (attempts, the retry budget, the client's patience), what
 * is remembered for the log. Carries out what `choose` decides.
 */
import { isLoamError, type LoamError } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { gatewayBounds } from "../http/limits.ts";
import type { Attempt } from "../http/request-record.ts";
import { enterAny, type Lane } from "../queue/lane.ts";
import { everybody, type Standing } from "../queue/standing.ts";
import type { Resumption, Source } from "../streams/relay.ts";
import type { UpstreamCall, UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { credentialStatuses } from "../upstreams/renewal.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Ended, Upstream } from "../upstreams/upstream.ts";
import { type ChoiceFacts, choose, eligible, type TargetCandidate } from "./choose.ts";
import { lastWord, UpstreamRefusal } from "./last-word.ts";
import { type Racer, race } from "./race.ts";
import { readWhole, retryAfterOf } from "./read-answer.ts";
import { backoffMs } from "./retry-budget.ts";
import type { ModelRoute, Target } from "./route.ts";
import type { Runtime } from "./runtime.ts";

/** A call to one target. */
export interface Request extends Omit<UpstreamCall, "deadlines" | "stop"> {
  /** Reads the answer of an upstream that speaks another API. */
  readonly translate?: (reply: UpstreamReply) => UpstreamReply;
}

export interface AttemptsOptions {
  readonly runtime: Runtime;
  /** The model that is asked for, then those that may stand in for it. */
  readonly routes: readonly ModelRoute[];
  readonly asked: ChoiceFacts;
  readonly stop: Stop;
  /** Where it stands in the lines of upstreams that have one. */
  readonly standing?: Standing | undefined;
  /** Id of the key: queues and breakers tell callers from each other by it. */
  readonly caller: string;
  /** Tells this request sent again from another. */
  readonly fingerprint: () => string;
  readonly isStream: boolean;
  /** Whether it may be put to two servers at once, where its model says so. */
  readonly mayHedge: boolean;
  /** The call for a target. Errors: gateway/untranslated where this request cannot be put to it; then another is asked. */
  request(target: Target, upstream: Upstream, resumption: Resumption | undefined): Request;
}

const pause = (ms: number, stop: Stop): Promise<void> =>
  new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      stop.delete(end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.add(end);
  });

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly made: Attempt[] = [];
  readonly #tried = new Set<string>();
  /** Targets that the request cannot be put to, and why not to the first of them. */
  readonly #impossible = new Set<string>();
  #refused: Error | undefined;
  #last: UpstreamFailure | undefined;
  #begun = 0;
  /** Spent in lines (ms). */
  queuedMs = 0;
  /** A second server was asked beside the first. */
  isHedged = false;
  /** Which version of its model answered last, where its server says so, as Loam's does. */
  version: string | undefined;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    options.runtime.budget.deposit();
  }

  /** Target that was asked last. */
  get target(): string | undefined {
    return this.#current?.id;
  }
  #current: Target | undefined;

  /** Under which name of the price table its answer is charged. */
  get pricedAs(): string | undefined {
    return this.#current?.priceName;
  }

  /** The rule that said which targets the request may go to. */
  get rule(): string | undefined {
    return this.#options.routes[0]!.rule;
  }

  /** An answer of status 2xx from the next target that gives one. Errors: UpstreamRefusal, gateway/upstream, gateway/timeout, gateway/unavailable. */
  async open(resumption?: Resumption): Promise<Source> {
    const { runtime, stop } = this.#options;
    for (;;) {
      if (stop.reason) throw stop.reason;
      const next = this.#next(resumption);
      if (this.#last && !(next && (this.#isTurnedAway(next.again) || this.#mayTryAgain()))) throw this.#lastWord(resumption);
      if (!next) throw this.#refused ?? this.#unavailable();
      if (next.again) await pause(backoffMs(runtime.config.retries, this.#begun - 1, runtime.random), stop);
      if (stop.reason) throw stop.reason;
      let { target } = next.candidate;
      const { lane } = runtime.upstream(target.upstream);
      if (lane && !lane.tryEnter(this.#options.caller)) {
        const granted = await this.#inLine(target, resumption);
        if (!granted) continue;
        target = granted;
      }
      const upstream = runtime.upstream(target.upstream);
      this.#tried.add(target.id);
      const call = this.#requestOf(target, upstream, resumption);
      if (!call) continue;
      this.#begun++;
      this.#current = target;
      try {
        const isRaced = resumption === undefined && this.#options.mayHedge && this.#options.routes[0]!.hedge;
        const source = await (isRaced ? this.#raced(target, upstream, call) : this.#ask(target, upstream, call, stop));
        this.version = source.reply.headers.get("x-loam-model")?.slice(0, gatewayBounds.modelCharacters);
        return source;
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) throw error;
        this.#last = error;
        if (!error.isRetryable || stop.reason) throw this.#lastWord(resumption);
        if (error.kind === "credentials") this.#leaveOut(target.upstream);
      }
    }
  }

  /** Every model of the upstream has the same key, which it refused. */
  #leaveOut(upstream: string): void {
    for (const route of this.#options.routes)
      for (const target of route.targets)
        if (target.upstream === upstream) {
          this.#tried.add(target.id);
          this.#impossible.add(target.id);
        }
  }

  /** Of an upstream with a lane its place must be taken already: it is given back where there is no request. */
  #requestOf(target: Target, upstream: Upstream, resumption: Resumption | undefined): Request | undefined {
    try {
      return this.#options.request(target, upstream, resumption);
    } catch (error) {
      upstream.lane?.leave(this.#options.caller);
      if (!isLoamError(error) || error.code !== "gateway/untranslated") throw error;
      this.#impossible.add(target.id);
      this.#refused ??= error;
      return undefined;
    }
  }

  /** Nothing was sent to the last one, whose line was full or too slow: another is asked without a retry. */
  #isTurnedAway(again: boolean): boolean {
    const kind = this.#last?.kind;
    return !again && (kind === "queueFull" || kind === "queueTime");
  }

  /** Waits for a place at the chosen server or, where nothing binds the request to that one, at whichever of its priority has one first. */
  async #inLine(chosen: Target, resumption: Resumption | undefined): Promise<Target | undefined> {
    const { runtime, routes, asked, stop, caller, standing = everybody } = this.#options;
    const isBound = resumption !== undefined || asked.stickyKey !== undefined;
    const route = isBound ? undefined : routes.find(r => r.targets.includes(chosen));
    const beside = route ? eligible(this.#candidates(route, undefined), this.#tried).map(c => c.target) : [];
    const waits = new Map<Lane, Target>();
    for (const target of [chosen, ...beside]) {
      const { lane } = runtime.upstream(target.upstream);
      if (lane && !waits.has(lane)) waits.set(lane, target);
    }
    const startMs = runtime.clock.monotonic();
    try {
      const entry = { key: caller, priority: standing.priority, mostMs: standing.queueMs - this.queuedMs };
      const lane = await enterAny([...waits.keys()], entry, stop);
      const target = waits.get(lane)!;
      // the breaker may have opened meanwhile
      const upstream = runtime.upstream(target.upstream);
      if (stop.reason === undefined && upstream.stateOf(target.model, caller).isAvailable) return target;
      lane.leave(caller);
      this.#tried.add(target.id);
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      this.#last = error;
      for (const { id } of waits.values()) this.#tried.add(id);
    } finally {
      this.queuedMs += runtime.clock.monotonic() - startMs;
    }
    return undefined;
  }

  /** The first server, and a second beside it where the first takes longer than most do. */
  async #raced(target: Target, upstream: Upstream, call: Request): Promise<Source> {
    const { runtime, routes, stop, isStream, caller } = this.#options;
    const [route] = routes;
    const memory = runtime.memory(route!.name);
    const recent = memory.firstBytes(isStream);
    memory.hedges!.deposit();
    const startMs = runtime.clock.monotonic();
    const runner = (t: Target, u: Upstream, c: Request): Racer => ({ target: t, run: own => this.#ask(t, u, c, own) });
    const firstBegan = () => recent.push(runtime.clock.monotonic() - startMs);
    const second = (): Racer | undefined => {
      const candidate = this.#pick(this.#tried, routes.slice(0, 1), undefined);
      if (!candidate) return undefined;
      const other = runtime.upstream(candidate.target.upstream);
      if (other.lane && !other.lane.tryEnter(caller)) return undefined;
      if (!memory.hedges!.withdraw()) {
        other.lane?.leave(caller);
        return undefined;
      }
      const asked = this.#requestOf(candidate.target, other, undefined);
      if (!asked) return undefined;
      this.#tried.add(candidate.target.id);
      this.#begun++;
      this.isHedged = true;
      return runner(candidate.target, other, asked);
    };
    const won = await race({
      first: runner(target, upstream, call),
      second,
      afterMs: route!.hedge!.afterMs ?? recent.p95,
      stop,
      firstBegan,
    });
    this.#current = won.target;
    return won.source;
  }

  #lastWord(resumption: Resumption | undefined): Error {
    // of an answer that has begun, that it broke off is what matters
    return resumption ? this.#last! : lastWord(this.#last!, this.#options.routes[0]!.name);
  }

  #mayTryAgain(): boolean {
    const { runtime, routes } = this.#options;
    const most = 1 + runtime.config.retries.attempts + (routes.length - 1);
    return this.#begun < most && runtime.budget.withdraw();
  }

  #next(resumption: Resumption | undefined): { readonly candidate: TargetCandidate; readonly again: boolean } | undefined {
    const { routes } = this.#options;
    // an answer goes on with the model that began it
    const of = resumption ? routes.slice(0, 1) : routes;
    const fresh = this.#pick(this.#tried, of, resumption);
    if (fresh) return { candidate: fresh, again: false };
    const again = this.#begun === 0 ? undefined : this.#pick(this.#impossible, of, resumption);
    return again && { candidate: again, again: true };
  }

  #pick(tried: ReadonlySet<string>, of: readonly ModelRoute[], resumption: Resumption | undefined): TargetCandidate | undefined {
    const { runtime, asked } = this.#options;
    for (const route of of) {
      const candidate = choose(route, this.#candidates(route, resumption), tried, asked, runtime.shares(route.sharesName));
      if (candidate) return candidate;
    }
    return undefined;
  }

  #candidates(route: ModelRoute, resumption: Resumption | undefined): TargetCandidate[] {
    const { runtime, caller } = this.#options;
    const candidates: TargetCandidate[] = [];
    for (const target of route.targets) {
      const upstream = runtime.upstream(target.upstream);
      if (!resumption || resumption.bodyFor(upstream.config.continuation) !== undefined)
        candidates.push({ target, state: upstream.stateOf(target.model, caller) });
    }
    return candidates;
  }

  async #ask(target: Target, upstream: Upstream, { translate, method, path, headers, body: sent }: Request, stop: Stop): Promise<Source> {
    const { runtime, caller, fingerprint } = this.#options;
    const startMs = runtime.clock.monotonic();
    const handle = upstream.begin({ model: target.model, caller, fingerprint });
    let isNoted = false;
    const end = (how: Ended, failure?: UpstreamFailure) => {
      handle.end(how, failure);
      if (isNoted) return;
      isNoted = true;
      if (failure && failure.kind !== "outrun") this.#last = failure;
      const said = how === "answered" ? how : (failure?.kind ?? "left");
      this.made.push({ target: target.id, ms: Math.round((runtime.clock.monotonic() - startMs) * 10) / 10, how: said });
    };
    try {
      const answer = await handle.call({ method, path, headers, body: sent, deadlines: upstream.config.deadlines, stop });
      const reply = translate ? translate(answer) : answer;
      if (reply.status >= 200 && reply.status < 300) return { reply, end };
      const body = (await readWhole(reply, gatewayBounds.errorBytes)).toString("utf8");
      const retryAfterMs = retryAfterOf(reply.headers, runtime.clock.now());
      const { status } = reply;
      if (status === 429) throw new UpstreamFailure("busy", "status 429", { status, retryAfterMs, body });
      // the gateway's own; what the upstream says of its key is for nobody else
      if (credentialStatuses.has(status)) throw new UpstreamFailure("credentials", `status ${status}`, { status });
      if (status >= 500 || status === 408) throw new UpstreamFailure("status", `status ${status}`, { status, retryAfterMs, body });
      if (status < 400) throw new UpstreamFailure("malformed", `status ${status}: redirects are not followed`, { status });
      end("answered");
      throw new UpstreamRefusal(status, body);
    } catch (error) {
      if (error instanceof UpstreamFailure) end(error.kind === "busy" ? "busy" : error.isFault ? "failed" : "unknown", error);
      else end("unknown");
      throw error;
    }
  }

  /** Nobody can be asked: says when somebody may be. */
  #unavailable(): LoamError {
    const [route] = this.#options.routes;
    return gatewayErrors.fail("unavailable", {
      place: route!.name,
      message: "no server of this model takes requests at the moment",
      hint: "Try again in a few seconds.",
    });
  }
}
