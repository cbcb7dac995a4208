/** Addresses for administrators: the requests that wait for a person, and what becomes of one. They show texts of requests, so looking needs as much as deciding. */
import { z } from "zod";
import { type AdminPage, adminBody, adminJson, onlyKeys } from "../../admin/page.ts";

const decided = z.strictObject({ decision: z.enum(["approve", "refuse"]) });

export const heldPages: readonly AdminPage[] = [
  {
    path: "/gateway/held",
    methods: {
      GET: {
        right: "change",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, []);
          return adminJson({ object: "list", data: gateway.held.list() });
        },
      },
    },
  },
  {
    path: "/gateway/held/:key",
    methods: {
      POST: {
        right: "change",
        answer: async ({ gateway, request, key, by }) => {
          const { decision } = await adminBody(request, decided);
          const how = decision === "approve" ? "approved" : "refused";
          const held = gateway.held.find(key);
          await gateway.control.reviews.overrule(held.review, decision, by);
          gateway.held.decided(held.review, how, by);
          return adminJson({ held, decision: how, by });
        },
      },
    },
  },
];
