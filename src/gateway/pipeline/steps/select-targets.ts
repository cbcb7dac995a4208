/** Which targets the request may go to before any is asked: those that have the objects it names, by the model's rules; under which names it may be charged, and where it stands in lines. */
import { RequestObjects } from "../../owners/request-objects.ts";
import { standingOf } from "../../queue/standing.ts";
import { narrowed, priceNamesOf } from "../../routing/rules.ts";
import { isToldIds } from "../../translate/call-for.ts";
import type { Adds, Reads } from "../step.ts";

type Needed = Reads<"identity" | "ask" | "route" | "action" | "candidates">;

/** Errors: gateway/unknownObject; gateway/parameter of headers that rules and priorities read. */
export function selectTargets({
  gateway,
  config,
  identity,
  ask,
  route,
  action,
  candidates,
  headers,
  exchange,
}: Needed): Adds<"objects" | "routes" | "standing" | "subjects"> {
  const { control } = gateway;
  const objects = new RequestObjects(control, identity, ask);
  const having = objects.narrowed(candidates, config.upstreams, upstream => isToldIds(ask, upstream));
  const facts = {
    headers,
    identity,
    endpoint: action.endpoint,
    model: route.name,
    body: ask.body,
    inputTokens: exchange.inputTokens,
    isStream: ask.isStream,
  };
  const routes = having.some(r => r.rules !== undefined) ? having.map(r => (r.rules === undefined ? r : narrowed(r, facts))) : having;
  const subjects = { identity, model: route.name, priceNames: priceNamesOf(routes), ip: exchange.ip };
  return { objects, routes, standing: standingOf(config.priorities, facts), subjects };
}
