/** `loam gateway explain`: which policy decides about a request of a key, which others were looked at, and which limits it would meet. */
import { apis, type Endpoint } from "../../gateway/index.ts";
import { cliErrors } from "../errors.ts";
import { withControl } from "../gateway/open-gateway.ts";
import { textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";

/** What a method and a path ask for. Errors: cli/usage. */
function endpointOf(method: string, path: string): Endpoint {
  const wrong = (expected: string, received: string) => cliErrors.fail("usage", { place: "loam gateway explain", expected, received });
  const { pathname } = new URL(path, "http://gateway");
  const wants = (m: string, endpoint: Endpoint): Endpoint => {
    if (method.toUpperCase() === m) return endpoint;
    throw wrong(`${m} ${pathname}`, method);
  };
  const api = apis.find(a => `/v1${a.path}` === pathname);
  if (api) return wants("POST", api.endpoint);
  if (pathname === "/v1/models" || pathname.startsWith("/v1/models/")) return wants("GET", "models");
  if (["/gateway/state", "/gateway/usage", "/metrics"].includes(pathname)) return wants("GET", "admin");
  throw wrong(
    `one of ${apis.map(a => `/v1${a.path}`).join(", ")}, /v1/models, /gateway/state, /gateway/usage, /metrics`,
    JSON.stringify(pathname),
  );
}

/** `--set max_tokens=200`. Errors: cli/usage. */
function parametersOf(options: Options): Record<string, number | string | boolean> {
  const given = Array.isArray(options.set) ? options.set : [];
  return Object.fromEntries(
    given.map(text => {
      const at = text.indexOf("=");
      if (at < 1)
        throw cliErrors.fail("usage", { place: "loam gateway explain: --set", expected: "KEY=VALUE", received: JSON.stringify(text) });
      const value = text.slice(at + 1);
      const number = Number(value);
      return [
        text.slice(0, at),
        value === "true" || value === "false" ? value === "true" : value !== "" && !Number.isNaN(number) ? number : value,
      ];
    }),
  );
}

export const gatewayExplain: VerbRun = async (context, [key = "", method = "", path = ""], options) => {
  const { out } = context;
  const endpoint = endpointOf(method, path);
  const asked = textOption(options, "model") ?? null;
  await withControl(context, options, async (control, config) => {
    const identity = await control.identityOf(key);
    const at = asked?.lastIndexOf("@") ?? -1;
    const named = asked === null ? null : at > 0 ? asked.slice(0, at) : asked;
    const route = named === null ? undefined : config.routes.get(named);
    if (named !== null && !route)
      throw cliErrors.fail("usage", {
        place: "loam gateway explain: --model",
        expected: `one of ${[...config.routes.keys()].slice(0, 10).join(", ")}`,
        received: JSON.stringify(named),
      });
    const action = { endpoint, model: route?.name ?? null, label: at > 0 ? asked!.slice(at + 1) : null, parameters: parametersOf(options) };
    const { decision, considered, limits } = control.explain(identity, action);
    out.line(`  ${decision.allowed ? "Allowed" : "Denied"}: ${decision.reason}`);
    out.line(
      `  ${identity.subject} (${identity.subjectKind}) teams: ${identity.teams.join(", ") || "-"}  roles: ${identity.roles.join(", ") || "-"}`,
    );
    for (const c of considered) out.line(`  ${c.applies ? "*" : " "} ${c.effect.padEnd(5)} ${c.policy.padEnd(24)} ${c.why}`);
    for (const l of limits)
      out.line(`    limit ${l.limit.padEnd(24)} ${l.capacity} in ${l.bucket}${l.mode === "shadow" ? " (shadow: denies nothing)" : ""}`);
    out.result({ identity, action, decision, considered, limits });
  });
};
