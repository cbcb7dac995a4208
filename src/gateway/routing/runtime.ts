/**
 * What is running under one configuration: upstreams with their connections and records, shares, the retry budget. A reload makes a new one that
 * takes over what did not change: upstreams, the shares and times of models with the same targets, and the retry budget's counts. Requests and
 * streams of the old one end on it, and only then are its own upstreams closed.
 */
import type { Clock } from "../../base/index.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import type { UpstreamNotice } from "../upstreams/notice.ts";
import { Upstream } from "../upstreams/upstream.ts";
import type { Shares } from "./choose.ts";
import { RouteMemory } from "./memory.ts";
import { outliers } from "./outliers.ts";
import { type RetryBudget, retryBudget } from "./retry-budget.ts";
import type { ModelRoute, Target } from "./route.ts";
import { watchLoad } from "./watch-load.ts";

interface RuntimeOptions {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: () => number;
  /** The one before, of which is taken over what is the same. */
  readonly before?: Runtime | undefined;
  /** An upstream changed its state: for the log and for webhooks. */
  readonly onHealth?: (upstream: string, isHealthy: boolean) => void;
  readonly onNotice?: (notice: UpstreamNotice) => void;
}

/** Between looks at who stands out among its peers, and the rest of one that does. */
const outlierMs = 10_000;
const outlierRestMs = 30_000;

/** Everything that an upstream is made from, as one text. Its headers are none of it: a key that was renewed makes no other server. */
const textOf = ({ url, headers: _, ...rest }: UpstreamConfig): string => JSON.stringify([url.href, rest]);

/** Each route once, with those of its rules. */
function* routesOf({ routes }: GatewayConfig): Generator<ModelRoute> {
  for (const route of new Set(routes.values())) {
    yield route;
    for (const rule of route.rules ?? []) yield rule.route;
  }
}

const sameServers = (a: ModelRoute, b: ModelRoute): boolean =>
  a.targets.length === b.targets.length && a.targets.every(({ id }, i) => id === b.targets[i]!.id);

/** Shares given are of the same whole only where nobody's part has changed. */
const sameShares = (a: ModelRoute, b: ModelRoute): boolean =>
  a.strategy === b.strategy &&
  sameServers(a, b) &&
  a.targets.every(({ weight, priority }, i) => weight === b.targets[i]!.weight && priority === b.targets[i]!.priority);

/** Guards of one reading of the file; runtimes of it differ in their endpoints alone. */
interface SharedGuards {
  readonly guards: GatewayConfig["guards"];
  users: number;
}

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
  /** By target, at the last look for outliers. */
  #seen = new Map<string, { readonly answers: number; readonly failures: number }>();
  readonly #guards: SharedGuards;
  #users = 1;

  constructor({ config, clock, random, before, onHealth, onNotice }: RuntimeOptions) {
    this.config = config;
    this.clock = clock;
    this.random = random;
    this.budget = retryBudget(config.retries, clock, undefined, before?.budget.counts);
    for (const [id, own] of config.upstreams) {
      const known = before ? before.#shared.get(id) : undefined;
      if (known && textOf(known.upstream.config) === textOf(own)) {
        known.users++;
        known.upstream.config = own;
        this.#shared.set(id, known);
      } else {
        const upstream = new Upstream(id, own, clock);
        upstream.onNotice = onNotice;
        this.#shared.set(id, { upstream, users: 1, stopProbe: probing(upstream, onHealth), stopLoad: watchLoad(upstream, clock) });
      }
    }
    this.#guards = before && before.#guards.guards === config.guards ? before.#guards : { guards: config.guards, users: 0 };
    this.#guards.users++;
    if (before) this.#takeOver(before);
    this.#outlierTimer = setInterval(() => this.#leaveOutliers(), outlierMs);
    this.#outlierTimer.unref();
  }

  /** What was learnt of models and upstreams that are the same. */
  #takeOver(before: Runtime): void {
    const known = new Map<string, ModelRoute>();
    for (const route of routesOf(before.config)) known.set(route.sharesName, route);
    for (const route of routesOf(this.config)) {
      const { name, sharesName, hedge } = route;
      const old = known.get(sharesName);
      if (!old) continue;
      const shares = before.#shares.get(sharesName);
      if (shares && sameShares(old, route)) this.#shares.set(sharesName, shares);
      const memory = before.#memories.get(name);
      if (memory && name === sharesName && sameServers(old, route)) this.#memories.set(name, new RouteMemory(hedge, this.clock, memory));
    }
    // counts of an upstream that is new begin at nothing
    const isKept = ({ upstream }: Target) => this.#shared.get(upstream) === before.#shared.get(upstream);
    for (const route of routesOf(this.config))
      for (const target of route.targets) {
        const counts = before.#seen.get(target.id);
        if (counts && isKept(target)) this.#seen.set(target.id, counts);
      }
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
    if (--this.#guards.users > 0) return;
    for (const guard of this.#guards.guards) void guard.close();
  }

  /** Of each model the targets that fail far more than its others rest: one model's failures say nothing of another's on the same server. */
  #leaveOutliers(): void {
    const models = new Map(this.upstreams().map(u => [u.id, new Map(u.state().models.map(m => [m.model, m]))]));
    const now = new Map<string, { readonly answers: number; readonly failures: number }>();
    const resting = new Map<string, Target>();
    for (const { targets } of new Set(this.config.routes.values())) {
      const counts = targets.map(({ id, upstream, model }) => {
        const { answers = 0, failures = 0 } = models.get(upstream)!.get(model) ?? {};
        now.set(id, { answers, failures });
        const before = this.#seen.get(id);
        return { id, answers: answers - (before?.answers ?? 0), failures: failures - (before?.failures ?? 0) };
      });
      for (const id of outliers(counts)) resting.set(id, targets.find(t => t.id === id)!);
    }
    this.#seen = now;
    for (const { upstream, model } of resting.values()) this.upstream(upstream).rest(model, outlierRestMs);
  }
}

/** Asks for an upstream's health again and again; gives what stops it. */
function probing(upstream: Upstream, onHealth: RuntimeOptions["onHealth"]): () => void {
  const { health } = upstream.config;
  if (!health) return () => {};
  let was = true;
  let isAsking = false;
  let isStopped = false;
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    const is = await upstream.probe();
    isAsking = false;
    if (isStopped) return;
    if (is !== was) onHealth?.(upstream.id, is);
    was = is;
  };
  const timer = setInterval(() => void ask(), health.everyMs);
  timer.unref();
  void ask();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}
