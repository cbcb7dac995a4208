/**
 * Kubernetes' Gateway API with Envoy Gateway: an HTTPRoute for each address and model, a SecurityPolicy that knows keys and says which of them may come, a
 * BackendTrafficPolicy with the limits. The model is a header that the Gateway API Inference Extension's body-based router takes out of the
 * body; servers in the cluster that are chosen by load become an InferencePool.
 */
import { stringify } from "yaml";
import type { ModelRoute } from "../../routing/route.ts";
import { namePattern } from "./body-schema.ts";
import { backendsOf } from "./envoy-backends.ts";
import { clientHeader, envoyLimits, modelHeader } from "./envoy-limits.ts";
import { type Audience, type Clause, type ExportDifference, type ExportedAddress, planOf } from "./plan.ts";
import { type Exporter, modelRenames, plainName, routesOf, routingDifferences } from "./target.ts";

interface Rule {
  readonly name: string;
  readonly action: "Allow" | "Deny";
  readonly principal: { readonly headers: readonly { readonly name: string; readonly values: readonly string[] }[] };
}

/** Most values that a rule's header has. */
const mostValues = 256;

/** A clause for the callers of an audience, on the route of one model. */
function ruleOf(name: string, action: Rule["action"], ids: readonly string[], clause: Clause, called: readonly string[]): Rule {
  const labelled = clause.labels && called.flatMap(c => clause.labels!.map(label => `${c}@${label}`));
  return {
    name,
    action,
    principal: {
      headers: [
        { name: clientHeader, values: ids },
        ...(labelled ? [{ name: modelHeader, values: labelled }] : []),
        ...(clause.dataClasses ? [{ name: "x-loam-data-class", values: clause.dataClasses }] : []),
      ],
    },
  };
}

/** The first that fits decides, so denials stand first; what none fits is denied. */
function authorization(audiences: readonly Audience[], { path }: ExportedAddress, called: readonly string[]): Rule[] {
  const rules: Rule[] = [];
  for (const [action, effect] of [
    ["Deny", "deny"],
    ["Allow", "allow"],
  ] as const)
    for (const audience of audiences) {
      const ids = audience.consumers.map(c => c.id);
      for (const clause of audience.gates.get(path)?.[effect] ?? []) {
        const names = called.filter(c => clause.models.includes(c));
        if (names.length === 0) continue;
        for (let i = 0; i < ids.length; i += mostValues)
          rules.push(
            ruleOf(plainName(`${effect}-${clause.policy}-${rules.length}`, effect), action, ids.slice(i, i + mostValues), clause, names),
          );
      }
    }
  return rules;
}

const httpRoute = (name: string, rule: object) => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name },
  spec: { parentRefs: [{ name: "loam" }], rules: [rule] },
});

const securityPolicy = (target: { readonly name: string }, rules: readonly object[]) => ({
  apiVersion: "gateway.envoyproxy.io/v1alpha1",
  kind: "SecurityPolicy",
  metadata: { name: target.name },
  spec: {
    targetRefs: [target],
    apiKeyAuth: {
      credentialRefs: [{ group: "", kind: "Secret", name: "loam-keys" }],
      extractFrom: [{ headers: ["Authorization", "x-api-key"] }],
      forwardClientIDHeader: clientHeader,
      sanitize: true,
    },
    authorization: { defaultAction: "Deny", rules },
  },
});

export const exportEnvoy: Exporter = given => {
  const { config, access, consumers, backend } = given;
  const plan = planOf(config, access, consumers, c => (["parameters", "when"] as const).filter(k => c[k] !== undefined));
  const limits = envoyLimits(given, consumers);
  const differences: ExportDifference[] = [...plan.differences, ...limits.differences];
  const documents: object[] = [];
  const targets: object[] = [];
  const backends = backendsOf(given);
  documents.push(...backends.documents);
  differences.push(...backends.differences);
  const calledOf = (route: ModelRoute): string[] => [...config.routes].filter(([, r]) => r === route).map(([called]) => called);
  for (const address of plan.addresses)
    for (const [i, route] of routesOf(config).entries()) {
      const called = calledOf(route);
      const rules = authorization(plan.audiences, address, called);
      if (!rules.some(r => r.action === "Allow")) continue;
      const name = `loam-${plainName(address.path.slice("/v1/".length), "api")}-${i + 1}-${plainName(route.name, "model")}`;
      const target = { group: "gateway.networking.k8s.io", kind: "HTTPRoute", name };
      targets.push(target);
      const matches = [
        {
          path: { type: "Exact", value: address.path },
          method: "POST",
          headers: [{ type: "RegularExpression", name: modelHeader, value: namePattern({ models: called }) }],
        },
      ];
      const timeouts = { request: `${Math.round(config.totalMs / 1000)}s` };
      documents.push(httpRoute(name, { matches, ...backends.of(route, address), timeouts }), securityPolicy(target, rules));
    }
  if (limits.rules.length > 0 && targets.length > 0)
    documents.push({
      apiVersion: "gateway.envoyproxy.io/v1alpha1",
      kind: "BackendTrafficPolicy",
      metadata: { name: "loam-limits" },
      spec: { targetRefs: targets, rateLimit: { type: "Global", global: { rules: limits.rules } } },
    });
  if (!backend) differences.push(...modelRenames(config));
  differences.push(
    ...routingDifferences(given, ["weights"]),
    {
      place: "secrets",
      why: `make the Secret loam-keys: one entry a key, its name the key's id (${consumers
        .slice(0, 3)
        .map(c => c.id)
        .join(", ")})`,
    },
    {
      place: "model",
      why: `the body-based router of the Inference Extension must set ${modelHeader}, and overwrite it where a client sends one`,
    },
    {
      place: "limits",
      why: "the Gateway needs the rate limit service (Redis); what it cannot reach passes unless the EnvoyProxy says otherwise",
    },
  );
  return { files: new Map([["gateway.yaml", documents.map(d => stringify(d, { lineWidth: 0 })).join("---\n")]]), differences };
};
