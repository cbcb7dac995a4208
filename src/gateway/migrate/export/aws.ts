/**
 * Amazon API Gateway: a REST API for each audience (OpenAPI 3.0.1 with Amazon's extensions, streaming answers), and one CloudFormation template that
 * makes them, their stages, usage plans and keys. A key opens only the APIs of its usage plan, and the body is checked by a schema made of the
 * policies: so who may do what holds without a program of one's own that decides.
 */
import { sha256 } from "../../../base/index.ts";
import { authorizerResources, mayAsk } from "./aws-authorizer.ts";
import { apiDocument, byItself, inTemplate, type OpenApiPlace } from "./aws-openapi.ts";
import { type Audience, type Consumer, type ExportDifference, planOf } from "./plan.ts";
import { dimensionsOf, isConcerned, requestLimits } from "./request-limits.ts";
import { type Exporter, type ExportGiven, jsonText, oneBackend, routingDifferences, uniqueName } from "./target.ts";

interface UsagePlan {
  readonly throttle?: { readonly rate: number; readonly burst: number };
  readonly quota?: { readonly limit: number; readonly period: "DAY" | "MONTH" };
}

/**
 * A bucket that leaks is what Amazon calls throttling: rate a second, burst. Of several the least of each is kept, which holds them all.
 */
function usagePlans(
  { access }: ExportGiven,
  consumers: readonly Consumer[],
): { readonly of: (c: Consumer) => UsagePlan; readonly differences: ExportDifference[] } {
  const { rules, differences } = requestLimits(access);
  const kept = rules.filter(rule => {
    const place = `access.limits.${rule.name}`;
    const per = dimensionsOf(rule, consumers);
    const tell = (why: string): false => {
      differences.push({ place, why });
      return false;
    };
    if (per.length !== 1 || per[0] !== "key") return tell(`usage plans count by key, not by ${rule.per.join(" and ") || "all together"}`);
    if (rule.for.models) return tell("usage plans do not know the model");
    if (rule.period === "total") return tell("a quota has a period");
    return true;
  });
  const of = (c: Consumer): UsagePlan => {
    const mine = kept.filter(rule => isConcerned(rule, c));
    const windows = mine.filter(r => r.window !== undefined);
    const periods = mine.filter(r => r.period !== undefined);
    if (periods.length > 1)
      differences.push({ place: `key ${c.id}`, why: `of its quotas only the smallest is kept (${periods.map(p => p.name).join(", ")})` });
    const [least] = [...periods].sort((a, b) => a.limit - b.limit);
    return {
      ...(windows.length === 0
        ? {}
        : {
            throttle: {
              rate: Math.min(...windows.map(r => r.limit / (r.window! / 1000))),
              burst: Math.min(...windows.map(r => r.burst ?? r.limit)),
            },
          }),
      ...(least ? { quota: { limit: least.limit, period: least.period === "day" ? "DAY" : "MONTH" } } : {}),
    };
  };
  return { of, differences };
}

type Resources = Record<string, { readonly Type: string; readonly Properties: object }>;

/** Logical ids are letters and digits. */
const logical = (text: string): string => uniqueName(text, /[^A-Za-z0-9]/g);

