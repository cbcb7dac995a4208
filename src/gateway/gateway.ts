/**
 * The gateway as one thing: its configuration with what runs under it, the control that says who may do what, the log and the metrics. A reload
 * checks everything first and then takes the place of what was there; streams of before end as they began.
 */
import { type Clock, defined, type StaticPage, systemClock } from "../base/index.ts";
import type { FeedbackPort } from "../protocols/index.ts";
import type { Login } from "../session/index.ts";
import type { ReadWatchFigures } from "../tracing/index.ts";
import type { AnswerCache } from "./cache/cache.ts";
import { cacheMetrics } from "./cache/metrics.ts";
import { closeCache, openCache } from "./cache/open.ts";
import { countersOf, type TokenCounter } from "./config/counters.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";
import type { Control } from "./contract.ts";
import { gatewayErrors } from "./errors.ts";
import type { AnsweredRequest, GatewayFeedback } from "./feedback.ts";
import { HeldRequests } from "./guards/person/held.ts";
import { type AppFetch, createGatewayApp } from "./http/app.ts";
import { EndedRequests } from "./http/ended.ts";
import type { End, GatewayExchange } from "./http/exchange.ts";
import { gatewayBounds } from "./http/limits.ts";
import { createMetrics, type GatewayMetrics } from "./http/metrics.ts";
import type { RequestRecord } from "./http/request-record.ts";
import type { Identity } from "./identity/contract.ts";
import { Callers } from "./own/callers.ts";
import type { OwnServer } from "./own/server-port.ts";
import { ownerOf } from "./owners/owner.ts";
import type { Settle } from "./pipeline/pipeline.ts";
import type { GatewayPorts, GatewayState } from "./ports.ts";
import { type RoutingMetrics, routingMetrics } from "./routing/metrics.ts";
import type { ModelRoute } from "./routing/route.ts";
import { Runtime } from "./routing/runtime.ts";
import { FollowedServices, type FollowService, withEndpoints } from "./routing/service-endpoints.ts";
import { type ShadowRecord, Shadows } from "./routing/shadow.ts";
import type { GatewayGenAi } from "./tracing/gen-ai.ts";
import type { GatewayTracing } from "./tracing/tracing.ts";
import type { Tls } from "./transport/tls.ts";
import { UpstreamFailure } from "./upstreams/failure.ts";
import type { UpstreamNotice } from "./upstreams/notice.ts";
import type { Stop } from "./upstreams/stop.ts";
import { keyMetrics, mostKeys } from "./usage/metrics.ts";
import { dayOf } from "./usage/usage.ts";
import type { GatewayAlarm } from "./webhooks/event.ts";
import { noticeMetrics } from "./webhooks/metrics.ts";
import { Notices } from "./webhooks/notices.ts";
import type { WebhookOptions } from "./webhooks/webhooks.ts";

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Open already; the gateway closes it. */
  readonly control: Control;
  readonly version?: string;
  /** Follows Services of Kubernetes that upstreams name (`kubernetes`); an error of the configuration when absent. */
  readonly followService?: FollowService;
  /** A list of endpoints cannot be had at the moment. */
  readonly onServiceTrouble?: (text: string) => void;
  /** A server of the same process, for addresses that the gateway does not have; nothing answers there when absent. */
  readonly server?: OwnServer;
  /** That server asks by `askFor` what it does later for somebody, the lines of a batch. `own`: accounts of this process, which no key of the state opens. */
  readonly later?: { readonly own: readonly Identity[] };
  /** Is told of responses, and keeps what people say of them; nobody does when absent. */
  readonly feedback?: GatewayFeedback;
  /** Sessions of browsers: answers its own paths; whom it knows, `control` knows. */
  readonly login?: Login;
  /** The console's page, where the gateway stands alone. */
  readonly page?: StaticPage;
  /** Told of an event for webhooks that no receiver took. */
  readonly onLost?: WebhookOptions["onLost"];
  /** How often the list of changes is looked at for webhooks, in ms, and the first pause before an event is sent again. */
  readonly webhooks?: { readonly lookMs?: number; readonly pauseMs?: number };
  /** Tells of requests and calls; closed with the gateway. */
  readonly tracing?: GatewayTracing | undefined;
  /** Sends metrics to a collector; closed with the gateway. */
  readonly genAi?: GatewayGenAi | undefined;
  /** What monitors say, for the metrics. */
  readonly watchFigures?: ReadWatchFigures | undefined;
  /** Where it keeps its state: the metrics tell of that disk; no series when absent. */
  readonly storeFolder?: string | undefined;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** One call a request, soon after its answer has ended. */
  readonly onRequest?: (record: RequestRecord) => void;
  /** Unknown failures, with the id that the client was given. */
  readonly onFailure?: (error: unknown, requestId: string) => void;
  readonly onHealth?: (upstream: string, isHealthy: boolean) => void;
  /** What an upstream reports to operators (`noticeText` makes a line of it). */
  readonly onNotice?: (notice: UpstreamNotice) => void;
  /** One call a copy to a model's shadow, when its answer has ended. */
  readonly onShadow?: (record: ShadowRecord) => void;
}

