/**
 * Objects of the Gateway API. The InferencePool follows the reference of the Gateway API Inference Extension; no schema of it could be had here, so the object
 * says that nothing validated it.
 */
import { imagePort } from "../image/plan.ts";
import type { DeployedVersion } from "../version.ts";
import { type KubernetesObject, metadataOf, selectorOf } from "./common.ts";
import type { GatewayWishes, KubernetesWishes } from "./wishes.ts";

const endpointPickerPort = 9002;
const poolGroup = "inference.networking.k8s.io";

const httpRoute = (v: DeployedVersion, w: KubernetesWishes, g: GatewayWishes): KubernetesObject => ({
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

const inferencePool = (v: DeployedVersion, w: KubernetesWishes, picker: string): KubernetesObject => {
  const metadata = metadataOf(v, w);
  return {
    apiVersion: `${poolGroup}/v1`,
    kind: "InferencePool",
    metadata: { ...metadata, annotations: { ...metadata.annotations, "loam.validated": "not validated: written from the reference" } },
    spec: {
      selector: { matchLabels: selectorOf(w.name) },
      targetPorts: [{ number: imagePort }],
      endpointPickerRef: { group: "", kind: "Service", name: picker, port: { number: endpointPickerPort }, failureMode: "FailOpen" },
    },
  };
};

export const routingObjects = (v: DeployedVersion, w: KubernetesWishes): Readonly<Record<string, KubernetesObject>> =>
  w.gateway === undefined
    ? {}
    : {
        httproute: httpRoute(v, w, w.gateway),
        ...(w.gateway.endpointPicker === undefined ? {} : { inferencepool: inferencePool(v, w, w.gateway.endpointPicker) }),
      };
