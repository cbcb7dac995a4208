/**
 * Answers that are given again: who asks what somebody of the same tenant has asked gets the same answer, to the letter, without a server being
 * asked. Stands behind policies and limits, which are asked each time, and before the servers. What goes wrong in it is a miss and never an error.
 */

import { commonThresholdHeader, type TokenUsage } from "../../protocols/index.ts";
import type { Endpoint } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { Answer, End } from "../http/exchange.ts";
import { type CacheControl, cacheControlOf } from "./cache-control.ts";
import { type CacheCounts, type CacheResult, type CacheState, Counting } from "./counts.ts";
import { Flight, type Landing } from "./flight.ts";
import { keptAnswer, marked, notCached } from "./kept-answer.ts";
import { answerKey, type KeyParts, passesThrough, questionOf, tenantOf, whyNot } from "./key.ts";
import { type Embed, type Meaning, Meanings } from "./meaning.ts";
import { recorded } from "./replay.ts";
import type { CacheOptions } from "./schema.ts";
import { mayKeepStream, mayKeepWhole } from "./storable.ts";
import type { CacheStore, KeptAnswer, KeptFilter, StoreSize } from "./store.ts";
import { Versions } from "./versions.ts";

interface CacheAsked {
  readonly endpoint: Endpoint;
  readonly dataClass: string | null;
}

/** What a lookup has come to: an answer, or what is done with the one that a server gives. */
type CacheLookup = { readonly answer: Answer; readonly miss?: never } | { readonly answer?: never; readonly miss: CacheMiss };

interface CacheMiss {
  /** Told instead of the request's own `end`, which it calls. */
  readonly end?: (end: End) => void;
  /** Keeps the answer where it may be kept, and marks it. */
  readonly onAnswer: (answer: Answer) => Answer;
  readonly onFailure?: () => void;
}

const nothing: TokenUsage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };

interface Lookup {
  readonly x: AdmittedRequest;
  readonly parts: KeyParts;
  readonly key: string;
  readonly control: CacheControl;
  /** Of the store when it began: what was under way while somebody cleared is not kept. */
  readonly generation: number;
}

/** What an answer is kept for: who waits for it, and the question that it answers. `how`: its end, once it has ended. */
interface Keeping {
  readonly land: ((landing: Landing) => void) | undefined;
  readonly near: Meaning | undefined;
  readonly how: () => End | undefined;
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

  /** Errors: gateway/notCached; the reason that the request ends. */
  async look(x: AdmittedRequest, { endpoint, dataClass }: CacheAsked): Promise<CacheLookup> {
    const [route] = x.routes;
    if (!route || (this.#models && !this.#models.has(route.name))) return { miss: { onAnswer: answer => this.#heard(x, answer) } };
    const control = cacheControlOf(x.headers.get("cache-control"));
    const { upstreams } = x.runtime.config;
    const why = control.noStore
      ? "its client said no-store"
      : x.objects.namesObjects
        ? "it names an object that a server keeps"
        : (whyNot(x.ask, dataClass, this.options) ?? passesThrough(x.ask, route, upstreams));
    if (why !== undefined) {
      if (control.onlyIfCached) throw notCached(x, `${why}, so no answer is kept`);
      this.#tell(x, "bypass");
      return { miss: { onAnswer: answer => marked(this.#heard(x, answer), "bypass") } };
    }
    const tenant = tenantOf(this.options.scope, x.exchange.identity!, x.ask);
    const beta = x.headers.get("openai-beta");
    const parts: KeyParts = { ask: x.ask, endpoint, route, upstreams, versions: this.#versions, tenant, beta };
    const lookup: Lookup = { x, parts, key: answerKey(parts), control, generation: this.#generation };
    if (control.onlyIfCached) {
      const found = await this.#find(lookup);
      if (found) return this.#give(lookup, found, "hit");
      throw notCached(x, "no answer to it is kept");
    }
    return control.noCache ? this.#miss(lookup, undefined, undefined) : this.#followed(lookup);
  }

  /** Hears which version answered. */
  #heard({ exchange: { target, routed } }: AdmittedRequest, answer: Answer): Answer {
    if (target !== undefined) this.#versions.heard(target, routed?.version);
    return answer;
  }

  /** Waits for another's answer where one is under way, else asks. */
  async #followed(lookup: Lookup): Promise<CacheLookup> {
    const { x, key, control } = lookup;
    const endMs = x.clock.monotonic() + this.#waitMs(x);
    for (let flight = this.#flights.get(key); flight; flight = this.#flights.get(key)) {
      const landing = await this.#landed(flight, x, endMs);
      if (landing === "late" || landing.kind === "failed") return this.#miss(lookup, undefined, undefined);
      if (landing.kind === "kept")
        return isFresh(landing.answer, control, x.clock.now())
          ? this.#give(lookup, landing.answer, landing.similarity === undefined ? "shared" : "semantic", landing.similarity)
          : this.#miss(lookup, undefined, undefined);
    }
    return this.#led(lookup);
  }

  /** A stream's client is told something before balancers close, so its wait is shorter. */
  #waitMs({ ask, runtime }: AdmittedRequest): number {
    return ask.isStream ? Math.min(this.options.wait, runtime.config.heartbeatMs) : this.options.wait;
  }

  async #landed(flight: Flight, x: AdmittedRequest, endMs: number): Promise<Landing | "late"> {
    x.cutters.add(x.stop);
    try {
      return await flight.wait(Math.max(0, endMs - x.clock.monotonic()), x.stop);
    } catch (error) {
      if (x.stop.reason?.kind === "left") throw gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
      throw error;
    } finally {
      x.cutters.delete(x.stop);
    }
  }

  async #led(lookup: Lookup): Promise<CacheLookup> {
    const { x, key } = lookup;
    const flight = new Flight();
    this.#flights.set(key, flight);
    const land = (landing: Landing) => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      flight.land(landing);
    };
    const onFailure = () => land({ kind: x.stop.reason?.kind === "left" ? "left" : "failed" });
    try {
      const found = await this.#find(lookup);
      if (found) {
        land({ kind: "kept", answer: found });
        return this.#give(lookup, found, "hit");
      }
      const near = await this.#meanings?.find(x, lookup.parts, key => this.#find(lookup, key));
      if (near?.answer && near.similarity !== undefined) {
        land({ kind: "kept", answer: near.answer, similarity: near.similarity });
        return this.#give(lookup, near.answer, "semantic", near.similarity);
      }
      const { miss } = this.#miss(lookup, land, near);
      return { miss: { ...miss, onFailure } };
    } catch (error) {
      onFailure();
      throw error;
    }
  }

  /** A server is asked, and its answer is kept where it may be. */
  #miss(lookup: Lookup, land: ((landing: Landing) => void) | undefined, near: Meaning | undefined): { readonly miss: CacheMiss } {
    const { x } = lookup;
    this.#tell(x, "miss");
    let how: End | undefined;
    const { end } = x;
    return {
      miss: {
        end: ended => {
          how = ended;
          end(ended);
        },
        onAnswer: answer => this.#keeping(lookup, this.#heard(x, answer), { land, near, how: () => how }),
      },
    };
  }

