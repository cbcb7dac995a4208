/**
 * Upstreams that are a Service of Kubernetes: each becomes one upstream per ready endpoint, so that the gateway's strategies (load, prefix, least
 * outstanding) choose among pods. Pure: a configuration and lists of endpoints in, a configuration out. How lists come, `FollowService` knows.
 */
import type { GatewayConfig } from "../config/gateway-config.ts";
import { gatewayErrors } from "../errors.ts";
import { refusedAddress } from "../upstreams/address.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import type { ServiceReference } from "../upstreams/service-reference.ts";
import type { ModelRoute, Target } from "./route.ts";

export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface ServiceListener {
  /** Endpoints that take new requests, each time that they change. */
  onEndpoints(endpoints: readonly ServiceEndpoint[]): void;
  /** The list cannot be had at the moment; the last one stays. */
  onTrouble(text: string): void;
}

/** Follows a Service until the returned function is called. */
export type FollowService = (service: ServiceReference, listener: ServiceListener) => () => void;

/** By the upstream's name in the file. */
type KnownEndpoints = ReadonlyMap<string, readonly ServiceEndpoint[]>;

const hostOf = ({ address, port }: ServiceEndpoint): string => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);

/** `mail@10.0.0.7:8080`. Names of the file have no `@`. */
const endpointId = (upstream: string, endpoint: ServiceEndpoint): string => `${upstream}@${hostOf(endpoint)}`;

/** The upstream or target of the file: pods come and go, and series of metrics would grow with each. */
export const withoutEndpoint = (id: string): string => id.replace(/@[^/]+/, "");

function endpointConfig(config: UpstreamConfig, endpoint: ServiceEndpoint): UpstreamConfig {
  const url = new URL(config.url);
  url.host = hostOf(endpoint);
  const { service: _, ...rest } = config;
  return { ...rest, url, ...(url.protocol === "https:" ? { serverName: config.url.hostname } : {}) };
}

/** The endpoints share the target's weight, so that a canary's share does not depend on how many pods each version has. */
function endpointTargets(target: Target, endpoints: readonly ServiceEndpoint[]): Target[] {
  return endpoints.map(endpoint => {
    const upstream = endpointId(target.upstream, endpoint);
    return {
      ...target,
      id: `${upstream}/${target.model}`,
      upstream,
      ofUpstream: target.upstream,
      weight: target.weight / endpoints.length,
    };
  });
}

/** Upstreams that are named apart from models' targets: they keep the Service's own address. */
function namedApart(config: GatewayConfig): Set<string> {
  const names = new Set(config.passThrough.map(p => p.upstream));
  for (const { shadow } of config.routes.values()) if (shadow) names.add(shadow.target.upstream);
  return names;
}

/** The configuration with the endpoints that are known. An upstream whose list has not come yet is asked by the Service's own address. */
export function withEndpoints(config: GatewayConfig, known: KnownEndpoints): GatewayConfig {
  const usable = new Map<string, readonly ServiceEndpoint[]>();
  for (const [id, endpoints] of known) {
    const upstream = config.upstreams.get(id);
    if (upstream?.service)
      usable.set(
        id,
        endpoints.filter(e => refusedAddress(e.address, upstream.network) === undefined),
      );
  }
  if (usable.size === 0) return config;
  const apart = namedApart(config);
  const upstreams = new Map<string, UpstreamConfig>();
  for (const [id, upstream] of config.upstreams) {
    const endpoints = usable.get(id);
    if (!endpoints || apart.has(id)) upstreams.set(id, upstream);
    for (const endpoint of endpoints ?? []) upstreams.set(endpointId(id, endpoint), endpointConfig(upstream, endpoint));
  }
  const expanded = (targets: readonly Target[]) =>
    targets.flatMap(t => {
      const endpoints = usable.get(t.upstream);
      return endpoints ? endpointTargets(t, endpoints) : [t];
    });
  const routed = (route: ModelRoute): ModelRoute => ({
    ...route,
    targets: expanded(route.targets),
    rules: route.rules?.map(rule => ({ ...rule, route: routed(rule.route) })),
  });
  const made = new Map<ModelRoute, ModelRoute>();
  const routes = new Map<string, ModelRoute>();
  for (const [name, route] of config.routes) {
    const whole = made.get(route) ?? routed(route);
    made.set(route, whole);
    routes.set(name, whole);
  }
  return { ...config, upstreams, routes };
}

const sameEndpoints = (a: readonly ServiceEndpoint[] | undefined, b: readonly ServiceEndpoint[]): boolean =>
  a !== undefined && a.length === b.length && a.every((e, i) => e.address === b[i]!.address && e.port === b[i]!.port);

interface Followed {
  readonly text: string;
  readonly stop: () => void;
}

/** The Services of the running configuration, and what is known of each. */
export class FollowedServices {
  readonly #follow: FollowService | undefined;
  readonly #changed: () => void;
  readonly #trouble: (text: string) => void;
  readonly #followed = new Map<string, Followed>();
  readonly #known = new Map<string, readonly ServiceEndpoint[]>();

  constructor(follow: FollowService | undefined, changed: () => void, trouble: (text: string) => void = () => {}) {
    this.#follow = follow;
    this.#changed = changed;
    this.#trouble = trouble;
  }

  get known(): KnownEndpoints {
    return this.#known;
  }

  /** Errors: gateway/config where nothing follows Services. */
  check({ upstreams }: GatewayConfig): void {
    if (this.#follow) return;
    for (const [id, { service }] of upstreams)
      if (service)
        throw gatewayErrors.fail("config", {
          place: `upstreams.${id}.kubernetes`,
          expected: "a gateway that was opened with `followService`",
          received: service.service,
          hint: "Run it by `loam gateway`, or give the server's `url` alone.",
        });
  }

  /** Follows the Services of a configuration and no others. One that it had before stays as it is, with its list. */
  take(config: GatewayConfig): void {
    this.check(config);
    const { upstreams } = config;
    const wanted = new Map<string, ServiceReference>();
    for (const [id, { service }] of upstreams) if (service) wanted.set(id, service);
    for (const [id, { text, stop }] of this.#followed) {
      if (JSON.stringify(wanted.get(id)) === text) continue;
      stop();
      this.#followed.delete(id);
      this.#known.delete(id);
    }
    for (const [id, service] of wanted) if (!this.#followed.has(id)) this.#start(id, service);
  }

  #start(id: string, service: ServiceReference): void {
    const text = JSON.stringify(service);
    const stop = this.#follow!(service, {
      onEndpoints: endpoints => {
        if (this.#followed.has(id) && this.#followed.get(id)!.text !== text) return;
        const sorted = endpoints.toSorted((a, b) => (hostOf(a) < hostOf(b) ? -1 : 1));
        if (sameEndpoints(this.#known.get(id), sorted)) return;
        this.#known.set(id, sorted);
        this.#changed();
      },
      onTrouble: text => this.#trouble(`upstreams.${id}.kubernetes: ${text}`),
    });
    this.#followed.set(id, { text, stop });
  }

  close(): void {
    for (const { stop } of this.#followed.values()) stop();
    this.#followed.clear();
  }
}
