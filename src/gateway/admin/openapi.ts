/** The addresses for administrators with what they answer: the source of `/gateway/openapi.json`. Loaded when that is asked for. */
import { z } from "zod";
import { type ApiOperation, type OpenApiDocument, openApiDocument } from "../../base/openapi.ts";
import * as answers from "./answers.ts";
import type { AdminPath } from "./paths.ts";

type Method = ApiOperation["method"];
const at = (method: Method, path: AdminPath, summary: string, answer: z.ZodType, more: Partial<ApiOperation> = {}): ApiOperation => ({
  method,
  path,
  summary,
  answer,
  ...more,
});
const query = (...names: readonly string[]) => ({ query: z.object(Object.fromEntries(names.map(name => [name, z.string().optional()]))) });
const entry = z.record(z.string(), z.unknown());
const [principals, policies, limits] = ["/gateway/principals/:kind/:name", "/gateway/policies/:name", "/gateway/limits/:name"] as const;

/** Bodies are checked by the handlers; here stands what they hold. */
export const adminOperations: readonly ApiOperation[] = [
  at("GET", "/gateway/state", "Shows upstreams, models and what is in flight.", answers.gatewayState),
  at(
    "GET",
    "/gateway/usage",
    "Sums usage by day, key and model; `format=csv` gives a table.",
    answers.usageList,
    query("from", "to", "format"),
  ),
  at(
    "GET",
    "/gateway/limits",
    "Shows limits with their most used buckets.",
    answers.gatewayLimits,
    query("top", "limit", "key", "user", "team", "organisation", "model", "ip"),
  ),
  at("GET", limits, "Shows a limit.", answers.entryShown.limit),
  at("PUT", limits, "Creates or replaces a limit or budget.", answers.entryPut.limit, { status: [200, 201], body: entry }),
  at("DELETE", limits, "Deletes a limit or budget.", answers.entryDeleted.limit),
  at("GET", "/gateway/permissions", "Says what the caller may do, and of the rest why not.", answers.permissions),
  at("GET", "/gateway/keys", "Lists API keys.", answers.keyList, query("subject")),
  at("POST", "/gateway/keys", "Creates an API key; its secret is in this answer alone.", answers.keyCreated, {
    status: 201,
    body: z.object({ name: z.string(), subject: z.string(), expiresIn: z.string().optional() }),
  }),
  at("GET", "/gateway/keys/:key", "Shows an API key.", answers.keyShown),
  at("DELETE", "/gateway/keys/:key", "Revokes an API key.", answers.keyShown),
  at("POST", "/gateway/keys/:key/rotate", "Gives an API key a new secret.", answers.keyCreated, {
    body: z.object({ overlap: z.string().optional() }),
  }),
  at("GET", "/gateway/principals", "Lists organisations, teams, users and service accounts.", answers.principalList, query("kind")),
  at("GET", principals, "Shows a principal.", answers.entryShown.principal),
  at("PUT", principals, "Creates or replaces a principal.", answers.entryPut.principal, { status: [200, 201], body: entry }),
  at("DELETE", principals, "Deletes a principal.", answers.entryDeleted.principal),
  at("GET", `${principals}/members`, "Lists members of a team, an organisation or a role.", answers.memberList),
  at("PUT", `${principals}/members/:member`, "Adds a member.", z.object({ principal: answers.principal })),
  at("DELETE", `${principals}/members/:member`, "Removes a member.", z.object({ principal: answers.principal })),
  at("GET", "/gateway/policies", "Lists policies.", answers.policyList),
  at("GET", policies, "Shows a policy.", answers.entryShown.policy),
  at("PUT", policies, "Creates or replaces a policy.", answers.entryPut.policy, { status: [200, 201], body: entry }),
  at("DELETE", policies, "Deletes a policy.", answers.entryDeleted.policy),
  at("GET", "/gateway/changes", "Lists the tamper-evident log of changes.", answers.changeList, query("from", "most", "verify")),
  at(
    "GET",
    "/gateway/requests",
    "Lists recent requests, the newest first.",
    answers.requestList,
    query("key", "subject", "model", "since", "status", "most"),
  ),
  at("GET", "/gateway/requests/:id", "Shows the requests with an id.", answers.requestsOfId),
  at(
    "GET",
    "/gateway/explain",
    "Says why a request would be allowed or denied, and where it would go.",
    answers.explanation,
    query("key", "method", "path", "model", "set", "header", "tokens"),
  ),
  at("POST", "/gateway/reload", "Reads the configuration file again.", answers.reloaded),
  at("GET", "/gateway/cache", "Shows the response cache.", answers.cacheShown),
  at("DELETE", "/gateway/cache", "Clears the response cache.", answers.cacheCleared, query("model", "tenant")),
  at("GET", "/gateway/held", "Lists requests that wait for approval.", answers.heldList),
  at("POST", "/gateway/held/:key", "Approves or refuses a request.", answers.heldDecided, {
    body: z.object({ decision: z.enum(["approve", "refuse"]) }),
  }),
  at("GET", "/gateway/review", "Lists review cases.", answers.reviewList, query("state", "most")),
  at("POST", "/gateway/review", "Takes a review case: the first that waits, or one by its id.", answers.reviewTaken, {
    body: z.object({ id: z.string().optional() }),
  }),
  at("POST", "/gateway/review/case/:key", "Votes on a taken case, escalates or releases it.", answers.reviewDecided, {
    body: z.object({ action: z.enum(["approve", "refuse", "escalate", "release"]), category: z.string().optional() }),
  }),
  at("GET", "/gateway/review/documents", "Gives decided cases as labelled documents.", answers.reviewDocuments, query("after", "most")),
  at("GET", "/gateway/review/agreement", "Shows how far reviewers agree.", answers.reviewAgreed),
  at("POST", "/gateway/review/appeal", "Appeals a refused case with its token.", z.looseObject({ id: z.string() }), {
    body: z.object({ token: z.string(), reason: z.string().optional() }),
  }),
  at("GET", "/gateway/openapi.json", "Gives this description.", z.object({ openapi: z.string() })),
];

const error = z
  .object({ error: z.object({ code: z.string().nullable(), message: z.string() }) })
  .meta({ id: "Refusal", description: "A refusal; `code` is in docs/errors.md." });

export const adminDocument = (): OpenApiDocument =>
  openApiDocument({ title: "Loam gateway: administration", version: "1", error, operations: adminOperations });
