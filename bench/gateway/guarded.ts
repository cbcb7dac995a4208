/**
 * A gateway with a guard of words and one of private data. Argument: the upstream's URL. To each message of its parent it answers with the time (ms
 * since 1970) at which no thread of the guards works any more.
 */

import { sharedPool } from "../../src/gateway/guards/judge/pool.ts";
import { checkConfig, Gateway, listenGateway, openControl } from "../../src/gateway/index.ts";

const [, , upstream = ""] = process.argv;
const access = {
  principals: { users: { ann: {}, bob: {} } },
  policies: [{ id: "everybody", effect: "allow" as const, models: ["gpt-4o"] }],
};
const config = await checkConfig(
  {
    state: "memory:",
    upstreams: { local: { url: upstream, connections: 1024 } },
    models: { "gpt-4o": { targets: [{ upstream: "local", model: "inner" }] } },
    guards: {
      default: ["words", "pii"],
      words: {
        kind: "blocklist",
        words: ["project nightfall", "wire transfer", "bomb"],
        patterns: ["\\bsk-[a-z0-9]{20,}"],
        action: "mask",
      },
      pii: { kind: "private" },
    },
    log: { to: "none" },
    access,
  },
  "gateway.yaml",
  ".",
);
const control = await openControl({ state: "memory:", root: ".", config: access });
const gateway = await Gateway.open({ config, control, onRequest: () => {} });
const listening = await listenGateway(gateway, { host: "127.0.0.1", port: 0 });
const keys = await Promise.all(["ann", "bob"].map(subject => control.keys.create({ name: subject, subject }, "bench")));
process.on("message", async () => {
  const { running } = sharedPool();
  while (sharedPool().running > 0) await new Promise(resume => setTimeout(resume, 1));
  process.send!({ wasRunning: running, at: Date.now() });
});
process.stdout.write(`${JSON.stringify({ port: listening.port, keys: keys.map(k => k.secret) })}\n`);
