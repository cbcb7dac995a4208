/**
 * Who may read the console, change what is served, and run jobs: whoever the gateway in front has authorised, else a session or the local token, else
 * everybody where the server was started with `--admin`. No address, Host, Origin or bind is a credential.
 */
import { serveErrors } from "../errors.ts";
import type { ContractRoute } from "./contract.ts";
import type { AppContext, Services } from "./exchange.ts";
import { checkOrigin } from "./hosts.ts";

/** Errors: serve/unauthenticated, serve/host, session/forgery. */
export function checkAccess(c: AppContext, { admin, login }: Pick<Services, "admin" | "login">): void {
  // the gateway has decided on this route before its handler runs (`app.ts`, `visited.ts`)
  if (c.env?.authorize) return;
  if (admin) {
    // everybody who reaches the server may, and a page of elsewhere does so by its visitors
    if (!["GET", "HEAD"].includes(c.req.method)) checkOrigin(c.req.raw);
    return;
  }
  if (login?.callerOf(name => c.req.header(name), c.req.method)) return;
  throw serveErrors.fail("unauthenticated", {
    place: c.req.path.slice(0, 100),
    expected: login ? "a session, or the server's token in the header Authorization (Bearer)" : "a server that somebody can log in to",
    received: login ? "neither" : "one without",
    hint: login
      ? "Open the login URL that the server printed, or run `loam login`."
      : "`loam serve` has a login; createApp({ admin: true }) lets everybody in.",
  });
}

const restrictedHandlers = new WeakSet<ContractRoute["handle"]>();
export const isRestricted = (handle: ContractRoute["handle"]): boolean => restrictedHandlers.has(handle);

/** A handler for those alone whom `checkAccess` lets in. */
export function restricted(handle: ContractRoute["handle"]): ContractRoute["handle"] {
  const checked: ContractRoute["handle"] = (c, services) => {
    checkAccess(c, services);
    return handle(c, services);
  };
  restrictedHandlers.add(checked);
  return checked;
}