export class Gateway implements GatewayPorts {
  readonly clock: Clock;
  readonly openedMs: number;
  readonly control: Control;
  readonly metrics: GatewayMetrics;
  /** Set by whoever listens, where clients show certificates. */
  certificateOf: Tls["certificateOf"];
  /** Answers say `Connection: close`: their clients come back to whoever listens then. */
  isLeaving = false;
  /** Requests that wait for a person. */
  readonly held: HeldRequests;
  readonly #routing: RoutingMetrics;
  readonly shadows: Shadows;
  /** What ends each request under way. */
  readonly cutters = new Set<Stop>();
  readonly fetch: AppFetch;
  readonly feedback: FeedbackPort | undefined;
  readonly server: OwnServer | undefined;
  readonly login: Login | undefined;
  /** Undefined where the server asks nothing later. */
  readonly callers: Callers | undefined;
  readonly page: StaticPage | undefined;
  readonly tracing: GatewayTracing | undefined;
  /** Takes up the file again, in the name of whoever asks; undefined where there is none. Errors: what is wrong with it. */
  readAgain: ((by: string) => Promise<void>) | undefined;
  readonly onFailure: (error: unknown, requestId: string) => void;
  readonly #options: GatewayOptions;
  readonly #random: () => number;
  /** As it was read: Services are not their endpoints yet. */
  #read: GatewayConfig;
  readonly #services: FollowedServices;
  #isClosed = false;
  #runtime: Runtime;
  #counters: ReadonlyMap<string, TokenCounter>;
  #cache: AnswerCache | undefined;
  readonly #notices: Notices;
  readonly #ended: EndedRequests;
  #inFlight = 0;
  #isDraining = false;
  #empty: (() => void)[] = [];

