/** Decisions of policies as errors for the client, and the models that a caller may know of. */
import { nearest } from "../../base/index.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { Action, Control } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Identity } from "../identity/contract.ts";
import type { ModelRoute } from "../routing/route.ts";

type Decides = Pick<Control, "decide">;

/** Errors: gateway/forbidden with the policy's sentence. */
export function checkAllowed(control: Decides, identity: Identity, action: Action): void {
  const decision = control.decide(identity, action);
  if (decision.allowed) return;
  throw gatewayErrors.fail("forbidden", {
    place: action.model ?? action.endpoint,
    message: decision.reason,
    hint: "Ask your administrator; `loam gateway explain` says which rule decides.",
  });
}

/** For a further name of a model that was allowed by another: only a policy that denies it counts. Errors: gateway/forbidden. */
export function checkNotDenied(control: Decides, identity: Identity, action: Action): void {
  if (control.decide(identity, action).policy !== null) checkAllowed(control, identity, action);
}

/** Names of the models that the caller may use. */
export const visibleModels = (control: Decides, routes: GatewayConfig["routes"], identity: Identity): string[] =>
  [...routes.values()]
    .filter((r, i, all) => all.indexOf(r) === i && control.decide(identity, { endpoint: "models", model: r.name }).allowed)
    .map(r => r.name);

/** Errors: gateway/unknownModel. */
export function routeNamed(control: Decides, routes: GatewayConfig["routes"], identity: Identity, name: string): ModelRoute {
  const route = routes.get(name);
  if (route) return route;
  // only names that the caller may use are hinted at
  const near = nearest(name, visibleModels(control, routes, identity));
  throw gatewayErrors.fail("unknownModel", {
    place: "model",
    message: `the model ${JSON.stringify(name)} does not exist here`,
    hint: near ? `Did you mean "${near}"?` : "GET /v1/models lists those that you may use.",
  });
}
