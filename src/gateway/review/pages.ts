/** Addresses of the review queue: cases for reviewers, decided ones as documents, and appeals of clients. */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { type AdminPage, type AdminRequest, adminBody, adminJson, numberOf, onlyKeys } from "../admin/page.ts";
import { gatewayErrors } from "../errors.ts";
import { reviewAgreement } from "./agreement.ts";
import { mostCases } from "./queue.ts";
import { reviewDecisions } from "./review-case.ts";

const category = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._/-]{0,63}$/u, "a category of letters, digits and . _ / -, at most 64 characters");
const taken = z.strictObject({ id: z.string().min(1).max(60).optional() });
const decided = z.strictObject({ action: z.enum([...reviewDecisions, "escalate", "release"]), category: category.optional() });
const appealed = z.strictObject({ token: z.string().min(1).max(200), reason: z.string().default("") });

const isAdjudicator = ({ identity }: AdminRequest): boolean => identity.roles.includes("admin");

async function decide(asked: AdminRequest) {
  const { gateway, request, key: id, identity } = asked;
  const { action, category: given } = await adminBody(request, decided);
  const { reviews } = gateway.control;
  if (action === "release") return reviews.release(identity.subject, id);
  if (action === "escalate") return reviews.escalate(identity.subject, id);
  return reviews.decide(identity.subject, id, action, given ?? null);
}

export const reviewPages: readonly AdminPage[] = [
  {
    path: "/gateway/review",
    methods: {
      GET: {
        right: "review",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["state", "most"]);
          const state = query.get("state") ?? "waiting";
          if (state !== "waiting" && state !== "decided")
            throw gatewayErrors.fail("parameter", {
              place: "state",
              expected: "waiting or decided",
              received: JSON.stringify(state.slice(0, 20)),
            });
          const data = await gateway.control.reviews.list(state, numberOf(query, "most", 100, 1, mostCases));
          return adminJson({ object: "list", data });
        },
      },
      POST: {
        right: "review",
        answer: async asked => {
          const { id } = await adminBody(asked.request, taken);
          const given = { ...(id === undefined ? {} : { id }), isAdjudicator: isAdjudicator(asked) };
          return adminJson({ case: (await asked.gateway.control.reviews.take(asked.identity.subject, given)) ?? null });
        },
      },
    },
  },
  {
    path: "/gateway/review/case/:key",
    methods: { POST: { right: "review", answer: async asked => adminJson({ case: await decide(asked) }) } },
  },
  {
    path: "/gateway/review/documents",
    methods: {
      GET: {
        right: "change",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["after", "most"]);
          const after = query.get("after") ?? undefined;
          const data = await gateway.control.reviews.documents({ ...defined({ after }), most: numberOf(query, "most", 100, 1, mostCases) });
          return adminJson({ object: "list", data });
        },
      },
    },
  },
  {
    path: "/gateway/review/agreement",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, []);
          return adminJson(reviewAgreement(await gateway.control.reviews.votes()));
        },
      },
    },
  },
  {
    path: "/gateway/review/appeal",
    methods: {
      POST: {
        right: "appeal",
        answer: async ({ gateway, request }) => {
          const { token, reason } = await adminBody(request, appealed);
          const { id, state, decision } = await gateway.control.reviews.appeal(token, reason);
          return adminJson({ id, state, decision });
        },
      },
    },
  },
];
