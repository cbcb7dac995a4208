/**
 * For tests: each export read as its target reads it, and asked whether it lets a request through. Written from the targets' documentation, apart from
 * what makes the exports.
 */
import { createContext, runInContext } from "node:vm";
import Ajv from "ajv-draft-04";
import { parse, parseAllDocuments } from "yaml";
import type { ExportTarget } from "./export.ts";

export interface Asked {
  readonly keyId: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly dataClass: string | null;
  readonly nowMs: number;
}

export type Judge = (asked: Asked) => boolean;
type Files = ReadonlyMap<string, string>;
// biome-ignore lint/suspicious/noExplicitAny: documents of other programs, looked into freely
type Any = any;

const isValid = (() => {
  // its types are of CommonJS, where the class is `default`
  const ajv = new (Ajv as unknown as typeof Ajv.default)({ strict: false });
  const compiled = new Map<string, (value: unknown) => boolean>();
  return (schema: unknown, value: unknown): boolean => {
    const text = JSON.stringify(schema);
    let check = compiled.get(text);
    if (!check) {
      check = ajv.compile(schema as object) as (value: unknown) => boolean;
      compiled.set(text, check);
    }
    return check(value);
  };
})();

function aws(files: Files): Judge {
  const { Resources: all } = JSON.parse(files.get("template.json")!) as Any;
  return ({ keyId, path, body }) => {
    const key = Object.keys(all).find(
      id => all[id].Type === "AWS::ApiGateway::ApiKey" && all[id].Properties.Name["Fn::Sub"].endsWith(`-${keyId}`),
    );
    const link = Object.values(all).find((r: Any) => r.Type === "AWS::ApiGateway::UsagePlanKey" && r.Properties.KeyId.Ref === key) as Any;
    if (!link) return false;
    const stages = all[link.Properties.UsagePlanId.Ref].Properties.ApiStages as Any[];
    return stages.some(stage => {
      const api = all[stage.ApiId.Ref].Properties.Body;
      const operation = api.paths[path]?.post;
      if (!operation) return false;
      const { $ref } = operation.requestBody.content["application/json"].schema;
      return isValid(api.components.schemas[$ref.split("/").at(-1)], body);
    });
  };
}

function kong(files: Files): Judge {
  const { services, consumers } = parse(files.get("kong.yaml")!) as Any;
  return ({ keyId, path, body }) => {
    const consumer = consumers.find((c: Any) => c.username === keyId);
    const route = services[0].routes.find((r: Any) => r.paths.some((p: string) => new RegExp(`^${p.slice(1)}`).test(path)));
    if (!consumer || !route) return false;
    const plugins = (name: string): Any[] => route.plugins.filter((p: Any) => p.name === name);
    const groups = consumer.acls.map((a: Any) => a.group);
    if (!plugins("acl").every(p => p.config.allow.some((g: string) => groups.includes(g)))) return false;
    const checkers = plugins("request-validator");
    // of several, the consumer's own goes before everybody's
    const own = checkers.find(p => p.consumer === keyId) ?? checkers.find(p => p.consumer === undefined);
    return own !== undefined && isValid(JSON.parse(own.config.body_schema), body);
  };
}

function envoy(files: Files): Judge {
  const all = parseAllDocuments(files.get("gateway.yaml")!).map(d => d.toJS() as Any);
  const kind = (name: string): Any[] => all.filter(d => d?.kind === name);
  return ({ keyId, path, body, dataClass }) => {
    const headers: Record<string, string> = {
      "x-loam-client": keyId,
      "x-gateway-model-name": String(body.model),
      ...(dataClass === null ? {} : { "x-loam-data-class": dataClass }),
    };
    const route = kind("HTTPRoute").find(r =>
      r.spec.rules[0].matches.some(
        (m: Any) => m.path.value === path && m.headers.every((h: Any) => new RegExp(h.value).test(headers[h.name] ?? "")),
      ),
    );
    const policy = kind("SecurityPolicy").find(p => p.spec.targetRefs.some((t: Any) => t.name === route?.metadata.name));
    if (!route || !policy) return false;
    for (const rule of policy.spec.authorization.rules)
      if (rule.principal.headers.every((h: Any) => h.values.includes(headers[h.name]))) return rule.action === "Allow";
    return policy.spec.authorization.defaultAction === "Allow";
  };
}

function apigee(files: Files): Judge {
  const program = files.get("apiproxy/resources/jsc/policy.js")! + files.get("apiproxy/resources/jsc/decide.js")!;
  const proxy = files.get("apiproxy/proxies/default.xml")!;
  return ({ keyId, path, body, dataClass, nowMs }) => {
    if (!proxy.includes(`(proxy.pathsuffix = &quot;${path}&quot;)`)) return false;
    const variables: Record<string, unknown> = {
      "request.content": JSON.stringify(body),
      "developer.app.name": keyId,
      "proxy.pathsuffix": path,
      "request.header.x-loam-data-class": dataClass,
      "system.timestamp": nowMs,
      "client.ip": "10.0.0.1",
    };
    const context = {
      getVariable: (name: string) => variables[name] ?? null,
      setVariable: (name: string, value: unknown) => {
        variables[name] = value;
      },
    };
    runInContext(program, createContext({ context }));
    return variables["loam.verdict"] === "allowed";
  };
}

export const judges: { readonly [T in ExportTarget]: (files: Files) => Judge } = { aws, kong, envoy, apigee };
