/** All addresses for administrators; a new one is a row. */
import { cachePage } from "../cache/page.ts";
import { gatewayErrors } from "../errors.ts";
import { heldPages } from "../guards/person/pages.ts";
import { reviewPages } from "../review/pages.ts";
import { usageCsv } from "../usage/csv.ts";
import { accessPages } from "./access-pages.ts";
import { entryPages } from "./entry-pages.ts";
import { keyPages } from "./keys.ts";
import { limitsPage } from "./limits-page.ts";
import { memberPages } from "./member-pages.ts";
import { type AdminPage, adminJson, onlyKeys } from "./page.ts";
import { permissionsPage } from "./permissions-page.ts";
import { requestPages } from "./requests-page.ts";

const day = /^\d{4}-\d{2}-\d{2}$/;

export const adminPages: readonly AdminPage[] = [
  { path: "/gateway/state", methods: { GET: { right: "look", answer: async ({ gateway }) => adminJson(gateway.state()) } } },
  {
    path: "/gateway/usage",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["from", "to", "format"]);
          const format = query.get("format") ?? "json";
          if (format !== "json" && format !== "csv")
            throw gatewayErrors.fail("parameter", {
              place: "format",
              expected: "json or csv",
              received: JSON.stringify(format.slice(0, 30)),
            });
          const today = new Date(gateway.clock.now()).toISOString().slice(0, 10);
          const [from, to] = [query.get("from") ?? today, query.get("to") ?? today];
          for (const [place, given] of Object.entries({ from, to }))
            if (!day.test(given))
              throw gatewayErrors.fail("parameter", {
                place,
                expected: "a day such as 2026-11-26",
                received: JSON.stringify(given.slice(0, 30)),
              });
          const rows = await gateway.control.usage(from, to);
          if (format === "csv") return { status: 200, body: usageCsv(rows), headers: { "content-type": "text/csv; charset=utf-8" } };
          return adminJson({ object: "list", data: rows });
        },
      },
    },
  },
  permissionsPage,
  limitsPage,
  ...keyPages,
  ...entryPages,
  ...memberPages,
  ...accessPages,
  ...requestPages,
  cachePage,
  ...heldPages,
  ...reviewPages,
  {
    path: "/gateway/openapi.json",
    methods: {
      GET: {
        right: "look",
        answer: async ({ query }) => {
          onlyKeys(query, []);
          return adminJson((await import("./openapi.ts")).adminDocument());
        },
      },
    },
  },
];
