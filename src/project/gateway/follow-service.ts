/**
 * Endpoints of Services for the gateway, from the EndpointSlices of the cluster that KUBECONFIG or the pod's account names. A pod that is terminating takes
 * no new requests, unless every other is gone (as kube-proxy has it, KEP-1669). While the API server is away the last list stays.
 */
import { type Environment, environment } from "../../base/index.ts";
import type { FollowService, ServiceEndpoint, ServiceReference } from "../../gateway/index.ts";
import type { KubernetesClient, KubernetesObject } from "../../kubernetes/index.ts";

/** What is read of an EndpointSlice (discovery.k8s.io/v1). */
export interface EndpointSlice extends KubernetesObject {
  readonly addressType: string;
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] | null;
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
      }[]
    | null;
}

interface Resolved {
  readonly endpoints: readonly ServiceEndpoint[];
  /** Why slices were left out; undefined where none was. */
  readonly problem?: string;
}

function portOf({ ports }: EndpointSlice, wanted: ServiceReference["port"]): { readonly port?: number; readonly problem?: string } {
  const tcp = (ports ?? []).filter(p => (p.protocol ?? "TCP") === "TCP" && p.port !== undefined);
  const fitting = wanted === undefined ? tcp : tcp.filter(p => p.name === wanted || p.port === wanted);
  if (fitting.length === 1) return { port: fitting[0]!.port! };
  const has = tcp.map(p => p.name || String(p.port)).join(", ") || "none";
  return {
    problem: wanted === undefined ? `expected \`port\`, since the Service has the ports ${has}` : `expected the port ${wanted}, got ${has}`,
  };
}

/** The endpoints that take new requests: those that are ready; where none is, those that still serve while they terminate. Of two address families IPv4. */
export function endpointsOf(slices: readonly EndpointSlice[], wanted: ServiceReference["port"]): Resolved {
  const [ready, serving] = [new Map<string, ServiceEndpoint>(), new Map<string, ServiceEndpoint>()];
  const families = new Set(slices.filter(s => (s.endpoints ?? []).length > 0).map(s => s.addressType));
  const family = families.has("IPv4") ? "IPv4" : "IPv6";
  let problem: string | undefined;
  for (const slice of slices) {
    if (slice.addressType !== family || !slice.endpoints?.length) continue;
    const found = portOf(slice, wanted);
    if (found.port === undefined) {
      problem ??= found.problem;
      continue;
    }
    for (const { addresses, conditions = {} } of slice.endpoints) {
      // all addresses of an endpoint are the same pod's
      const [address] = addresses;
      if (address === undefined) continue;
      const endpoint = { address, port: found.port };
      if (conditions.ready !== false && conditions.terminating !== true) ready.set(`${address} ${found.port}`, endpoint);
      else if (conditions.serving === true) serving.set(`${address} ${found.port}`, endpoint);
    }
  }
  const endpoints = [...(ready.size > 0 ? ready : serving).values()];
  return { endpoints, ...(problem === undefined ? {} : { problem }) };
}

/** Follows Services by one client, which is opened with the first of them. `open` is for tests. */
export function followServices(variables: Environment, open?: () => Promise<KubernetesClient>): FollowService {
  let client: Promise<KubernetesClient> | undefined;
  const opened = async () => {
    const { openKubernetesAccount, openKubernetesClient } = await import("../../kubernetes/index.ts");
    return openKubernetesClient(openKubernetesAccount(variables));
  };
  return ({ service, namespace, port }, { onEndpoints, onTrouble }) => {
    const stop = new AbortController();
    let [trouble, isListed] = [undefined as string | undefined, false];
    const tell = (text: string | undefined) => {
      if (text !== undefined && text !== trouble) onTrouble(text);
      trouble = text;
    };
    const follow = async (): Promise<void> => {
      const { kubernetesResources, mirrorResource } = await import("../../kubernetes/index.ts");
      client ??= (open ?? opened)();
      const take = () => {
        if (stop.signal.aborted) return;
        const { endpoints, problem } = endpointsOf([...mirror.objects.values()], port);
        tell(problem);
        if (problem === undefined || endpoints.length > 0) onEndpoints(endpoints);
      };
      // a list that was requested again is taken over object by object: it counts when it is whole
      let isTaking = false;
      const soon = () => {
        if (isTaking || !isListed) return;
        isTaking = true;
        setImmediate(() => {
          isTaking = false;
          take();
        });
      };
      const mirror = mirrorResource<EndpointSlice>(
        await client,
        kubernetesResources.endpointSlices,
        {
          namespace,
          labels: `kubernetes.io/service-name=${service}`,
          signal: stop.signal,
          failed: error => tell(`the API server is not reached; the last list stays: ${error.message}`),
        },
        soon,
      );
      mirror.listed.then(
        () => {
          isListed = true;
          take();
        },
        () => {},
      );
      await mirror.done;
    };
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted)
        onTrouble(`the Service's endpoints are not followed: ${error instanceof Error ? error.message : String(error)}`);
    });
    return () => stop.abort();
  };
}

/** What a gateway is opened with, so that its upstreams may be Services of the cluster that this command's variables name. */
export const servicesFor = (warn: (text: string) => void) => ({
  followService: followServices(environment()),
  onServiceTrouble: (text: string) => warn(`loam gateway: ${text}`),
});
