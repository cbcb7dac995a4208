/** Requests of the last days: listed, or one by the id that its client was given. */
import { defined } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { mostListed } from "./journal.ts";
import { type AdminPage, adminJson, numberOf, onlyKeys, timeOf } from "./page.ts";

const statusForm = /^([1-5]\d\d|[45]xx|error)$/;

export const requestPages: readonly AdminPage[] = [
  {
    path: "/gateway/requests",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["key", "subject", "model", "since", "status", "most"]);
          const status = query.get("status");
          if (status !== null && !statusForm.test(status))
            throw gatewayErrors.fail("parameter", {
              place: "status",
              expected: "a status such as 429, 4xx, 5xx or error",
              received: JSON.stringify(status.slice(0, 20)),
            });
          const sinceMs = timeOf(query, "since");
          const given = (name: "key" | "subject" | "model") => (query.has(name) ? { [name]: query.get(name)! } : {});
          const { journal } = gateway.control;
          const data = await journal.list({
            ...given("key"),
            ...given("subject"),
            ...given("model"),
            ...(status === null ? {} : { status }),
            ...defined({ sinceMs }),
            most: numberOf(query, "most", 100, 1, mostListed),
          });
          return adminJson({ object: "list", data, dropped: journal.dropped });
        },
      },
    },
  },
  {
    path: "/gateway/requests/:id",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query, key: id }) => {
          onlyKeys(query, []);
          const data = await gateway.control.journal.find(id);
          if (data.length > 0) return adminJson({ object: "list", data });
          throw gatewayErrors.fail("unknownRequest", {
            place: "id",
            message: `no request ${JSON.stringify(id.slice(0, 128))} is in the journal`,
            hint: "It may be too old, left out by `journal.sample`, or of another gateway.",
          });
        },
      },
    },
  },
];
