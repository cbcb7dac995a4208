/**
 * `external.metrics.k8s.io/v1beta1`, answered by each replica of the operator itself: running and queued requests of a LoamModel's pods, so a
 * HorizontalPodAutoscaler needs no adapter. The API server passes requests on after it has authorised them; a client that shows another certificate than the
 * API server's proxy is refused.
 */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../base/index.ts";
import { type KubernetesClient, type KubernetesObject, kubernetesResources } from "../../kubernetes/index.ts";
import { deployErrors } from "../errors.ts";
import { selfSigned } from "./certificate.ts";
import { labelNames, requestsMetric } from "./children.ts";
import { isReadyPod } from "./objects.ts";
import { readPods } from "./run-operator.ts";
import { loamModelSpec } from "./spec.ts";
import type { ClusterView } from "./view.ts";

interface ExternalMetricsOptions {
  readonly client: KubernetesClient;
  readonly view: ClusterView;
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const apiVersion = "external.metrics.k8s.io/v1beta1";
/** Autoscalers ask each few seconds, and for the same pods. */
const keptMs = 1_000;

/** Which certificates the API server's proxy shows, as it publishes them. */
async function frontProxy(client: KubernetesClient): Promise<{ readonly ca: string; readonly names: readonly string[] }> {
  const at = { namespace: "kube-system", name: "extension-apiserver-authentication" };
  const { data = {} } = await client.get<KubernetesObject & { readonly data?: Readonly<Record<string, string>> }>(
    kubernetesResources.configMaps,
    at,
  );
  const ca = data["requestheader-client-ca-file"];
  if (ca === undefined)
    throw deployErrors.fail("missing", {
      place: "ConfigMap kube-system/extension-apiserver-authentication",
      expected: "requestheader-client-ca-file",
      received: "none",
      hint: "Start the API server with --requestheader-client-ca-file: without it no further API can be served.",
    });
  return { ca, names: JSON.parse(data["requestheader-allowed-names"] ?? "[]") as string[] };
}

/** `loam.dev/name=mail`, as a selector's text; others select nothing. */
function selectedModel(selector: string): string | undefined {
  const [, name] = new RegExp(`^${labelNames.model}(?:==?)([a-z0-9.-]+)$`).exec(selector.trim()) ?? [];
  return name;
}

/** Requests of a model; undefined where no pod could be read. */
async function requestsOf(o: ExternalMetricsOptions, namespace: string, name: string): Promise<number | undefined> {
  const model = o.view.model(`${namespace}/${name}`);
  if (!model) return undefined;
  const pods = o.view.pods(namespace, name).filter(p => isReadyPod(p) && p.metadata.labels?.[labelNames.traffic] === "live");
  const figures = await readPods(pods, loamModelSpec.parse(model.spec).port, o.signal);
  if (figures.size === 0) return undefined;
  // pods that did not answer are taken to be as busy as the others
  const read = [...figures.values()].reduce((sum, f) => sum + f.load, 0);
  return (read / figures.size) * pods.length;
}

type Answer = readonly [status: number, body: object];
const status = (code: number, reason: string, message: string): Answer => [
  code,
  { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message },
];

function openAnswers(o: ExternalMetricsOptions): (path: string, query: URLSearchParams) => Promise<Answer> {
  const kept = new Map<string, { readonly answer: Promise<number | undefined>; readonly atMs: number }>();
  const load = (namespace: string, name: string) => {
    const key = `${namespace}/${name}`;
    const old = kept.get(key);
    if (old && o.clock.monotonic() - old.atMs < keptMs) return old.answer;
    const answer = requestsOf(o, namespace, name);
    kept.set(key, { answer, atMs: o.clock.monotonic() });
    return answer;
  };
  return async (path, query) => {
    const root = `/apis/${apiVersion}`;
    if (path === root) {
      const resource = { name: requestsMetric, singularName: "", namespaced: true, kind: "ExternalMetricValueList", verbs: ["get"] };
      return [200, { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources: [resource] }];
    }
    const [, namespace, metric] = /^\/namespaces\/([^/]+)\/([^/]+)$/.exec(path.startsWith(root) ? path.slice(root.length) : "") ?? [];
    if (namespace === undefined || metric !== requestsMetric)
      return status(404, "NotFound", `expected ${root}/namespaces/NAMESPACE/${requestsMetric}`);
    const name = selectedModel(query.get("labelSelector") ?? "");
    if (name === undefined) return status(400, "BadRequest", `expected labelSelector ${labelNames.model}=NAME`);
    const value = await load(namespace, name);
    if (value === undefined) return status(503, "ServiceUnavailable", `no pod of LoamModel ${namespace}/${name} could be read`);
    const item = {
      metricName: metric,
      metricLabels: { [labelNames.model]: name },
      timestamp: new Date(o.clock.now()).toISOString(),
      value: `${Math.round(value * 1000)}m`,
    };
    return [200, { kind: "ExternalMetricValueList", apiVersion, metadata: {}, items: [item] }];
  };
}

export interface ExternalMetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `/healthz` and `/readyz` are for probes, without a certificate. Errors: deploy/missing, kubernetes/*. */
export async function serveExternalMetrics(o: ExternalMetricsOptions): Promise<ExternalMetricsServer> {
  const proxy = await frontProxy(o.client);
  const answers = openAnswers(o);
  const own = selfSigned(["loam-operator", "localhost"], o.clock.now());
  const isProxy = (socket: TLSSocket) => {
    const { subject } = socket.getPeerCertificate();
    return socket.authorized && (proxy.names.length === 0 || proxy.names.includes(String(subject?.CN)));
  };
  const server: Server = createServer({ ...own, ca: proxy.ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const url = new URL(request.url ?? "/", "https://operator");
    const send = ([code, body]: Answer) => response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    request.resume();
    if (url.pathname === "/healthz") return void send([200, { status: "ok" }]);
    if (url.pathname === "/readyz") return void send([o.view.isListed ? 200 : 503, { status: o.view.isListed ? "ok" : "listing" }]);
    // the server made this socket
    if (!isProxy(request.socket as TLSSocket))
      return void send(status(401, "Unauthorized", "expected the certificate of the API server's proxy"));
    answers(url.pathname, url.searchParams)
      .catch(error => status(500, "InternalError", error instanceof Error ? error.message : String(error)))
      .then(send);
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(o.port, o.host, done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };
}