  /** The answer on its way to the client, written down where it may be kept. */
  #keeping(lookup: Lookup, answer: Answer, { land, near, how }: Keeping): Answer {
    // under the version that answered; made now, since another may have answered when a stream ends
    const key = answerKey(lookup.parts);
    const question = near && key !== lookup.key ? questionOf(lookup.parts) : near?.question;
    const meaning = near && question && { ...near, question };
    const unfit = (kind: "failed" | "left" = "failed") => {
      if (kind === "failed") this.#counting.unfit++;
      land?.({ kind });
    };
    const whole = (body: string, isStream: boolean) => {
      const end = how();
      const kept = end === undefined ? undefined : this.#answerOf(lookup, body, isStream, end);
      if (kept === undefined) return unfit();
      // whoever waits gets it when it is kept, so that nobody comes in between and asks
      const write = this.#keep({ ...lookup, key }, kept, meaning).finally(() => {
        this.#writes.delete(write);
        land?.({ kind: "kept", answer: kept });
      });
      this.#writes.add(write);
    };
    const { body } = answer;
    if (typeof body === "string") {
      // a hit would not say that the group was missing
      if (answer.headers[commonThresholdHeader] === undefined) whole(body, false);
      else unfit();
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
  #answerOf({ x, parts }: Lookup, body: string, isStream: boolean, end: End): KeptAnswer | undefined {
    const { target } = x.exchange;
    if (end.status !== 200 || end.error !== undefined || Buffer.byteLength(body) > this.options.answerBytes) return undefined;
    // a new version may have written the rest
    if (x.exchange.resumed > 0 && x.exchange.routed?.version !== undefined) return undefined;
    // another model stood in: it is asked again when this one can be
    if (target === undefined || !parts.route.targets.some(t => t.id === target)) return undefined;
    const { endpoint } = x.ask.api;
    if (!(isStream ? mayKeepStream(endpoint, body) : mayKeepWhole(endpoint, body))) return undefined;
    const atMs = x.clock.now();
    const expiresMs = atMs + this.options.ttl;
    return { tenant: parts.tenant, model: parts.route.name, target, isStream, body, usage: end.usage ?? nothing, atMs, expiresMs };
  }

  async #keep({ x, key, generation }: Lookup, kept: KeptAnswer, near: Meaning | undefined): Promise<void> {
    if (generation !== this.#generation) return;
    try {
      const { evicted, expired } = await this.store.put(key, kept, x.clock.now());
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
  async #find({ x, key: own, control, parts }: Lookup, key = own): Promise<KeptAnswer | undefined> {
    const nowMs = x.clock.now();
    const found = await this.#get(key, nowMs);
    return found && found.tenant === parts.tenant && isFresh(found, control, nowMs) ? found : undefined;
  }

  #give({ x }: Lookup, kept: KeptAnswer, how: CacheResult, similarity?: number): CacheLookup {
    this.#tell(x, how);
    return { answer: keptAnswer(x, kept, this.options.charge === "tokens" ? kept.usage : nothing, similarity) };
  }

  #tell({ exchange, routes }: AdmittedRequest, result: CacheResult): void {
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

const isFresh = (kept: KeptAnswer, { maxAgeMs }: CacheControl, nowMs: number): boolean => nowMs - kept.atMs <= maxAgeMs;
