/** A request for a model that was let in, as what finds its answer reads it: the cache, routing, the relay. Knows nothing of the gateway around it. */
import type { Clock } from "../../base/index.ts";
import type { RequestObjects } from "../owners/request-objects.ts";
import type { Standing } from "../queue/standing.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { Runtime } from "../routing/runtime.ts";
import type { Shadows } from "../routing/shadow.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Ask } from "./ask.ts";
import type { End, GatewayExchange } from "./exchange.ts";
import type { HeaderReader } from "./node-request.ts";

export interface AdmittedRequest {
  readonly ask: Ask;
  /** The model that is asked for, then those that may stand in for it, each with the targets that this request may go to. */
  readonly routes: readonly ModelRoute[];
  readonly standing: Standing | undefined;
  readonly maxOutputTokens: number;
  readonly objects: RequestObjects;
  readonly runtime: Runtime;
  readonly exchange: GatewayExchange;
  readonly headers: HeaderReader;
  /** Wished when the client's connection closes before its answer, and by what ends requests here. */
  readonly stop: Stop;
  /** Closes that connection; absent where there is none. */
  readonly hangUp: (() => void) | undefined;
  readonly clock: Clock;
  /** Sends copies. */
  readonly shadows: Shadows;
  /** Of all requests under way. */
  readonly cutters: Set<Stop>;
  /** Once, when the answer has ended. */
  readonly end: (end: End) => void;
}
