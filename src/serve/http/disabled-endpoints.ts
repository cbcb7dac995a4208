/** Refuses addresses that the operator has turned off: 501, and 404 where the console would be. */
import { loginPaths } from "../../session/index.ts";
import { serveErrors } from "../errors.ts";
import type { OptionalEndpoint } from "../optional-endpoints.ts";

/** Which of `optionalEndpoints` an address belongs to. `isOfConsole`: of an address below /api. */
export function endpointAt(path: string, isOfConsole: (path: string) => boolean): OptionalEndpoint | undefined {
  if (path === "/metrics") return "metrics";
  if (path === "/slots" || path.startsWith("/slots/")) return "sequences";
  const isApi = path === "/api" || path.startsWith("/api/");
  return loginPaths.some(known => known === path) || (isApi && isOfConsole(path)) ? "console" : undefined;
}

/** Errors: serve/disabled, serve/unknownUrl for the console. */
export function refuseDisabled(endpoint: OptionalEndpoint, path: string): never {
  const place = path.slice(0, 200);
  if (endpoint === "console") throw serveErrors.fail("unknownUrl", { place, message: "there is nothing at this address" });
  throw serveErrors.fail("disabled", {
    place,
    message: "the operator has turned this address off",
    hint: `Start the server without --disable-endpoint ${endpoint}.`,
  });
}
