/** Opens the account of a request's response, for whoever observes responses: from what the application knows of the request, when it has ended. */
import type { Clock } from "../../base/index.ts";
import { type AccountedRequest, ResponseAccount } from "../response-account.ts";
import type { EndedResponse, ResponseObserver } from "../response-observer.ts";
import type { Contract, ContractRoute } from "./contract.ts";
import { type AppContext, requestOwner } from "./exchange.ts";
import { isCopy, userOf } from "./visited.ts";

interface AccountPorts {
  readonly observer: ResponseObserver;
  readonly clock: Clock;
  readonly onFailure: ((error: unknown, requestId: string) => void) | undefined;
}

export function openAccount(c: AppContext, { name: contract }: Contract, route: ContractRoute, ports: AccountPorts): ResponseAccount {
  const { observer, clock, onFailure } = ports;
  const { exchange } = c.var;
  const request: AccountedRequest = {
    requestId: exchange.requestId,
    contract,
    endpoint: route.endpoint ?? "other",
    route: exchange.route,
    isShadow: isCopy(c.req.raw),
    engine: () => exchange.engine,
    arm: () => exchange.arm,
    user: () => userOf(c),
    owner: () => requestOwner(exchange),
    responseId: () => exchange.responseId,
  };
  const tell = (response: EndedResponse) => {
    try {
      observer.ended(response);
    } catch (error) {
      onFailure?.(error, exchange.requestId);
    }
  };
  return new ResponseAccount({ request, clock, startMs: exchange.startMs, tell }, c.req.raw.signal);
}
