/**
 * Loam's gateway with everything on: two keys, a policy, two limits, the log. Arguments: the upstream's URL, the state, a folder for the log, and
 * `defaults` where the upstream's connections are to be bounded as they are by default.
 */
import { join } from "node:path";
import { checkConfig, Gateway, listenGateway, openAccessLog, openControl } from "../../src/gateway/index.ts";

const [, , upstream = "", state = "memory:", folder = ".", bounds = ""] = process.argv;
const access = {
  principals: { users: { ann: { roles: ["admin"] } } },
  policies: [{ id: "everybody", effect: "allow" as const, models: ["gpt-4o"] }],
  limits: [
    { name: "requests", measure: "requests" as const, per: ["key" as const], limit: 1e11, window: "1m" },
    { name: "tokens", measure: "tokens" as const, per: ["key" as const], limit: 1e11, window: "1m" },
  ],
};
const config = await checkConfig(
  {
    state,
    upstreams: { local: { url: upstream, ...(bounds === "defaults" ? {} : { connections: 1024, concurrencyPerKey: 1024 }) } },
    models: { "gpt-4o": { targets: [{ upstream: "local", model: "inner" }] } },
    log: { to: join(folder, "access.log") },
    access,
  },
  "gateway.yaml",
  folder,
);
const control = await openControl({ state, root: folder, config: access });
const log = openAccessLog({ ...config.log, random: Math.random, stdout: process.stdout });
const gateway = await Gateway.open({ config, control, onRequest: record => log.write(record) });
const listening = await listenGateway(gateway, { host: "127.0.0.1", port: 0 });
const { secret } = await control.keys.create({ name: "bench", subject: "ann" }, "bench");
const other = await control.keys.create({ name: "other", subject: "ann" }, "bench");
process.stdout.write(`${JSON.stringify({ port: listening.port, key: secret, other: other.secret })}\n`);