  /** Errors of the tokenizers that the configuration names, and of the store of answers. */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options, await countersOf(options.config));
    gateway.#cache = (await openCache(options.config)).cache;
    return gateway;
  }

  private constructor(options: GatewayOptions, counters: ReadonlyMap<string, TokenCounter>) {
    const { config, clock = systemClock, random = Math.random, version = "0.0.0" } = options;
    this.#options = options;
    this.clock = clock;
    this.openedMs = clock.now();
    this.callers = options.later && new Callers(options.control, () => clock.now(), options.later.own);
    const control = this.callers?.control ?? options.control;
    this.control = control;
    this.held = new HeldRequests(clock);
    this.#ended = new EndedRequests(clock, (record, exchange) => this.#note(record, exchange));
    this.#random = random;
    this.#counters = counters;
    this.#read = config;
    this.#runtime = this.#runtimeOf(config, undefined);
    this.#services = new FollowedServices(options.followService, () => this.#takeEndpoints(), options.onServiceTrouble);
    this.onFailure = options.onFailure ?? (() => {});
    this.metrics = createMetrics({
      version,
      inFlight: () => this.#inFlight,
      upstreams: () => this.#runtime.upstreams(),
      tell: () => this.tell(),
      ...defined({ watchFigures: options.watchFigures, storeFolder: options.storeFolder }),
    });
    keyMetrics(this.metrics.registry, () => control.topUsage(dayOf(clock.now()), mostKeys), clock);
    const routing = routingMetrics(this.metrics.registry, { config: () => this.config, upstreams: () => this.#runtime.upstreams() });
    this.#routing = routing;
    this.shadows = new Shadows(clock, {
      sent: record => {
        routing.sent(record);
        options.onShadow?.(record);
      },
      skipped: routing.skipped,
    });
    cacheMetrics(this.metrics.registry, () => this.#cache);
    noticeMetrics(this.metrics.registry, { receivers: () => this.#notices.state(), journalDropped: () => control.journal.dropped });
    this.server = options.server;
    this.feedback = options.feedback && this.#toldBefore(options.feedback.port);
    this.login = options.login;
    this.page = options.page;
    this.tracing = options.tracing;
    control.journal.keep(config.journal);
    control.journal.beforeLook = () => this.tell();
    this.#notices = new Notices({
      control,
      configs: config.webhooks,
      now: () => clock.now(),
      ...defined({ onLost: options.onLost }),
      ...options.webhooks,
    });
    this.fetch = createGatewayApp(this);
    this.#services.take(config);
  }

  /** A request of the server's for whom the note names that it was given (`own/callers.ts`); for nobody where there is none. */
  askFor(note: string | null, request: Request): Promise<Response> {
    if (!this.callers) throw new TypeError("askFor: this gateway was opened without `later`");
    return this.callers.ask(note, request, asked => this.fetch(asked));
  }

  get config(): GatewayConfig {
    return this.#runtime.config;
  }
  /** Undefined where no answers are kept. */
  get cache(): AnswerCache | undefined {
    return this.#cache;
  }
  get runtime(): Runtime {
    return this.#runtime;
  }
  get isDraining(): boolean {
    return this.#isDraining;
  }
  get inFlight(): number {
    return this.#inFlight;
  }

  counter(route: ModelRoute): TokenCounter | undefined {
    return route.tokenizer === undefined ? undefined : this.#counters.get(route.tokenizer);
  }

  state(): GatewayState {
    const models = [...new Set(this.config.routes.values())].map(({ name, aliases, strategy, targets }) => ({
      name,
      aliases,
      strategy,
      targets,
    }));
    const upstreams = this.#runtime.upstreams().map(u => u.state());
    return {
      inFlight: this.#inFlight,
      isDraining: this.#isDraining,
      upstreams,
      models,
      cache: this.#cache?.state() ?? null,
      webhooks: this.#notices.state(),
      journalDropped: this.control.journal.dropped,
    };
  }

  #runtimeOf(config: GatewayConfig, before: Runtime | undefined): Runtime {
    const { onHealth } = this.#options;
    return new Runtime({
      config,
      clock: this.clock,
      random: this.#random,
      before,
      onNotice: notice => {
        this.#notices.upstream(notice);
        this.#options.onNotice?.(notice);
      },
      ...defined({ onHealth }),
    });
  }

  /** Takes another configuration for what comes from now on. Errors: those of the control's check and the tokenizers; then the old one stays. */
  async reload(config: GatewayConfig, by: string): Promise<void> {
    for (const key of ["listen", "state", "limitsState"] as const)
      if (JSON.stringify(config[key]) !== JSON.stringify(this.config[key]))
        throw gatewayErrors.fail("config", {
          place: key,
          message: "this part cannot change while the gateway runs",
          hint: "Start it again; requests under way are finished first.",
        });
    this.#services.check(config);
    const counters = await countersOf(config);
    const { cache, made, retired } = await openCache(config, { config: this.config, cache: this.#cache });
    try {
      await this.control.reload(config.access, by);
    } catch (error) {
      await made?.close();
      throw error;
    }
    this.#cache = cache;
    void closeCache(retired);
    this.#read = config;
    this.#services.take(config);
    this.#takeEndpoints();
    this.#counters = counters;
    this.control.journal.keep(config.journal);
    this.#notices.take(config.webhooks);
  }

  /** Another runtime for what comes from now on: a file that was read, or endpoints that have come or gone. Streams under way end on theirs. */
  #takeEndpoints(): void {
    if (this.#isClosed) return;
    const before = this.#runtime;
    this.#runtime = this.#runtimeOf(withEndpoints(this.#read, this.#services.known), before);
    before.leave();
  }

  /** A request has come; gives what must be called once when its answer has ended. */
  begin(exchange: GatewayExchange, settle: Settle): (end: End) => void {
    this.#inFlight++;
    return end => {
      if (exchange.isOver) return;
      exchange.isOver = true;
      this.#inFlight--;
      if (this.#inFlight === 0) for (const wake of this.#empty.splice(0)) wake();
      settle(exchange, end);
      this.#ended.add(exchange, end);
    };
  }

  /** Sends an alarm to the webhooks that want it. Returns at once. */
  alarm(alarm: GatewayAlarm): void {
    this.#notices.alarm(alarm);
  }

  /** Counts and writes down what has ended until now; by itself this happens a few times a second. */
  tell(): void {
    this.#ended.tell();
  }

  #note(record: RequestRecord, exchange: GatewayExchange): void {
    try {
      this.metrics.request(record);
      this.#routing.request(record);
      if (!exchange.isPageRead && (record.model !== null || record.path.startsWith("/v1/"))) this.control.journal.note(record);
      exchange.trace?.end(record);
      this.#options.genAi?.request(record);
      const answered = this.#options.feedback && this.#answered(record, exchange);
      if (answered) this.#options.feedback?.told(answered);
      this.#options.onRequest?.(record);
    } catch (error) {
      // its client has had its answer, and others wait to be told
      this.onFailure(error, record.id);
    }
  }

  /** What has ended is told before anybody says something of it. */
  #toldBefore(port: FeedbackPort): FeedbackPort {
    const told = (): FeedbackPort => {
      this.tell();
      return port;
    };
    return {
      give: (owner, feedback) => told().give(owner, feedback),
      list: (owner, id) => told().list(owner, id),
      remove: (owner, id) => told().remove(owner, id),
    };
  }

  /** What feedback can be on; undefined of what no model answered, and of a server of this process, which tells it by itself. */
  #answered({ id, model, served, target, status, time }: RequestRecord, { identity }: GatewayExchange): AnsweredRequest | undefined {
    if (!identity || model === null || status >= 300 || (target === null && served === null)) return undefined;
    if (target !== null && this.config.upstreams.get(target.slice(0, target.indexOf("/")))?.here) return undefined;
    return { requestId: id, owner: ownerOf(identity), model, served, status, atMs: Date.parse(time) };
  }

  /** Too many at once: memory is bounded whatever the limits say. Errors: gateway/unavailable. */
  checkRoom(): void {
    if (this.#inFlight <= gatewayBounds.inFlight) return;
    throw gatewayErrors.fail("unavailable", {
      message: `more than ${gatewayBounds.inFlight} requests are under way`,
      hint: "Try again in a few seconds.",
    });
  }

  /** Ends what is under way with an error that says so. */
  cutOff(): void {
    for (const stop of [...this.cutters]) stop.stop(new UpstreamFailure("draining", "the time to finish is over"));
  }

  /** Is not ready from now on; each answer is the last of its connection. */
  leave(): void {
    this.isLeaving = true;
  }

  /** Takes no new work; ends when nothing is under way or the time is over. Gives how many answers had not ended. */
  async drain(graceMs: number): Promise<{ readonly cutOff: number }> {
    this.#isDraining = true;
    this.isLeaving = true;
    if (this.#inFlight > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>(resolve => {
        this.#empty.push(resolve);
        timer = setTimeout(resolve, graceMs);
      });
      clearTimeout(timer);
    }
    return { cutOff: this.#inFlight };
  }

  async close(): Promise<void> {
    this.tell();
    this.#isClosed = true;
    this.#services.close();
    this.shadows.close();
    this.#runtime.leave();
    await closeCache(this.#cache);
    await Promise.all([this.tracing?.close(), this.#options.genAi?.close(), this.#notices.close()]);
    await this.control.close();
  }
}
