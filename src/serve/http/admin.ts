/** /v1/admin: which versions are loaded, their labels and weights; load, unload, point, split. For those whom `access.ts` lets in. */
import { isLoamError } from "../../base/index.ts";
import { serveErrors } from "../errors.ts";
import type { Fleet } from "../lifecycle/fleet.ts";
import { keepAliveMs } from "../lifecycle/keep-alive.ts";
import { restricted } from "./access.ts";
import { adminBodies } from "./console-answers/given.ts";
import { type Contract, get, post } from "./contract.ts";
import { type AppContext, bodyOf, type Services } from "./exchange.ts";
import { parseBody } from "./parse.ts";

/** Errors: serve/unsupported where models neither come nor go. */
export function fleetOf({ fleet }: Services): Fleet {
  if (fleet) return fleet;
  throw serveErrors.fail("unsupported", {
    place: "server",
    message: "this server's models are fixed",
    hint: "`loam serve` has models that come and go.",
  });
}

const list = (c: AppContext, services: Services): Response => c.json({ object: "list", data: fleetOf(services).list() });

/** `NAME@3`, or `NAME` for the newest that there is. */
export async function askedVersion(fleet: Fleet, asked: string): Promise<readonly [name: string, version: number]> {
  const found = /^(.+)@(\d{1,15})$/.exec(asked);
  if (found) return [found[1]!, Number(found[2])];
  const name = asked.replace(/@latest$/, "");
  return [name, await fleet.newestOf(name)];
}
const infoOf = (fleet: Fleet, name: string, version: number) => fleet.list().find(v => v.name === name && v.version === version) ?? null;

/** Errors: serve/unknownModel, serve/unknownVersion, serve/load. */
export async function loadVersion(
  fleet: Fleet,
  name: string,
  version: number,
  options: { readonly keepAliveMs?: number } = {},
): Promise<void> {
  await fleet.checkThere(name, version);
  await fleet.load(name, version, options).catch(error => {
    const message = `it could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
    throw isLoamError(error) && error.code.startsWith("serve/")
      ? error
      : serveErrors.fail("load", { place: `${name}@${version}`, message }, error);
  });
}

async function load(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const body = parseBody(adminBodies.load, await bodyOf(c));
  const [name, version] = await askedVersion(fleet, body.model);
  await loadVersion(fleet, name, version, body.keep_alive == null ? {} : { keepAliveMs: keepAliveMs(body.keep_alive) });
  return c.json(infoOf(fleet, name, version));
}

async function unload(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const body = parseBody(adminBodies.unload, await bodyOf(c));
  const found = /^(.+)@(\d{1,15})$/.exec(body.model);
  if (!found)
    throw serveErrors.fail("parameter", {
      place: "model",
      expected: "a version: NAME@3",
      received: JSON.stringify(body.model.slice(0, 100)),
    });
  await fleet.unload(found[1]!, Number(found[2]), { force: body.force ?? false });
  return c.json({ model: body.model, state: "unloaded" });
}

const ofName = (fleet: Fleet, n: string) => ({ object: "list", data: fleet.list().filter(v => v.name === n) });

async function label(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const body = parseBody(adminBodies.label, await bodyOf(c));
  fleet.label(body.name, body.label, body.version ?? undefined);
  return c.json(ofName(fleet, body.name));
}

const mapOf = (of: Readonly<Record<string, number>>) => new Map(Object.entries(of).map(([v, w]) => [Number(v), w]));

async function split(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const body = parseBody(adminBodies.split, await bodyOf(c));
  fleet.split(body.name, mapOf(body.weights ?? {}), mapOf(body.shadow ?? {}));
  return c.json(ofName(fleet, body.name));
}

async function policy(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const { name: of, policy: asked } = parseBody(adminBodies.policy, await bodyOf(c));
  const errors = await fleet.follow(
    of,
    "latest" in asked
      ? { kind: "latest", count: asked.latest }
      : "all" in asked
        ? { kind: "all" }
        : { kind: "specific", versions: asked.versions },
  );
  return c.json({ ...ofName(fleet, of), failed: errors.map(e => (e instanceof Error ? e.message : String(e))) });
}

/** Looks at the record's aliases and versions now, not at the next look; of one model or of all. */
async function follow(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const { name } = parseBody(adminBodies.follow, await bodyOf(c));
  const failed: unknown[] = [];
  for (const of of name == null ? new Set(fleet.list().map(v => v.name)) : [name])
    failed.push(...(await fleet.followAliases(of)), ...(await fleet.follow(of)));
  const data = fleet.list().filter(v => name == null || v.name === name);
  return c.json({ object: "list", data, failed: failed.map(e => (e instanceof Error ? e.message : String(e))) });
}

export const admin: Contract = {
  name: "admin",
  endpoint: "admin",
  prefix: "/v1/admin",
  routes: [
    get("/v1/admin/models", restricted(list)),
    post("/v1/admin/load", restricted(load)),
    post("/v1/admin/unload", restricted(unload)),
    post("/v1/admin/label", restricted(label)),
    post("/v1/admin/split", restricted(split)),
    post("/v1/admin/policy", restricted(policy)),
    post("/v1/admin/follow", restricted(follow)),
  ],
};
