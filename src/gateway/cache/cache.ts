/**
 * Answers that are given again: who asks what somebody of the same tenant has asked gets the same answer, to the letter, without a server being
 * asked. Stands behind policies and limits, which are asked each time, and before the servers. What goes wrong in it is a miss and never an error.
 */
import type { Endpoint } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Answer, End } from "../http/exchange.ts";
import type { Forwarded } from "../http/forward.ts";
import { ReadyAnswer, wireError } from "../http/wire-error.ts";
import type { TokenUsage } from "../streams/usage.ts";
import { type CacheCounts, type CacheResult, Counting } from "./counts.ts";
import { Flight, type Landing } from "./flight.ts";
import { type KeyParts, keyOf, type Question, questionOf, tenantOf, whyNot } from "./key.ts";
import { ageOf, recorded, replayed, streamHeaders } from "./replay.ts";
import type { CacheOptions } from "./schema.ts";
import { type Near, SemanticIndex } from "./semantic.ts";
import { mayKeepStream, mayKeepWhole } from "./storable.ts";
import type { CacheStore, KeptAnswer, KeptFilter, StoreSize } from "./store.ts";
import { type CacheWishes, wishesOf } from "./wishes.ts";

export interface CacheAsked {
  readonly endpoint: Endpoint;
  readonly dataClass: string | null;
}

/** Asks a server, as if there were no cache. */
export type AskServers = (f: Forwarded) => Promise<Answer>;

/** The vector of a text, of length 1; undefined where it could not be had in time. */
export type Embed = (text: string, f: Forwarded) => Promise<Float32Array | undefined>;

export interface CacheState {
  readonly store: CacheStore["kind"];
  readonly scope: CacheOptions["scope"];
  readonly entries: number;
  readonly bytes: number;
  readonly mostEntries: number;
  readonly mostBytes: number;
  /** Questions that are under way to a server. */
  readonly underWay: number;
  /** Questions that are compared by meaning. */
  readonly questions: number;
  readonly results: Readonly<Record<string, Readonly<Record<CacheResult, number>>>>;
  readonly kept: number;
  readonly unfit: number;
  readonly evicted: number;
  readonly expired: number;
  readonly storeErrors: number;
}

const nothing: TokenUsage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };

/** One request's way through the cache. */
interface Way {
  readonly f: Forwarded;
  readonly parts: KeyParts;
  readonly key: string;
  readonly wishes: CacheWishes;
  readonly ask: AskServers;
  /** Of the store when it began: what was under way while somebody cleared is not kept. */
  readonly generation: number;
}

export class AnswerCache {
  readonly options: CacheOptions;
  readonly store: CacheStore;
  readonly #models: ReadonlySet<string> | undefined;
  readonly #index: SemanticIndex | undefined;
  readonly #embed: Embed | undefined;
  readonly #counting = new Counting();
  readonly #flights = new Map<string, Flight>();
  readonly #writes = new Set<Promise<void>>();
  #generation = 0;
  #size: StoreSize = { entries: 0, bytes: 0 };

  constructor(options: CacheOptions, store: CacheStore, embed?: Embed) {
    this.options = options;
    this.store = store;
    this.#models = options.models && new Set(options.models);
    this.#embed = embed;
    if (options.semantic && embed) this.#index = new SemanticIndex(options.semantic);
    void this.size();
  }

  get counts(): CacheCounts {
    return this.#counting;
  }

  /** Errors: gateway/notCached; what `ask` throws. */
  async answer(f: Forwarded, { endpoint, dataClass }: CacheAsked, ask: AskServers): Promise<Answer> {
    const [route] = f.routes;
    if (!route || (this.#models && !this.#models.has(route.name))) return ask(f);
    const wishes = wishesOf(f.headers.get("cache-control"));
    const why = wishes.noStore ? "its client said no-store" : whyNot(f.ask, dataClass, this.options);
    if (why !== undefined) {
      if (wishes.onlyIfCached) throw notCached(f, `${why}, so no answer is kept`);
      this.#tell(f, "bypass");
      return marked(await ask(f), "bypass");
    }
    const { upstreams } = f.runtime.config;
    const tenant = tenantOf(this.options.scope, f.exchange.identity!);
    const parts: KeyParts = { ask: f.ask, endpoint, route, upstreams, tenant, beta: f.headers.get("openai-beta") };
    const way: Way = { f, parts, key: keyOf(parts), wishes, ask, generation: this.#generation };
    if (wishes.onlyIfCached) {
      const found = await this.#find(way);
      if (found) return this.#give(way, found, "hit");
      throw notCached(f, "no answer to it is kept");
    }
    if (wishes.noCache) return this.#askServers(way, undefined, undefined);
    return this.#followed(way);
  }

  /** Waits for another's answer where one is under way, else asks. */
  async #followed(way: Way): Promise<Answer> {
    const { f, key, wishes } = way;
    const endMs = f.clock.monotonic() + this.#waitMs(f);
    for (let flight = this.#flights.get(key); flight; flight = this.#flights.get(key)) {
      const landing = await this.#landed(flight, f, endMs);
      if (landing === "late" || landing.kind === "failed") return this.#askServers(way, undefined, undefined);
      if (landing.kind === "kept")
        return isFresh(landing.answer, wishes, f.clock.now())
          ? this.#give(way, landing.answer, landing.similarity === undefined ? "shared" : "semantic", landing.similarity)
          : this.#askServers(way, undefined, undefined);
    }
    return this.#led(way);
  }

  /** A stream's client is told something before balancers close, so its wait is shorter. */
  #waitMs({ ask, runtime }: Forwarded): number {
    return ask.isStream ? Math.min(this.options.wait, runtime.config.heartbeatMs) : this.options.wait;
  }

  async #landed(flight: Flight, f: Forwarded, endMs: number): Promise<Landing | "late"> {
    f.cutters.add(f.stop);
    try {
      return await flight.wait(Math.max(0, endMs - f.clock.monotonic()), f.stop);
    } catch (error) {
      if (f.stop.reason?.kind === "left") throw gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
      throw error;
    } finally {
      f.cutters.delete(f.stop);
    }
  }

