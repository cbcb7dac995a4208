/** Objects of the Gateway API, and of its Inference Extension: a route to the Service, or to a pool whose endpoint picker knows the load of each pod. */
import { imagePort } from "../image/plan.ts";
import type { DeployedVersion } from "../version.ts";
import { metadataOf, selectorOf } from "./common.ts";
import type { Manifest } from "./document.ts";
import type { GatewayWishes, KubernetesWishes } from "./wishes.ts";

const endpointPickerPort = 9002;
const poolGroup = "inference.networking.k8s.io";

const httpRoute = (v: DeployedVersion, w: KubernetesWishes, g: GatewayWishes): Manifest => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: metadataOf(v, w),
  spec: {
    parentRefs: [
      {
        group: "gateway.networking.k8s.io",
        kind: "Gateway",
        name: g.gateway,
        ...(g.gatewayNamespace === undefined ? {} : { namespace: g.gatewayNamespace }),
      },
    ],
    ...(g.hostname === undefined ? {} : { hostnames: [g.hostname] }),
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/v1" } }],
        backendRefs: [
          g.endpointPicker === undefined
            ? { group: "", kind: "Service", name: w.name, port: 80, weight: 1 }
            : { group: poolGroup, kind: "InferencePool", name: w.name, weight: 1 },
        ],
        // a stream is as long as its response
        timeouts: { request: "0s" },
      },
    ],
  },
});

const inferencePool = (v: DeployedVersion, w: KubernetesWishes, picker: string): Manifest => ({
  apiVersion: `${poolGroup}/v1`,
  kind: "InferencePool",
  metadata: metadataOf(v, w),
  spec: {
    selector: { matchLabels: selectorOf(w.name) },
    targetPorts: [{ number: imagePort }],
    endpointPickerRef: { group: "", kind: "Service", name: picker, port: { number: endpointPickerPort }, failureMode: "FailOpen" },
  },
});

export const routingObjects = (v: DeployedVersion, w: KubernetesWishes): Readonly<Record<string, Manifest>> =>
  w.gateway === undefined
    ? {}
    : {
        httproute: httpRoute(v, w, w.gateway),
        ...(w.gateway.endpointPicker === undefined ? {} : { inferencepool: inferencePool(v, w, w.gateway.endpointPicker) }),
      };
