/**
 * An Apigee proxy bundle (`apiproxy/`, to be zipped): keys by VerifyAPIKey, tokens for an app's key and secret by OAuthV2, the policies by a script that has them as data, limits by Quota and
 * SpikeArrest, errors in OpenAI's form, a target for each server. Callers are apps named by the key's id (`apps.json`).
 */
import * as policies from "./apigee-policies.ts";
import { scriptsOf } from "./apigee-script.ts";
import { type ConditionKind, type ExportDifference, planOf } from "./plan.ts";
import { requestLimits } from "./request-limits.ts";
import { type Exporter, type ExportGiven, jsonText, plainName, routingDifferences } from "./target.ts";

const step = (name: string, condition?: string): string =>
  `<Step><Name>${name}</Name>${condition === undefined ? "" : `<Condition>${policies.xml(condition)}</Condition>`}</Step>`;

interface Server {
  readonly id: string;
  readonly url: URL;
}

function targetFile({ id, url }: Server): string {
  const tls = url.protocol === "https:" ? "<SSLInfo><Enabled>true</Enabled><Enforce>true</Enforce></SSLInfo>" : "";
  return policies.file(`
<TargetEndpoint name="${id}">
    <PreFlow name="PreFlow">
        <Request>
            ${step(`AM-Key-${id}`)}
        </Request>
        <Response/>
    </PreFlow>
    <HTTPTargetConnection>
        ${tls}
        <Properties>
            <Property name="response.streaming.enabled">true</Property>
            <Property name="io.timeout.millis">300000</Property>
        </Properties>
        <URL>${policies.xml(url.href.replace(/\/+$/, ""))}</URL>
    </HTTPTargetConnection>
</TargetEndpoint>`);
}

/** Bad key, too much: Apigee's own faults as OpenAI's clients read them. */
const faultRules = `
    <FaultRules>
        <FaultRule name="key">
            ${step("AM-Unauthenticated")}
            <Condition>(fault.name JavaRegex "(?i)(.*apikey.*|.*consumer.*|.*app.*|.*token.*)")</Condition>
        </FaultRule>
        <FaultRule name="limits">
            ${step("AM-Limited")}
            <Condition>(fault.name = "QuotaViolation") or (fault.name = "SpikeArrestViolation")</Condition>
        </FaultRule>
    </FaultRules>`;

function proxyFile(
  servers: readonly Server[],
  paths: readonly string[],
  limits: readonly { readonly name: string; readonly step: string }[],
): string {
  const isOurs = paths.map(p => `(proxy.pathsuffix = "${p}")`).join(" or ");
  return policies.file(`
<ProxyEndpoint name="default">${faultRules}
    <DefaultFaultRule name="rest">
        ${step("AM-Failed", "(response.status.code = null)")}
        <AlwaysEnforce>false</AlwaysEnforce>
    </DefaultFaultRule>
    <PreFlow name="PreFlow">
        <Request>
            ${step("EV-Key")}
            ${step("VA-Key")}
            ${step("OA-Verify", "(verifyapikey.VA-Key.client_id = null)")}
            ${step("RF-Unknown", `not ((request.verb = "POST") and (${isOurs}))`)}
            ${step("JS-Decide")}
            ${step("RF-Malformed", '(loam.verdict = "malformed")')}
            ${step("RF-Denied", '(loam.verdict != "allowed")')}
            ${limits.map(l => step(l.step, `(loam.limit.${l.name} != null)`)).join("\n            ")}
            ${step("KVM-Keys")}
        </Request>
        <Response/>
    </PreFlow>
    <HTTPProxyConnection>
        <BasePath>/loam</BasePath>
        <Properties>
            <Property name="response.streaming.enabled">true</Property>
        </Properties>
    </HTTPProxyConnection>
${servers
  .slice(1)
  .map(
    s => `    <RouteRule name="${s.id}">
        <Condition>(loam.target = "${s.id}")</Condition>
        <TargetEndpoint>${s.id}</TargetEndpoint>
    </RouteRule>`,
  )
  .join("\n")}
    <RouteRule name="otherwise">
        <TargetEndpoint>${servers[0]!.id}</TargetEndpoint>
    </RouteRule>
</ProxyEndpoint>`);
}

/** Where an app gets a token by its key and secret; nothing stands behind it. */
const tokenFile = policies.file(`
<ProxyEndpoint name="token">
    <PreFlow name="PreFlow">
        <Request>
            ${step("RF-Unknown", 'not ((request.verb = "POST") and (proxy.pathsuffix = "/token"))')}
            ${step("OA-Token")}
        </Request>
        <Response/>
    </PreFlow>
    <HTTPProxyConnection>
        <BasePath>/loam/oauth</BasePath>
    </HTTPProxyConnection>
    <RouteRule name="none"/>
</ProxyEndpoint>`);

/** Names of targets and variables: letters, digits, `-`; each its own. */
function serversOf({ config, backend }: ExportGiven): { readonly servers: Server[]; readonly idOf: ReadonlyMap<string, string> } {
  if (backend) return { servers: [{ id: "backend", url: backend }], idOf: new Map() };
  const idOf = new Map<string, string>();
  const servers = [...config.upstreams].map(([name, { url }], i) => {
    const plain = plainName(name, "server");
    const id = [...idOf.values()].includes(plain) ? `${plain}-${i + 1}` : plain;
    idOf.set(name, id);
    return { id, url };
  });
  return { servers, idOf };
}

