/**
 * A request between its address and its handler where versions come and go: it has a visit of its own, waits for a version that sleeps, says
 * in a header who answered, and is copied to shadows, whose answers nobody sees.
 */
import { Unauthorized } from "../authorization.ts";
import { cancellation } from "../cancellation.ts";
import type { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { keepAliveMs } from "../lifecycle/keep-alive.ts";
import { Asleep, Visit } from "../lifecycle/visit.ts";
import { limits } from "../limits.ts";
import { bodyRead } from "./body.ts";
import type { ContractRoute } from "./contract.ts";
import { type AppContext, callerOf, type Services } from "./exchange.ts";
import type { Caller } from "./owner.ts";
import { Permit } from "./permit.ts";

/** Names a user who stays with one version, where the body has no `user`. */
const userHeader = "x-loam-user";
/** The version that answered: `mail-small@3`. */
const modelHeader = "x-loam-model";

/** Requests that are copies for a shadow: neither counted nor logged as a client's. */
const copies = new WeakSet<Request>();
export const isCopy = (request: Request): boolean => copies.has(request);

/** Callers of requests that the application makes by itself. */
export const ownRequests = (): WeakMap<Request, Caller> => new WeakMap();
type Fetch = (request: Request, caller: Caller) => Response | Promise<Response>;

export function userOf(c: AppContext): string | undefined {
  const { user, safety_identifier } = bodyRead(c.req.raw) ?? {};
  return [c.req.header(userHeader), user, safety_identifier].find((u): u is string => typeof u === "string" && u !== "");
}

/** Waits until a version is awake. Errors: serve/notReady where it does not wake, serve/cancelled where the client leaves. */
export async function awake({ awake, message }: Asleep, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let leave = () => {};
  const end = new Promise<"late" | "left">(resolve => {
    timer = setTimeout(() => resolve("late"), limits.wakeMs);
    leave = () => resolve("left");
    signal.addEventListener("abort", leave, { once: true });
  });
  const notReady = (why: string, hint: string, error?: unknown) =>
    serveErrors.fail("notReady", { place: "model", message: `${message}, and ${why}`, hint }, error);
  const failed = (error: unknown) =>
    notReady("it could not be loaded", "The server's log names the reason; the next request tries again.", error);
  try {
    const how = await Promise.race([awake.catch(error => Promise.reject(failed(error))), end]);
    if (how === "late") throw notReady(`it is still loading after ${limits.wakeMs / 1000} s`, "Retry in a moment.");
    if (how === "left") throw cancellation(signal, "the client left");
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}

/** What an address says after a model's name, in the contracts of TensorFlow Serving and Open Inference. */
const modelAddress = /^(\/v[12]\/models\/)(.+?)(:[a-z]+|\/(?:infer|generate))$/;

/** Address and body of a copy for a version, `mail@3`; undefined for contracts that name a model in another way. */
function copyFor(url: string, body: Readonly<Record<string, unknown>>, version: string): { url: string; body: object } | undefined {
  const at = new URL(url);
  const [, before, , method] = modelAddress.exec(at.pathname) ?? [];
  if (method !== undefined) {
    const end = version.lastIndexOf("@");
    at.pathname = `${before}${encodeURIComponent(version.slice(0, end))}/versions/${version.slice(end + 1)}${method}`;
    return { url: at.href, body };
  }
  // a server of one model needs no name in the body
  const isNamed = typeof body.model === "string" || at.pathname.startsWith("/v1/") || at.pathname === "/invocations";
  // without one Ollama's answer is a stream, and a tensor's request has no such field
  const stream = at.pathname === "/invocations" && !("stream" in body) ? {} : { stream: false };
  return isNamed ? { url, body: { ...body, model: version, ...stream } } : undefined;
}

/** Gives a copy of the request to each shadow; what does not fit is left out, and so are binary tensors after the JSON. */
function copy(c: AppContext, shadows: Iterable<string>, fetch: Fetch, count: { now: number }): void {
  const read = bodyRead(c.req.raw);
  if (!read || c.req.header("inference-header-content-length") !== undefined) return;
  for (const version of shadows) {
    if (count.now >= limits.shadowRequests) return;
    const made = copyFor(c.req.url, read, version);
    if (!made) return;
    const headers = { "content-type": "application/json", host: c.req.header("host") ?? "localhost" };
    const request = new Request(made.url, { method: "POST", headers, body: JSON.stringify(made.body) });
    copies.add(request);
    count.now++;
    // read to the end, so that it is a whole answer that is measured
    void Promise.resolve(fetch(request, callerOf(c)))
      .then(response => response.arrayBuffer())
      .catch(() => {})
      .finally(() => count.now--);
  }
}

async function timed(c: AppContext, { clock }: Services, wait: () => Promise<void>): Promise<void> {
  const startMs = clock.monotonic();
  await wait();
  c.var.exchange.loadMs = (c.var.exchange.loadMs ?? 0) + clock.monotonic() - startMs;
}

/** The handler once more, until what it needs is there. */
async function handled(c: AppContext, services: Services, { handle, uses }: ContractRoute, permit: Permit | undefined): Promise<Response> {
  const refused = await permit?.askFirst();
  if (refused) return refused;
  for (;;)
    try {
      const response = await handle(c, services);
      if (permit && !permit.isAsked) throw new TypeError(`a route that uses ${uses} has resolved no model`);
      return response;
    } catch (error) {
      if (error instanceof Asleep) await timed(c, services, () => awake(error, c.req.raw.signal));
      else if (permit && error instanceof Unauthorized) {
        const no = await permit.ask(error.use);
        if (no) return no;
      } else if (permit && !permit.isAsked) {
        // what is wrong is told only to who may ask
        const no = await permit.askUnresolved();
        if (no) return no;
        throw error;
      } else throw error;
    }
}

/** Handlers of an application, each with a visit around it. */
export function visits(engines: Engines, fetch: Fetch) {
  const count = { now: 0 };
  return async (c: AppContext, services: Services, route: ContractRoute): Promise<Response> => {
    const { authorize } = c.env;
    const permit = authorize && new Permit(c, route, authorize);
    if (!engines.isRouted && !permit) return route.handle(c, services);
    const visit = new Visit({
      user: () => userOf(c),
      keepAliveMs: () => {
        const { keep_alive } = bodyRead(c.req.raw) ?? {};
        return keep_alive == null ? undefined : keepAliveMs(keep_alive);
      },
      ...(permit ? { authorize: permit.check, sees: permit.sees, hides: permit.hides } : {}),
    });
    try {
      const response = await handled(c, { ...services, engines: engines.seenBy(visit) }, route, permit);
      if (visit.engine) response.headers.set(modelHeader, visit.engine.model.id);
      if (visit.shadows.size > 0 && response.ok) copy(c, visit.shadows, fetch, count);
      return response;
    } finally {
      c.var.exchange.arm = visit.arm;
      visit.end();
    }
  };
}