function resourcesOf(audience: Audience, document: object, planFor: (c: Consumer) => UsagePlan): Resources {
  const api = `Api${logical(audience.id)}`;
  // a deployment is made once: another document has another
  const deployment = `${api}Deployment${sha256(JSON.stringify(document)).slice(0, 8)}`;
  const resources: Resources = {
    [api]: {
      Type: "AWS::ApiGateway::RestApi",
      Properties: {
        Name: { "Fn::Sub": `\${AWS::StackName}-${audience.id}` },
        Description: `For ${audience.consumers.map(c => c.name).join(", ")}`.slice(0, 1000),
        // edge-optimised endpoints cut a stream that is silent for 30 s
        EndpointConfiguration: { Types: ["REGIONAL"] },
        FailOnWarnings: true,
        Body: document,
      },
    },
    [`${api}Asks`]: mayAsk(api),
    [deployment]: { Type: "AWS::ApiGateway::Deployment", Properties: { RestApiId: { Ref: api } } },
    [`${api}Stage`]: {
      Type: "AWS::ApiGateway::Stage",
      Properties: { RestApiId: { Ref: api }, DeploymentId: { Ref: deployment }, StageName: { Ref: "StageName" } },
    },
  };
  const plans = new Map<string, string>();
  for (const consumer of audience.consumers) {
    const plan = planFor(consumer);
    const mark = JSON.stringify(plan);
    let name = plans.get(mark);
    if (name === undefined) {
      name = `${api}Plan${plans.size + 1}`;
      plans.set(mark, name);
      resources[name] = {
        Type: "AWS::ApiGateway::UsagePlan",
        Properties: {
          ApiStages: [{ ApiId: { Ref: api }, Stage: { Ref: `${api}Stage` } }],
          ...(plan.throttle ? { Throttle: { RateLimit: plan.throttle.rate, BurstLimit: plan.throttle.burst } } : {}),
          ...(plan.quota ? { Quota: { Limit: plan.quota.limit, Period: plan.quota.period } } : {}),
        },
      };
    }
    const key = `Key${logical(consumer.id)}`;
    resources[key] = {
      Type: "AWS::ApiGateway::ApiKey",
      Properties: { Name: { "Fn::Sub": `\${AWS::StackName}-${consumer.id}` }, Description: consumer.name, Enabled: true },
    };
    resources[`${key}In`] = {
      Type: "AWS::ApiGateway::UsagePlanKey",
      Properties: { KeyId: { Ref: key }, KeyType: "API_KEY", UsagePlanId: { Ref: name } },
    };
  }
  return resources;
}

/** CloudFormation takes a template of this size at most, from a bucket. */
const largestTemplate = 1_000_000;

export const exportAws: Exporter = given => {
  const { config, access, consumers } = given;
  const { url, differences: behind } = oneBackend(given, "aws");
  // a schema checks the body and nothing else
  const plan = planOf(config, access, consumers, c => (["dataClasses", "when"] as const).filter(k => c[k] !== undefined));
  const usage = usagePlans(given, consumers);
  const documentOf = (a: Audience, place: OpenApiPlace) => apiDocument(a, plan.addresses, url, config.totalMs, place);
  const resources: Resources = Object.assign(
    {},
    authorizerResources,
    ...plan.audiences.map(a => resourcesOf(a, documentOf(a, inTemplate), usage.of)),
  );
  const template = jsonText({
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Models behind API Gateway, as loam's gateway.yaml says. Written by loam gateway export.",
    Parameters: {
      BackendKey: { Type: "String", NoEcho: true, Description: "The key under which the server behind is called." },
      StageName: { Type: "String", Default: "live", AllowedPattern: "^[a-zA-Z0-9_]+$" },
    },
    Resources: resources,
    Outputs: Object.fromEntries(
      plan.audiences.map(a => [
        `Url${logical(a.id)}`,
        {
          Description: `Base URL for ${a.consumers.map(c => c.name).join(", ")}`.slice(0, 1000),
          Value: { "Fn::Sub": `https://\${Api${logical(a.id)}}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/\${StageName}/v1` },
        },
      ]),
    ),
  });
  const differences = [
    ...plan.differences,
    ...usage.differences,
    ...behind,
    ...routingDifferences(given, []),
    { place: "addresses", why: "each audience has an API and a URL of its own (the template's outputs)" },
    {
      place: "keys",
      why: "a client of /v1/messages sends its key as x-api-key, every other one as Authorization: Bearer",
    },
    { place: "bodies", why: "10 MB at most; a key that stands twice in a JSON object is refused by the server behind, not there" },
    { place: "refusals", why: "what a policy does not allow is answered 400 (the body is not valid)" },
    ...(template.length > largestTemplate
      ? [
          {
            place: "template.json",
            why: `${template.length} bytes are more than CloudFormation takes: import the OpenAPI files by themselves`,
          },
        ]
      : []),
  ];
  return {
    files: new Map([
      ["template.json", template],
      ...plan.audiences.map((a): [string, string] => [`openapi-${a.id}.json`, jsonText(documentOf(a, byItself))]),
    ]),
    differences,
  };
};
