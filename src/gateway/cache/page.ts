/** `/gateway/cache`: what is kept, and its end. */
import { type AdminPage, adminJson, onlyKeys } from "../admin/page.ts";
import { gatewayErrors } from "../errors.ts";
import type { GatewayPorts } from "../ports.ts";
import type { AnswerCache } from "./cache.ts";

function running({ cache }: GatewayPorts): AnswerCache {
  if (cache) return cache;
  throw gatewayErrors.fail("noCache", { place: "/gateway/cache", message: "no answers are kept: the gateway's file has no part `cache`" });
}

export const cachePage: AdminPage = {
  path: "/gateway/cache",
  methods: {
    GET: {
      right: "look",
      answer: async ({ gateway, query }) => {
        onlyKeys(query, []);
        const cache = running(gateway);
        await cache.size();
        return adminJson(cache.state());
      },
    },
    DELETE: {
      right: "change",
      answer: async ({ gateway, query }) => {
        onlyKeys(query, ["model", "tenant"]);
        const [model, tenant] = [query.get("model") ?? undefined, query.get("tenant") ?? undefined];
        const route = model === undefined ? undefined : gateway.config.routes.get(model);
        return adminJson({ cleared: await running(gateway).clear({ model: route?.name ?? model, tenant }) });
      },
    },
  },
};
