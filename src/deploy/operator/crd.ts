/** The CustomResourceDefinition of LoamModel: its structural schema comes from the spec's schema, so both say the same. */
import { z } from "zod";
import { loamModelSpec, loamModels } from "./spec.ts";

type Schema = { [key: string]: unknown };

/** JSON Schema as structural schemas have it: unknown fields are pruned by the API server, not refused; optional fields with a default are not required. */
function structural(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structural);
  if (typeof value !== "object" || value === null) return value;
  const { $schema: _, additionalProperties, ...rest } = value as Schema;
  const out = Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, k === "default" || k === "enum" ? v : structural(v)]));
  if (typeof additionalProperties === "object" && !("x-kubernetes-preserve-unknown-fields" in rest))
    out.additionalProperties = structural(additionalProperties);
  return out;
}

const text = (description?: string) => ({ type: "string", ...(description === undefined ? {} : { description }) });
const whole = { type: "integer" };
const chosen = (description: string, more: Schema = {}) => ({
  type: "object",
  description,
  properties: { image: text(), from: text(), ...more },
});

const status = {
  type: "object",
  properties: {
    observedGeneration: whole,
    stable: chosen("what serves"),
    baseline: text("image that the spec's version or alias stood for when a canary of its own version started"),
    lastReady: chosen("last image whose pods were all ready: a failed rollout goes back to it"),
    canary: chosen("what is judged or promoted", {
      phase: text(),
      step: whole,
      weight: whole,
      verdict: text(),
      message: text(),
      requests: whole,
      test: text("state of the sequential test"),
    }),
    shadow: chosen("what gets copies of requests"),
    rejected: {
      type: "array",
      items: { type: "object", properties: { image: text(), generation: whole, reason: text(), message: text() } },
    },
    replicas: whole,
    readyReplicas: whole,
    conditions: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
      items: {
        type: "object",
        required: ["type", "status"],
        properties: {
          type: text(),
          status: { type: "string", enum: ["True", "False", "Unknown"] },
          reason: text(),
          message: text(),
          observedGeneration: whole,
          lastTransitionTime: { type: "string", format: "date-time" },
        },
      },
    },
  },
};

const column = (name: string, jsonPath: string, type = "string", more: object = {}) => ({ name, type, jsonPath, ...more });

export function loamModelDefinition(): object {
  const [group, version] = loamModels.apiVersion.split("/");
  const spec = structural(z.toJSONSchema(loamModelSpec, { io: "input", target: "draft-7" }));
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${loamModels.plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        kind: loamModels.kind,
        listKind: `${loamModels.kind}List`,
        plural: loamModels.plural,
        singular: "loammodel",
        shortNames: ["lm"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column("Version", ".status.stable.from"),
            column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            column("Replicas", ".status.readyReplicas", "integer"),
            column("Canary", ".status.canary.from"),
            column("Weight", ".status.canary.weight", "integer"),
            column("Reason", '.status.conditions[?(@.type=="Ready")].reason'),
            column("Age", ".metadata.creationTimestamp", "date"),
            column("Image", ".status.stable.image", "string", { priority: 1 }),
          ],
          schema: { openAPIV3Schema: { type: "object", required: ["spec"], properties: { spec, status } } },
        },
      ],
    },
  };
}
