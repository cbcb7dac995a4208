/** Apigee's policies as XML, each a small file; what is not fixed is escaped. */
import type { LimitRule } from "../../limits/rules.ts";

export const xml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
export const file = (body: string): string => `${head}${body.trim()}\n`;

/** `Authorization: Bearer KEY`, as OpenAI's clients send it. */
export const extractKey = file(`
<ExtractVariables name="EV-Key">
    <DisplayName>EV-Key</DisplayName>
    <Source>request</Source>
    <IgnoreUnresolvedVariables>true</IgnoreUnresolvedVariables>
    <VariablePrefix>loam</VariablePrefix>
    <Header name="Authorization">
        <Pattern ignoreCase="true">Bearer {apikey}</Pattern>
    </Header>
</ExtractVariables>`);

/** What is no key may be a token: the flow goes on, and without either no caller is known. */
export const verifyKey = file(`
<VerifyAPIKey name="VA-Key" continueOnError="true">
    <DisplayName>VA-Key</DisplayName>
    <APIKey ref="loam.apikey"/>
</VerifyAPIKey>`);

/** A token that `issueToken` gave, as `Authorization: Bearer TOKEN`. */
export const verifyToken = file(`
<OAuthV2 name="OA-Verify">
    <DisplayName>OA-Verify</DisplayName>
    <Operation>VerifyAccessToken</Operation>
</OAuthV2>`);

/** OAuth 2.0, client credentials (RFC 6749, section 4.4): an app's key and secret for a token of an hour. */
export const issueToken = file(`
<OAuthV2 name="OA-Token">
    <DisplayName>OA-Token</DisplayName>
    <Operation>GenerateAccessToken</Operation>
    <ExpiresIn>3600000</ExpiresIn>
    <SupportedGrantTypes>
        <GrantType>client_credentials</GrantType>
    </SupportedGrantTypes>
    <GrantType>request.formparam.grant_type</GrantType>
    <GenerateResponse enabled="true"/>
</OAuthV2>`);

export const decidePolicy = file(`
<Javascript name="JS-Decide" timeLimit="200">
    <DisplayName>JS-Decide</DisplayName>
    <IncludeURL>jsc://policy.js</IncludeURL>
    <ResourceURL>jsc://decide.js</ResourceURL>
</Javascript>`);

/** An error in OpenAI's form. */
export const fault = (name: string, status: number, reason: string, message: string, code: string): string =>
  file(`
<RaiseFault name="${name}">
    <DisplayName>${name}</DisplayName>
    <IgnoreUnresolvedVariables>true</IgnoreUnresolvedVariables>
    <FaultResponse>
        <Set>
            <StatusCode>${status}</StatusCode>
            <ReasonPhrase>${reason}</ReasonPhrase>
            <Payload contentType="application/json">${xml(
              JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code } }),
            )}</Payload>
        </Set>
    </FaultResponse>
</RaiseFault>`);

export const answer = (name: string, status: number, message: string, type: string, code: string): string =>
  file(`
<AssignMessage name="${name}">
    <DisplayName>${name}</DisplayName>
    <IgnoreUnresolvedVariables>true</IgnoreUnresolvedVariables>
    <Set>
        <StatusCode>${status}</StatusCode>
        <Payload contentType="application/json">${xml(JSON.stringify({ error: { message, type, param: null, code } }))}</Payload>
    </Set>
    <AssignTo createNew="false" transport="http" type="response"/>
</AssignMessage>`);

/** The servers' keys, out of an encrypted key value map. */
export const secrets = (upstreams: readonly string[]): string =>
  file(`
<KeyValueMapOperations name="KVM-Keys" mapIdentifier="loam-keys">
    <DisplayName>KVM-Keys</DisplayName>
    <ExpiryTimeInSecs>300</ExpiryTimeInSecs>
    <Scope>environment</Scope>
${upstreams.map(id => `    <Get assignTo="private.loam.${id}"><Key><Parameter>${id}</Parameter></Key></Get>`).join("\n")}
</KeyValueMapOperations>`);

/** The client's credentials stay; the server's go on. */
export const credentials = (name: string, id: string): string =>
  file(`
<AssignMessage name="${name}">
    <DisplayName>${name}</DisplayName>
    <Remove>
        <Headers>
            <Header name="x-api-key"/>
            <Header name="api-key"/>
        </Headers>
    </Remove>
    <Set>
        <Headers>
            <Header name="Authorization">Bearer {private.loam.${id}}</Header>
        </Headers>
    </Set>
    <IgnoreUnresolvedVariables>false</IgnoreUnresolvedVariables>
    <AssignTo createNew="false" transport="http" type="request"/>
</AssignMessage>`);

const quotaUnits = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** So many in a rolling window, or in a calendar's day or month; undefined where a quota has no such time. */
export function quota(rule: LimitRule): string | undefined {
  const { window, period, limit, name } = rule;
  const [unit, interval] =
    period !== undefined
      ? ([period === "total" ? undefined : period, 1] as const)
      : (() => {
          const row = quotaUnits.find(([, ms]) => window! % ms === 0);
          return row ? ([row[0], window! / row[1]] as const) : ([undefined, 1] as const);
        })();
  if (unit === undefined) return undefined;
  return file(`
<Quota name="Q-${name}" type="${period === undefined ? "rollingwindow" : "calendar"}">
    <DisplayName>Q-${name}</DisplayName>
    <Identifier ref="loam.limit.${name}"/>
    <Allow count="${Math.floor(limit)}"/>
    <Interval>${interval}</Interval>
    <TimeUnit>${unit}</TimeUnit>
${period === undefined ? "" : "    <StartTime>2026-1-1 00:00:00</StartTime>\n"}    <Distributed>true</Distributed>
    <Synchronous>true</Synchronous>
</Quota>`);
}

/** Requests a second or a minute, evenly spread: the steady rate behind a burst. */
export function spikeArrest({ name, limit, window }: LimitRule): string {
  const perSecond = limit / (window! / 1000);
  const rate = perSecond >= 1 ? `${Math.floor(perSecond)}ps` : `${Math.max(1, Math.floor(perSecond * 60))}pm`;
  return file(`
<SpikeArrest name="SA-${name}">
    <DisplayName>SA-${name}</DisplayName>
    <Identifier ref="loam.limit.${name}"/>
    <Rate>${rate}</Rate>
    <UseEffectiveCount>true</UseEffectiveCount>
</SpikeArrest>`);
}
