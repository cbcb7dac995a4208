/** Whether the caller may ask this model, with what the request says; and which models may stand in for it. */
import { ModelAction } from "../../http/ask.ts";
import { checkAllowed, routeNamed } from "../../policy/check-allowed.ts";
import type { Adds, Reads } from "../step.ts";

/** Errors: gateway/unknownModel, gateway/forbidden with the policy's sentence. */
export function authorise(x: Reads<"identity" | "ask" | "api" | "contract">): Adds<"route" | "action" | "candidates"> {
  const { gateway, config, identity, ask, exchange } = x;
  const { control } = gateway;
  const route = routeNamed(control, config.routes, identity, ask.model);
  exchange.model = route.name;
  const action = new ModelAction(ask, x.contract ? "messages" : x.api.endpoint, route.name, x.headers.get("x-loam-data-class"));
  checkAllowed(control, identity, action);
  const candidates = [route];
  for (const name of route.fallbacks) {
    const other = config.routes.get(name)!;
    if (control.decide(identity, action.of(other.name)).allowed) candidates.push(other);
  }
  return { route, action, candidates };
}
