/**
 * What is running under one configuration: upstreams with their connections and records, shares, the retry budget. A reload makes a new one that
 * takes over the upstreams that did not change; requests and streams of the old one end on it, and only then are its own upstreams closed.
 */
import type { Clock } from "../../base/index.ts";
import type { GatewayConfig } from "../config/read-config.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import { type BreakerChange, Upstream } from "../upstreams/upstream.ts";
import type { Shares } from "./choose.ts";
import { watchLoad } from "./load.ts";
import { RouteMemory } from "./memory.ts";
import { outliers } from "./outliers.ts";
import { type RetryBudget, retryBudget } from "./retry-budget.ts";

export interface RuntimeOptions {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: () => number;
  /** The one before, whose upstreams are taken over where they are the same. */
  readonly before?: Runtime | undefined;
  /** An upstream changed its state: for the log and for webhooks. */
  readonly onHealth?: (upstream: string, isHealthy: boolean) => void;
  readonly onBreaker?: (change: BreakerChange) => void;
}

/** Between looks at who stands out among its peers, and the rest of one that does. */
const outlierMs = 10_000;
const outlierRestMs = 30_000;

/** Everything that an upstream is made from, as one text. */
const textOf = ({ url, ...rest }: UpstreamConfig): string => JSON.stringify([url.href, rest]);

interface Shared {
  readonly upstream: Upstream;
  users: number;
  stopProbe: () => void;
  stopLoad: () => void;
}

export class Runtime {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly budget: RetryBudget;
  readonly #shared = new Map<string, Shared>();
  readonly #memories = new Map<string, RouteMemory>();
  readonly #shares = new Map<string, Shares>();
  readonly #outlierTimer: NodeJS.Timeout;
  #seen = new Map<string, { readonly answers: number; readonly failures: number }>();
  #users = 1;

  constructor({ config, clock, random, before, onHealth, onBreaker }: RuntimeOptions) {
    this.config = config;
    this.clock = clock;
    this.random = random;
    this.budget = retryBudget(config.retries, clock);
    for (const [id, own] of config.upstreams) {
      const known = before ? before.#shared.get(id) : undefined;
      if (known && textOf(known.upstream.config) === textOf(own)) {
        known.users++;
        this.#shared.set(id, known);
      } else {
        const upstream = new Upstream(id, own, clock);
        upstream.onBreaker = onBreaker;
        this.#shared.set(id, { upstream, users: 1, stopProbe: probing(upstream, onHealth), stopLoad: watchLoad(upstream, clock) });
      }
    }
    this.#outlierTimer = setInterval(() => this.#leaveOutliers(), outlierMs);
    this.#outlierTimer.unref();
  }

  upstream(id: string): Upstream {
    return this.#shared.get(id)!.upstream;
  }

  upstreams(): Upstream[] {
    return [...this.#shared.values()].map(s => s.upstream);
  }

  shares(route: string): Shares {
    const shares = this.#shares.get(route) ?? new Map<string, number>();
    this.#shares.set(route, shares);
    return shares;
  }

  /** Of a model by its public name. */
  memory(route: string): RouteMemory {
    const known = this.#memories.get(route);
    if (known) return known;
    const memory = new RouteMemory(this.config.routes.get(route)?.hedge, this.clock);
    this.#memories.set(route, memory);
    return memory;
  }

  /** A request works with it; `leave` must follow. */
  enter(): void {
    this.#users++;
  }

  /** At the end of a request, and once when another runtime has taken its place. */
  leave(): void {
    if (--this.#users > 0) return;
    clearInterval(this.#outlierTimer);
    for (const shared of this.#shared.values()) {
      if (--shared.users > 0) continue;
      shared.stopProbe();
      shared.stopLoad();
      void shared.upstream.close();
    }
    for (const guard of this.config.guards) void guard.close();
  }

  #leaveOutliers(): void {
    const now = new Map(this.upstreams().map(u => [u.id, u.state()]));
    const counts = [...now.values()].map(({ id, answers, failures }) => {
      const before = this.#seen.get(id);
      return { id, answers: answers - (before?.answers ?? 0), failures: failures - (before?.failures ?? 0) };
    });
    this.#seen = now;
    for (const id of outliers(counts)) this.upstream(id).rest(outlierRestMs);
  }
}

/** Asks for an upstream's health again and again; gives what stops it. */
function probing(upstream: Upstream, onHealth: RuntimeOptions["onHealth"]): () => void {
  const { health } = upstream.config;
  if (!health) return () => {};
  let was = true;
  let isAsking = false;
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    const is = await upstream.probe();
    isAsking = false;
    if (is !== was) onHealth?.(upstream.id, is);
    was = is;
  };
  const timer = setInterval(() => void ask(), health.everyMs);
  timer.unref();
  void ask();
  return () => clearInterval(timer);
}