export const exportApigee: Exporter = given => {
  const { config, access, consumers, backend } = given;
  // the script's clock knows UTC and no other zone
  const cannot = (c: { readonly when?: { readonly timezone: string } | undefined }): ConditionKind[] =>
    c.when && c.when.timezone !== "UTC" ? ["when"] : [];
  const plan = planOf(config, access, consumers, cannot);
  const asked = requestLimits(access);
  const differences: ExportDifference[] = [...plan.differences, ...asked.differences];
  const steps: { name: string; step: string }[] = [];
  const files = new Map<string, string>();
  const put = (folder: string, name: string, text: string) => files.set(`apiproxy/${folder}/${name}`, text);
  const kept = asked.rules.filter(rule => {
    const place = `access.limits.${rule.name}`;
    const quota = policies.quota(rule);
    const hasBurst = rule.burst !== undefined && rule.burst !== rule.limit;
    if (quota) {
      put("policies", `Q-${rule.name}.xml`, quota);
      steps.push({ name: rule.name, step: `Q-${rule.name}` });
      if (rule.window !== undefined)
        differences.push({ place, why: "never more than the limit in a window: after a rest this gateway lets the burst through besides" });
    }
    if (rule.window !== undefined && (hasBurst || !quota)) {
      put("policies", `SA-${rule.name}.xml`, policies.spikeArrest(rule));
      steps.push({ name: rule.name, step: `SA-${rule.name}` });
      differences.push({ place, why: "SpikeArrest spreads requests evenly: fewer come at once than the burst" });
    } else if (!quota) {
      differences.push({ place, why: "a quota has a period" });
      return false;
    }
    if (rule.per.includes("team") && consumers.some(c => c.identity.teams.length > 1))
      differences.push({ place, why: "whoever is in several teams counts for the first" });
    if (rule.per.includes("ip")) differences.push({ place, why: "of IPv6 each address is a client of its own, not each network" });
    return true;
  });
  const { servers, idOf } = serversOf(given);
  const routes = new Map(
    [...config.routes].map(([called, r]) => [
      called,
      { ...r, targets: r.targets.map(t => ({ ...t, upstream: idOf.get(t.upstream) ?? t.upstream })) },
    ]),
  );
  const { policy, decide } = scriptsOf({ plan, routes, limits: kept, target: backend ? "backend" : undefined });
  const open = plan.addresses.map(a => a.path).filter(p => plan.audiences.some(a => a.gates.has(p)));
  files.set(
    "apiproxy/loam.xml",
    policies.file(`
<APIProxy revision="1" name="loam">
    <ConfigurationVersion majorVersion="4" minorVersion="0"/>
    <Description>Models behind Apigee, as loam's gateway.yaml says. Written by loam gateway export.</Description>
    <DisplayName>loam</DisplayName>
</APIProxy>`),
  );
  put("proxies", "token.xml", tokenFile);
  put("proxies", "default.xml", proxyFile(servers, open.length > 0 ? open : ["/v1/chat/completions"], steps));
  for (const server of servers) {
    put("targets", `${server.id}.xml`, targetFile(server));
    put("policies", `AM-Key-${server.id}.xml`, policies.credentials(`AM-Key-${server.id}`, server.id));
  }
  const others: Readonly<Record<string, string>> = {
    "EV-Key": policies.extractKey,
    "VA-Key": policies.verifyKey,
    "OA-Verify": policies.verifyToken,
    "OA-Token": policies.issueToken,
    "JS-Decide": policies.decidePolicy,
    "KVM-Keys": policies.secrets(servers.map(s => s.id)),
    "RF-Unknown": policies.fault("RF-Unknown", 404, "Not Found", "There is nothing at this address.", "unknown_url"),
    "RF-Malformed": policies.fault("RF-Malformed", 400, "Bad Request", "The body is no JSON object with a model.", "invalid_body"),
    "RF-Denied": policies.fault("RF-Denied", 403, "Forbidden", "No policy allows this.", "not_allowed"),
    "AM-Unauthenticated": policies.answer(
      "AM-Unauthenticated",
      401,
      "The API key is not valid.",
      "authentication_error",
      "invalid_api_key",
    ),
    "AM-Limited": policies.answer("AM-Limited", 429, "Too many requests for this key.", "rate_limit_error", "rate_limit_exceeded"),
    "AM-Failed": policies.answer("AM-Failed", 502, "The model's server did not answer.", "server_error", "upstream_error"),
  };
  for (const [name, text] of Object.entries(others)) put("policies", `${name}.xml`, text);
  put("resources/jsc", "policy.js", policy);
  put("resources/jsc", "decide.js", decide);
  files.set(
    "apps.json",
    jsonText(
      plan.audiences.flatMap(a =>
        a.consumers.map(c => ({ name: c.id, developer: c.identity.subject, attributes: [{ name: "loam-key", value: c.name }] })),
      ),
    ),
  );
  differences.push(
    ...routingDifferences(given, ["weights"]),
    { place: "keys", why: "make an app for each entry of apps.json, its name the key's id, and a product that has this proxy" },
    { place: "secrets", why: `put each server's key into the encrypted key value map loam-keys: ${servers.map(s => s.id).join(", ")}` },
    {
      place: "bodies",
      why: "10 MB at most; a changed model name is written into the body again, whereby numbers beyond 2^53 lose digits",
    },
    { place: "timeouts.total", why: "a server that is silent for 300 s is given up" },
  );
  return { files, differences };
};
