/** Requests that wait for a person at the gateway that runs; one is approved or refused. */
import type { HeldInfo } from "../../gateway/index.ts";
import type { GatewayPlace } from "./gateway-place.ts";
import { askRunning, runningFor } from "./running-gateway.ts";

const verb = "loam gateway held";

export type HeldDecision = "approve" | "refuse";

export interface DecidedRequest {
  readonly held: HeldInfo;
  readonly decision: string;
}

export const heldRequests = async (at: GatewayPlace): Promise<readonly HeldInfo[]> =>
  (await askRunning<{ readonly data: readonly HeldInfo[] }>(await runningFor(at, verb), "GET", "/gateway/held")).data;

export const decideHeld = async (at: GatewayPlace, id: string, decision: HeldDecision): Promise<DecidedRequest> =>
  askRunning<DecidedRequest>(await runningFor(at, verb), "POST", `/gateway/held/${encodeURIComponent(id)}`, { decision });
