/**
 * Answers that are given again: who asks what somebody of the same tenant has asked gets the same answer, to the letter, without a server being
 * asked. Stands behind policies and limits, which are asked each time, and before the servers. What goes wrong in it is a miss and never an error.
 */
import type { TokenUsage } from "../../protocols/index.ts";
import type { Endpoint } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Answer, End } from "../http/exchange.ts";
import type { Forwarded } from "../http/forward.ts";
import { type CacheCounts, type CacheResult, type CacheState, Counting } from "./counts.ts";
import { Flight, type Landing } from "./flight.ts";
import { given, marked, notCached } from "./give.ts";
import { type KeyParts, keyOf, passesThrough, questionOf, tenantOf, whyNot } from "./key.ts";
import { type Embed, type Meaning, Meanings } from "./meaning.ts";
import { recorded } from "./replay.ts";
import type { CacheOptions } from "./schema.ts";
import { mayKeepStream, mayKeepWhole } from "./storable.ts";
import type { CacheStore, KeptAnswer, KeptFilter, StoreSize } from "./store.ts";
import { Versions } from "./versions.ts";
import { type CacheWishes, wishesOf } from "./wishes.ts";

export interface CacheAsked {
  readonly endpoint: Endpoint;
  readonly dataClass: string | null;
}

/** Asks a server, as if there were no cache. */
export type AskServers = (f: Forwarded) => Promise<Answer>;

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
  readonly #meanings: Meanings | undefined;
  readonly #counting = new Counting();
  readonly #versions: Versions;
  readonly #flights = new Map<string, Flight>();
  readonly #writes = new Set<Promise<void>>();
  #generation = 0;
  #size: StoreSize = { entries: 0, bytes: 0 };

  /** `before`: the cache in whose place it comes, which knows what servers have said. */
  constructor(options: CacheOptions, store: CacheStore, embed?: Embed, before?: AnswerCache) {
    this.options = options;
    this.store = store;
    this.#versions = before ? before.#versions : new Versions();
    this.#models = options.models && new Set(options.models);
    if (options.semantic && embed) this.#meanings = new Meanings(options.semantic, embed, this.#counting);
    void this.size();
  }

  get counts(): CacheCounts {
    return this.#counting;
  }

  /** Errors: gateway/notCached; what `ask` throws. */
  async answer(f: Forwarded, { endpoint, dataClass }: CacheAsked, ask: AskServers): Promise<Answer> {
    const [route] = f.routes;
    if (!route || (this.#models && !this.#models.has(route.name))) return this.#asked(f, ask);
    const wishes = wishesOf(f.headers.get("cache-control"));
    const { upstreams } = f.runtime.config;
    const why = wishes.noStore
      ? "its client said no-store"
      : f.objects.namesObjects
        ? "it names an object that a server keeps"
        : (whyNot(f.ask, dataClass, this.options) ?? passesThrough(f.ask, route, upstreams));
    if (why !== undefined) {
      if (wishes.onlyIfCached) throw notCached(f, `${why}, so no answer is kept`);
      this.#tell(f, "bypass");
      return marked(await this.#asked(f, ask), "bypass");
    }
    const tenant = tenantOf(this.options.scope, f.exchange.identity!, f.ask);
    const beta = f.headers.get("openai-beta");
    const parts: KeyParts = { ask: f.ask, endpoint, route, upstreams, versions: this.#versions, tenant, beta };
    const way: Way = { f, parts, key: keyOf(parts), wishes, ask, generation: this.#generation };
    if (wishes.onlyIfCached) {
      const found = await this.#find(way);
      if (found) return this.#give(way, found, "hit");
      throw notCached(f, "no answer to it is kept");
    }
    if (wishes.noCache) return this.#askServers(way, undefined, undefined);
    return this.#followed(way);
  }

  /** Asks, and hears which version answered. */
  async #asked(f: Forwarded, ask: AskServers): Promise<Answer> {
    const answer = await ask(f);
    const { target, way } = f.exchange;
    if (target !== undefined) this.#versions.heard(target, way?.version);
    return answer;
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
      const near = await this.#meanings?.find(f, way.parts, key => this.#find(way, key));
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
  async #askServers(way: Way, land: ((landing: Landing) => void) | undefined, near: Meaning | undefined): Promise<Answer> {
    const { f, ask } = way;
    this.#tell(f, "miss");
    let end: End | undefined;
    const onEnd = (how: End) => {
      end = how;
      f.onEnd(how);
    };
    const answer = await this.#asked({ ...f, onEnd }, ask);
    // under the version that answered; made now, since another may have answered when a stream ends
    const key = keyOf(way.parts);
    const question = near && key !== way.key ? questionOf(way.parts) : near?.question;
    const meaning = near && question && { ...near, question };
    const unfit = (kind: "failed" | "left" = "failed") => {
      if (kind === "failed") this.#counting.unfit++;
      land?.({ kind });
    };
    const whole = (body: string, isStream: boolean) => {
      const kept = end === undefined ? undefined : this.#answerOf(way, body, isStream, end);
      if (kept === undefined) return unfit();
      // whoever waits gets it when it is kept, so that nobody comes in between and asks
      const write = this.#keep({ ...way, key }, kept, meaning).finally(() => {
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
    // a new version may have written the rest
    if (f.exchange.resumed > 0 && f.exchange.way?.version !== undefined) return undefined;
    // another model stood in: it is asked again when this one can be
    if (target === undefined || !parts.route.targets.some(t => t.id === target)) return undefined;
    const { endpoint } = f.ask.api;
    if (!(isStream ? mayKeepStream(endpoint, body) : mayKeepWhole(endpoint, body))) return undefined;
    const atMs = f.clock.now();
    const expiresMs = atMs + this.options.ttl;
    return { tenant: parts.tenant, model: parts.route.name, target, isStream, body, usage: end.usage ?? nothing, atMs, expiresMs };
  }

  async #keep({ f, key, generation }: Way, kept: KeptAnswer, near: Meaning | undefined): Promise<void> {
    if (generation !== this.#generation) return;
    try {
      const { evicted, expired } = await this.store.put(key, kept, f.clock.now());
      this.#counting.kept++;
      this.#counting.evicted += evicted;
      this.#counting.expired += expired;
      if (near && generation === this.#generation) this.#meanings?.remember(near, key, kept.expiresMs);
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

  /** `key`: of another question, where it means the same. */
  async #find({ f, key: own, wishes, parts }: Way, key = own): Promise<KeptAnswer | undefined> {
    const nowMs = f.clock.now();
    const found = await this.#get(key, nowMs);
    return found && found.tenant === parts.tenant && isFresh(found, wishes, nowMs) ? found : undefined;
  }

  #give({ f }: Way, kept: KeptAnswer, how: CacheResult, similarity?: number): Answer {
    this.#tell(f, how);
    return given(f, kept, this.options.charge === "tokens" ? kept.usage : nothing, similarity);
  }

  #tell({ exchange, routes }: Forwarded, result: CacheResult): void {
    exchange.cache = result;
    this.#counting.result(routes[0]!.name, result);
  }

  /** Forgets answers; gives how many. Errors: gateway/stateLost. */
  async clear(filter: KeptFilter): Promise<number> {
    this.#generation++;
    this.#meanings?.clear();
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
      questions: this.#meanings?.size ?? 0,
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

const isFresh = (kept: KeptAnswer, { maxAgeMs }: CacheWishes, nowMs: number): boolean => nowMs - kept.atMs <= maxAgeMs;
