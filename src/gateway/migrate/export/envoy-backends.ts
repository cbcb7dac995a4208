/** Where an HTTPRoute's requests go: Envoy Gateway's Backend for any address, weighted; an InferencePool for servers of the cluster chosen by load. */
import { isIP } from "node:net";
import type { ModelRoute } from "../../routing/route.ts";
import type { ExportDifference, ExportedAddress } from "./plan.ts";
import { type ExportGiven, plainName, routesOf } from "./target.ts";

interface Server {
  readonly name: string;
  readonly url: URL;
  readonly hasKey: boolean;
}

const portOf = (url: URL): number => Number(url.port) || (url.protocol === "https:" ? 443 : 80);
/** `NAME.NAMESPACE.svc...` */
const inCluster = (url: URL): string | undefined => /^([a-z0-9-]+)\.[a-z0-9-]+\.svc(\.|$)/.exec(url.hostname)?.[1];

function backendDocuments({ name, url, hasKey }: Server): object[] {
  const address = url.hostname.replace(/^\[|\]$/g, "");
  const endpoint = isIP(address) ? { ip: { address, port: portOf(url) } } : { fqdn: { hostname: address, port: portOf(url) } };
  return [
    {
      apiVersion: "gateway.envoyproxy.io/v1alpha1",
      kind: "Backend",
      metadata: { name },
      spec: { endpoints: [endpoint] },
    },
    ...(url.protocol === "https:"
      ? [
          {
            apiVersion: "gateway.networking.k8s.io/v1",
            kind: "BackendTLSPolicy",
            metadata: { name },
            spec: {
              targetRefs: [{ group: "gateway.envoyproxy.io", kind: "Backend", name }],
              validation: { wellKnownCACertificates: "System", hostname: address },
            },
          },
        ]
      : []),
    ...(hasKey
      ? [
          {
            apiVersion: "gateway.envoyproxy.io/v1alpha1",
            kind: "HTTPRouteFilter",
            metadata: { name },
            spec: {
              credentialInjection: { overwrite: true, credential: { valueRef: { group: "", kind: "Secret", name: `${name}-key` } } },
            },
          },
        ]
      : []),
  ];
}

const poolDocument = (app: string, port: number): object => ({
  apiVersion: "inference.networking.k8s.io/v1",
  kind: "InferencePool",
  metadata: { name: app },
  spec: {
    selector: { matchLabels: { app } },
    targetPorts: [{ number: port }],
    endpointPickerRef: { name: `${app}-epp`, port: { number: 9002 } },
  },
});

interface Backends {
  readonly documents: readonly object[];
  readonly differences: readonly ExportDifference[];
  /** Filters and backends of a rule. */
  of(route: ModelRoute, address: ExportedAddress): object;
}

export function backendsOf({ config, backend }: ExportGiven): Backends {
  const servers = new Map<string, Server>();
  if (backend) servers.set("", { name: "loam-backend", url: backend, hasKey: true });
  else
    for (const [id, { url, headers }] of config.upstreams)
      servers.set(id, { name: `loam-${plainName(id, "upstream")}`, url, hasKey: headers.authorization !== undefined });
  const pools = new Map<string, object>();
  const differences: ExportDifference[] = [];
  const poolOf = (route: ModelRoute): string | undefined => {
    if (backend || route.strategy === "weighted" || route.targets.length !== 1) return undefined;
    const { url } = config.upstreams.get(route.targets[0]!.upstream)!;
    const app = inCluster(url);
    if (app) pools.set(app, poolDocument(app, portOf(url)));
    return app;
  };
  for (const route of routesOf(config)) {
    const app = poolOf(route);
    const used = new Set(route.targets.map(t => t.upstream));
    if (!backend && used.size > 1 && [...used].some(id => servers.get(id)!.hasKey))
      differences.push({
        place: `models.${route.name}.targets`,
        why: `a rule sends one key or none, and its servers have their own: none is sent`,
      });
    if (app)
      differences.push({
        place: `models.${route.name}`,
        why: `InferencePool ${app}: its pods need the label app=${app}, and the endpoint picker ${app}-epp`,
      });
  }
  for (const { name, hasKey } of servers.values())
    if (hasKey)
      differences.push({ place: "secrets", why: `make the Secret ${name}-key: entry "credential" with "Bearer KEY" of that server` });
  return {
    documents: [...[...servers.values()].flatMap(backendDocuments), ...pools.values()],
    differences,
    of(route, { path }) {
      const first = Math.min(...route.targets.map(t => t.priority));
      const used = backend ? [{ upstream: "", weight: 1 }] : route.targets.filter(t => t.priority === first);
      const app = poolOf(route);
      const [main] = used.map(t => servers.get(t.upstream)!);
      const isAlone = new Set(used.map(t => t.upstream)).size === 1;
      const base = main!.url.pathname.replace(/\/+$/, "");
      const filters = [
        ...(base === "/v1"
          ? []
          : [
              {
                type: "URLRewrite",
                urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: `${base}${path.slice("/v1".length)}` } },
              },
            ]),
        // a filter is for all servers of a rule: one's key must not reach another
        ...(main!.hasKey && isAlone
          ? [{ type: "ExtensionRef", extensionRef: { group: "gateway.envoyproxy.io", kind: "HTTPRouteFilter", name: main!.name } }]
          : []),
      ];
      return {
        ...(filters.length > 0 ? { filters } : {}),
        backendRefs: app
          ? [{ group: "inference.networking.k8s.io", kind: "InferencePool", name: app }]
          : used.map(t => ({
              group: "gateway.envoyproxy.io",
              kind: "Backend",
              name: servers.get(t.upstream)!.name,
              port: portOf(servers.get(t.upstream)!.url),
              weight: Math.round(t.weight * scaleOf(used)),
            })),
      };
    },
  };
}

/** Weights there are whole numbers up to a million. */
const scaleOf = (targets: readonly { readonly weight: number }[]): number =>
  targets.every(t => Number.isInteger(t.weight)) ? 1 : 1_000 / Math.max(...targets.map(t => t.weight));