  async #led(way: Way): Promise<Answer> {
    const { f, key } = way;
    const flight = new Flight();
    this.#flights.set(key, flight);
    const land = (landing: Landing) => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      flight.land(landing);
    };
    try {
      const found = await this.#find(way);
      if (found) {
        land({ kind: "kept", answer: found });
        return this.#give(way, found, "hit");
      }
      const near = await this.#near(way);
      if (near?.answer && near.similarity !== undefined) {
        land({ kind: "kept", answer: near.answer, similarity: near.similarity });
        return this.#give(way, near.answer, "semantic", near.similarity);
      }
      return await this.#askServers(way, land, near);
    } catch (error) {
      land({ kind: f.stop.reason?.kind === "left" ? "left" : "failed" });
      throw error;
    }
  }

  /** Asks, and keeps what comes where it may be kept. */
  async #askServers(way: Way, land: ((landing: Landing) => void) | undefined, near: NearAnswer | undefined): Promise<Answer> {
    const { f, ask } = way;
    this.#tell(f, "miss");
    let end: End | undefined;
    const answer = await ask({
      ...f,
      onEnd: how => {
        end = how;
        f.onEnd(how);
      },
    });
    const unfit = (kind: "failed" | "left" = "failed") => {
      if (kind === "failed") this.#counting.unfit++;
      land?.({ kind });
    };
    const whole = (body: string, isStream: boolean) => {
      const kept = end === undefined ? undefined : this.#answerOf(way, body, isStream, end);
      if (kept === undefined) return unfit();
      // whoever waits gets it when it is kept, so that nobody comes in between and asks
      const write = this.#keep(way, kept, near).finally(() => {
        this.#writes.delete(write);
        land?.({ kind: "kept", answer: kept });
      });
      this.#writes.add(write);
    };
    const { body } = answer;
    if (typeof body === "string") {
      whole(body, false);
      return marked(answer, "miss");
    }
    if (body instanceof Uint8Array) {
      unfit();
      return marked(answer, "miss");
    }
    const { answerBytes } = this.options;
    const recording = {
      mostBytes: answerBytes,
      onWhole: (text: string) => whole(text, true),
      onBroken: (why: "left" | "unfit") => unfit(why === "left" ? "left" : "failed"),
    };
    return recorded(marked({ ...answer, body }, "miss"), recording);
  }

  /** The answer as it would be kept; undefined where it may not be. */
  #answerOf({ f, parts }: Way, body: string, isStream: boolean, end: End): KeptAnswer | undefined {
    const { target } = f.exchange;
    if (end.status !== 200 || end.error !== undefined || Buffer.byteLength(body) > this.options.answerBytes) return undefined;
    // another model stood in: it is asked again when this one can be
    if (target === undefined || !parts.route.targets.some(t => t.id === target)) return undefined;
    const { endpoint } = f.ask.api;
    if (!(isStream ? mayKeepStream(endpoint, body) : mayKeepWhole(endpoint, body))) return undefined;
    const atMs = f.clock.now();
    const expiresMs = atMs + this.options.ttl;
    return { tenant: parts.tenant, model: parts.route.name, target, isStream, body, usage: end.usage ?? nothing, atMs, expiresMs };
  }

  async #keep({ f, key, generation }: Way, kept: KeptAnswer, near: NearAnswer | undefined): Promise<void> {
    if (generation !== this.#generation) return;
    try {
      const { evicted, expired } = await this.store.put(key, kept, f.clock.now());
      this.#counting.kept++;
      this.#counting.evicted += evicted;
      this.#counting.expired += expired;
      if (near && generation === this.#generation) this.#index?.add(near.question, near.vector, key, kept.expiresMs);
    } catch {
      this.#counting.storeErrors++;
    }
  }

  async #get(key: string, nowMs: number): Promise<KeptAnswer | undefined> {
    try {
      return await this.store.get(key, nowMs);
    } catch {
      this.#counting.storeErrors++;
      return undefined;
    }
  }

  async #find({ f, key, wishes, parts }: Way): Promise<KeptAnswer | undefined> {
    const nowMs = f.clock.now();
    const found = await this.#get(key, nowMs);
    return found && found.tenant === parts.tenant && isFresh(found, wishes, nowMs) ? found : undefined;
  }

  /** The question's vector, and an answer to one that means the same where there is one. */
  async #near({ f, parts, wishes }: Way): Promise<NearAnswer | undefined> {
    if (!this.#index || !this.#embed) return undefined;
    const question = questionOf(parts);
    if (!question) return undefined;
    const vector = await this.#embed(question.text, f);
    if (f.stop.reason) throw f.stop.reason;
    if (vector === undefined) {
      this.#counting.embeddingErrors++;
      return undefined;
    }
    this.#counting.embedded++;
    const nowMs = f.clock.now();
    for (const near of this.#index.nearest(question, vector, nowMs)) {
      const answer = await this.#get(near.key, nowMs);
      if (answer && answer.tenant === parts.tenant && isFresh(answer, wishes, nowMs))
        return { question, vector, answer, similarity: near.similarity };
      if (!answer) this.#index.remove(near);
    }
    return { question, vector };
  }

  #give({ f }: Way, kept: KeptAnswer, how: CacheResult, similarity?: number): Answer {
    const { exchange, clock } = f;
    this.#tell(f, how);
    exchange.target = kept.target;
    exchange.firstMs = clock.monotonic() - exchange.startMs;
    const usage = this.options.charge === "tokens" ? kept.usage : nothing;
    const headers: Record<string, string> = {
      ...exchange.reservation?.headers(),
      "x-loam-target": kept.target,
      "x-loam-cache": how === "semantic" ? how : "hit",
      age: String(ageOf(kept, clock.now())),
      ...(similarity === undefined ? {} : { "x-loam-cache-similarity": similarity.toFixed(4) }),
    };
    if (kept.isStream)
      return { status: 200, headers: { ...streamHeaders, ...headers }, body: replayed(f, kept.body, end => f.onEnd({ ...end, usage })) };
    f.onEnd({ status: 200, usage });
    return { status: 200, headers: { "content-type": "application/json", ...headers }, body: kept.body };
  }

  #tell({ exchange, routes }: Forwarded, result: CacheResult): void {
    exchange.cache = result;
    this.#counting.result(routes[0]!.name, result);
  }

  /** Forgets answers; gives how many. Errors: gateway/stateLost. */
  async clear(filter: KeptFilter): Promise<number> {
    this.#generation++;
    this.#index?.clear();
    const gone = await this.store.clear(filter);
    await this.size();
    return gone;
  }

  /** What is kept now; what was known last where the store does not answer. */
  async size(): Promise<StoreSize> {
    try {
      this.#size = await this.store.size();
    } catch {
      this.#counting.storeErrors++;
    }
    return this.#size;
  }

  /** Sizes as they were known last; `size` asks. */
  state(): CacheState {
    const { kept, unfit, evicted, expired, storeErrors, results } = this.#counting;
    const { entries: mostEntries, bytes: mostBytes, scope } = this.options;
    return {
      store: this.store.kind,
      scope,
      ...this.#size,
      mostEntries,
      mostBytes,
      underWay: this.#flights.size,
      questions: this.#index?.size ?? 0,
      results: Object.fromEntries(results),
      kept,
      unfit,
      evicted,
      expired,
      storeErrors,
    };
  }

  /** What is being written is written first; the store stays open. */
  async settle(): Promise<void> {
    await Promise.all(this.#writes);
  }
}

interface NearAnswer extends Partial<Pick<Near, "similarity">> {
  readonly question: Question;
  readonly vector: Float32Array;
  readonly answer?: KeptAnswer;
}

const isFresh = (kept: KeptAnswer, { maxAgeMs }: CacheWishes, nowMs: number): boolean => nowMs - kept.atMs <= maxAgeMs;

const marked = <A extends Answer>(answer: A, how: "miss" | "bypass"): A => ({
  ...answer,
  headers: { ...answer.headers, "x-loam-cache": how },
});

/** 504, as HTTP has it for a cache that may ask nobody; the official clients would otherwise try again. */
function notCached(f: Forwarded, message: string): ReadyAnswer {
  const hint = "Leave out only-if-cached.";
  const wire = wireError(gatewayErrors.fail("notCached", { place: "cache-control", message, hint }), f.exchange.id);
  return new ReadyAnswer({ ...wire, headers: { ...wire.headers, "x-should-retry": "false" } });
}
