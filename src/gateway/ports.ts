/**
 * What a request and an address for administrators find of the gateway they came to, as types alone. `gateway.ts` fills it: handlers, steps and pages
 * are given this and import no part that carries it out.
 */
import type { Clock, StaticPage } from "../base/index.ts";
import type { FeedbackPort } from "../protocols/index.ts";
import type { Login } from "../session/index.ts";
import type { AnswerCache } from "./cache/cache.ts";
import type { CacheState } from "./cache/counts.ts";
import type { TokenCounter } from "./config/counters.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";
import type { Control } from "./contract.ts";
import type { HeldRequests } from "./guards/person/held.ts";
import type { End, GatewayExchange } from "./http/exchange.ts";
import type { GatewayMetrics } from "./http/metrics.ts";
import type { Callers } from "./own/callers.ts";
import type { OwnServer } from "./own/server-port.ts";
import type { ModelRoute } from "./routing/route.ts";
import type { Runtime } from "./routing/runtime.ts";
import type { Shadows } from "./routing/shadow.ts";
import type { GatewayTracing } from "./tracing/tracing.ts";
import type { Tls } from "./transport/tls.ts";
import type { Stop } from "./upstreams/stop.ts";
import type { UpstreamState } from "./upstreams/upstream.ts";
import type { ReceiverState } from "./webhooks/webhooks.ts";

/** What is going on, for operators and the console. */
export interface GatewayState {
  readonly inFlight: number;
  readonly isDraining: boolean;
  readonly upstreams: readonly UpstreamState[];
  readonly models: readonly {
    readonly name: string;
    readonly aliases: readonly string[];
    readonly strategy: string;
    readonly targets: ModelRoute["targets"];
  }[];
  /** Of kept answers; null where none are. */
  readonly cache: CacheState | null;
  /** Receivers of events, and how it goes with each. */
  readonly webhooks: readonly ReceiverState[];
  /** Lines of the journal that were lost because the state did not keep up. */
  readonly journalDropped: number;
}

export interface GatewayPorts {
  readonly config: GatewayConfig;
  readonly control: Control;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly openedMs: number;
  readonly metrics: GatewayMetrics;
  readonly tracing: GatewayTracing | undefined;
  /** Undefined where no answers are kept. */
  readonly cache: AnswerCache | undefined;
  readonly shadows: Shadows;
  /** Requests that wait for a person. */
  readonly held: HeldRequests;
  /** What ends each request under way. */
  readonly cutters: Set<Stop>;
  /** Keeps what people say of responses; undefined where nobody does. */
  readonly feedback: FeedbackPort | undefined;
  readonly server: OwnServer | undefined;
  /** Undefined where that server asks nothing later. */
  readonly callers: Callers | undefined;
  readonly login: Login | undefined;
  readonly page: StaticPage | undefined;
  /** Set by whoever listens, where clients show certificates. */
  readonly certificateOf: Tls["certificateOf"];
  readonly isDraining: boolean;
  /** Answers say `Connection: close`: their clients come back to whoever listens then. */
  readonly isLeaving: boolean;
  /** Takes up the file again, in the name of whoever asks; undefined where there is none. Errors: what is wrong with it. */
  readonly readAgain: ((by: string) => Promise<void>) | undefined;
  readonly onFailure: (error: unknown, requestId: string) => void;
  counter(route: ModelRoute): TokenCounter | undefined;
  /** A request has come; gives what must be called once when its answer has ended. */
  begin(exchange: GatewayExchange, settle: (exchange: GatewayExchange, end: End) => void): (end: End) => void;
  /** Too many at once: memory is bounded whatever the limits say. Errors: gateway/unavailable. */
  checkRoom(): void;
  state(): GatewayState;
}
