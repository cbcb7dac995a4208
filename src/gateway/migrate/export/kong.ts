/**
 * Kong's declarative configuration (`deck gateway sync kong.yaml`): a route for each address, key-auth, an access list by audience, bodies checked by
 * a schema made of the policies, rate-limiting for each consumer. Secrets are read from the environment by deck.
 */
import { stringify } from "yaml";
import { bodySchema } from "./body-schema.ts";
import { type Consumer, type ExportDifference, type Plan, planOf } from "./plan.ts";
import { dimensionsOf, isConcerned, requestLimits, type Unit, unitOf } from "./request-limits.ts";
import { type Exporter, type ExportGiven, oneBackend, plainName, routingDifferences } from "./target.ts";

const fromEnvironment = (name: string): string => `\${{ env "DECK_${name}" }}`;
const envName = (id: string): string => id.toUpperCase().replace(/[^A-Z0-9]/g, "_");

interface Plugin {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly consumer?: string;
}

const routeName = (path: string): string => plainName(path.slice("/v1/".length), "route");

/** One for everybody where all who may come have the same rights, else one a consumer. */
function checkers(plan: Plan, path: string): Plugin[] {
  const open = plan.audiences.filter(a => a.gates.has(path));
  const plugin = (schema: string): Plugin => ({
    name: "request-validator",
    config: { version: "draft4", body_schema: schema, allowed_content_types: ["application/json"], verbose_response: true },
  });
  const schemas = open.map(a => JSON.stringify(bodySchema(a.gates.get(path)!)));
  if (new Set(schemas).size === 1) return [plugin(schemas[0]!)];
  return open.flatMap((a, i) => a.consumers.map(c => ({ ...plugin(schemas[i]!), consumer: c.id })));
}

/** Limits by unit for a consumer; what rate-limiting cannot count is told. */
function limiter(
  { access }: ExportGiven,
  consumers: readonly Consumer[],
): { readonly of: (c: Consumer) => Plugin | undefined; readonly differences: ExportDifference[] } {
  const { rules, differences } = requestLimits(access);
  const kept = rules.filter(rule => {
    const place = `access.limits.${rule.name}`;
    const tell = (why: string): false => {
      differences.push({ place, why });
      return false;
    };
    const per = dimensionsOf(rule, consumers);
    if (per.length !== 1 || per[0] !== "key")
      return tell(`a consumer's rate-limiting counts by key, not by ${rule.per.join(" and ") || "all together"}`);
    if (rule.for.models) return tell("rate-limiting does not know the model");
    if (unitOf(rule) === undefined) return tell("rate-limiting counts by second, minute, hour, day and month only");
    if (rule.burst !== undefined && rule.burst !== rule.limit)
      differences.push({ place, why: "no burst of its own: all of it may come at once" });
    if (rule.window !== undefined)
      differences.push({ place, why: "counted in fixed windows: around the edge of one up to twice as much passes" });
    return true;
  });
  const of = (c: Consumer): Plugin | undefined => {
    const mine = kept.filter(rule => isConcerned(rule, c));
    if (mine.length === 0) return undefined;
    const amounts: Partial<Record<Unit, number>> = {};
    for (const rule of mine) {
      const unit = unitOf(rule)!;
      amounts[unit] = Math.min(amounts[unit] ?? Number.POSITIVE_INFINITY, Math.floor(rule.limit));
    }
    return {
      name: "rate-limiting",
      config: {
        ...amounts,
        limit_by: "consumer",
        // one count for all nodes, as the gateway's own
        policy: "redis",
        redis: { host: fromEnvironment("REDIS_HOST"), port: 6379 },
        fault_tolerant: mine.every(rule => rule.onStoreLoss === "open"),
        hide_client_headers: false,
      },
    };
  };
  return { of, differences };
}

export const exportKong: Exporter = given => {
  const { config, access, consumers } = given;
  const { url, differences: behind } = oneBackend(given, "kong");
  const plan = planOf(config, access, consumers, c => (["dataClasses", "when"] as const).filter(k => c[k] !== undefined));
  const limits = limiter(given, consumers);
  const base = url.pathname.replace(/\/+$/, "");
  const routes = plan.addresses
    .filter(a => plan.audiences.some(audience => audience.gates.has(a.path)))
    .map(a => ({
      name: routeName(a.path),
      // the whole path, and nothing that only begins so
      paths: [`~${a.path.replaceAll(".", "\\.")}$`],
      methods: ["POST"],
      protocols: ["http", "https"],
      strip_path: false,
      response_buffering: false,
      plugins: [
        { name: "acl", config: { allow: plan.audiences.filter(x => x.gates.has(a.path)).map(x => x.id), hide_groups_header: true } },
        // the client's own credentials do not go on
        {
          name: "request-transformer",
          config: {
            remove: { headers: ["authorization"] },
            add: { headers: [`authorization:Bearer ${fromEnvironment("BACKEND_KEY")}`] },
            ...(base === "/v1" ? {} : { replace: { uri: `${base}${a.path.slice("/v1".length)}` } }),
          },
        },
        ...checkers(plan, a.path),
      ],
    }));
  const document = {
    _format_version: "3.0",
    _info: { select_tags: ["loam"], defaults: {} },
    services: [
      {
        name: "loam-models",
        url: url.origin,
        connect_timeout: 5_000,
        read_timeout: config.totalMs,
        write_timeout: 60_000,
        retries: 0,
        routes,
        plugins: [
          {
            name: "key-auth",
            config: { key_names: ["x-api-key"], key_in_query: false, key_in_body: false, key_in_header: true, hide_credentials: true },
          },
        ],
      },
    ],
    consumers: plan.audiences.flatMap(a =>
      a.consumers.map(c => {
        const limit = limits.of(c);
        return {
          username: c.id,
          custom_id: `${c.identity.subject}/${c.name}`,
          keyauth_credentials: [{ key: fromEnvironment(`KEY_${envName(c.id)}`) }],
          acls: [{ group: a.id }],
          ...(limit ? { plugins: [limit] } : {}),
        };
      }),
    ),
  };
  return {
    files: new Map([["kong.yaml", stringify(document, { lineWidth: 0 })]]),
    differences: [
      ...plan.differences,
      ...limits.differences,
      ...behind,
      ...routingDifferences(given, []),
      { place: "plugins", why: "request-validator comes with Kong Gateway Enterprise and Konnect" },
      { place: "keys", why: "a client sends its key as x-api-key; deck reads it from DECK_KEY_ID, and the server's from DECK_BACKEND_KEY" },
      { place: "refusals", why: "an address that is not allowed is answered 403, a model or parameter that is not 400" },
    ],
  };
};
