/**
 * Guards stand before the gateway's own addresses and read their words. A model that has them is asked nowhere else; and where some model has
 * them, nor is one that the gateway cannot tell: the server behind may take it for that one.
 */
import { gatewayErrors } from "../errors.ts";
import { apis } from "../http/apis.ts";

interface Guarded {
  readonly name: string;
  readonly guards: readonly unknown[];
}

/**
 * `address`: for the sentence. `route`: of the model that is asked, undefined where it cannot be told: none is named, none of that name is known, or the
 * requests stand in a file that is not asked through the door. Errors: gateway/unguarded.
 */
export function checkUnguarded(address: string, route: Guarded | undefined, routes: ReadonlyMap<string, Guarded>): void {
  const hint = `Ask at ${apis.map(api => `/v1${api.path}`).join(", ")} or /v1/messages.`;
  if (route) {
    if (route.guards.length === 0) return;
    throw gatewayErrors.fail("unguarded", {
      place: route.name,
      message: `this model has guards, which do not stand before ${address}`,
      hint,
    });
  }
  if (![...routes.values()].some(r => r.guards.length > 0)) return;
  throw gatewayErrors.fail("unguarded", {
    place: "model",
    message: `models here have guards, which do not stand before ${address}, and which model it asks cannot be told`,
    hint,
  });
}
