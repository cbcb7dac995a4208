/** What a method and a path ask for, in the words of policies: for `explain`. */
import type { Endpoint } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import { apis } from "../http/apis.ts";
import { adminPaths } from "./paths.ts";

const matches = (pattern: string, path: string): boolean => {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith(":") || part === given[i]);
};

/** Errors: gateway/parameter. */
export function endpointOf(method: string, path: string): Endpoint {
  const wrong = (place: string, expected: string, received: string) => gatewayErrors.fail("parameter", { place, expected, received });
  const { pathname } = new URL(path, "http://gateway");
  const wants = (m: string, endpoint: Endpoint): Endpoint => {
    if (method.toUpperCase() === m) return endpoint;
    throw wrong("method", `${m} ${pathname}`, JSON.stringify(method.slice(0, 20)));
  };
  const api = apis.find(a => `/v1${a.path}` === pathname);
  if (api) return wants("POST", api.endpoint);
  if (pathname === "/v1/messages") return wants("POST", "messages");
  if (pathname === "/v1/models" || pathname.startsWith("/v1/models/")) return wants("GET", "models");
  if (pathname === "/metrics" || adminPaths.some(p => matches(p, pathname))) return "admin";
  throw wrong(
    "path",
    `one of ${apis.map(a => `/v1${a.path}`).join(", ")}, /v1/messages, /v1/models, /metrics, ${adminPaths.join(", ")}`,
    JSON.stringify(pathname.slice(0, 100)),
  );
}
