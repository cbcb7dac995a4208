/** What is used, held and left of each limit, the most used buckets first. */
import { gatewayErrors } from "../errors.ts";
import { dimensions } from "../limits/rules.ts";
import { defaultTop } from "../limits/view.ts";
import { shownEntry } from "./entries.ts";
import { type AdminPage, adminJson, numberOf, onlyKeys } from "./page.ts";

const mostTop = 1_000;

export const limitsPage: AdminPage = {
  path: "/gateway/limits",
  methods: {
    GET: {
      right: "look",
      answer: async ({ gateway, query }) => {
        onlyKeys(query, ["top", "limit", ...dimensions]);
        const limit = query.get("limit");
        const only = Object.fromEntries(dimensions.flatMap(d => (query.has(d) ? [[d, query.get(d)!]] : [])));
        const view = await gateway.control.limitsView({
          top: numberOf(query, "top", defaultTop, 1, mostTop),
          only,
          ...(limit === null ? {} : { limit }),
        });
        if (limit !== null && view.limits.length === 0)
          throw gatewayErrors.fail("parameter", {
            place: "limit",
            expected: "a limit of the configuration",
            received: JSON.stringify(limit.slice(0, 60)),
          });
        const { limits, ...rest } = view;
        const rules = new Map(gateway.control.entries.list("limits").map(e => [e.name, shownEntry(e)]));
        const data = limits.map(l => ({ ...l, rule: rules.get(l.limit) ?? null }));
        return adminJson({ object: "list", ...rest, data });
      },
    },
  },
};
