/** The gateway's addresses for administrators: one function each, as in `api.ts`. */
import { call, caller } from "../client.ts";
import { answers } from "../generated/gateway.ts";

const ask = caller(answers);

export const gateway = {
  state: (signal: AbortSignal) => ask("GET /gateway/state", {}, { signal }),
  limits: (signal: AbortSignal) => ask("GET /gateway/limits", {}, { signal }),
  keys: (signal: AbortSignal) => ask("GET /gateway/keys", {}, { signal }),
  usage: (from: string, to: string, signal: AbortSignal) => ask("GET /gateway/usage", {}, { query: { from, to }, signal }),
  createKey: (given: { readonly name: string; readonly subject: string; readonly expiresIn?: string }) =>
    ask("POST /gateway/keys", {}, { body: given }),
  revokeKey: (key: string) => ask("DELETE /gateway/keys/{key}", { key }),
  rotateKey: (key: string, overlap: string | null) =>
    ask("POST /gateway/keys/{key}/rotate", { key }, { body: overlap === null ? {} : { overlap } }),
  permissions: (signal: AbortSignal) => ask("GET /gateway/permissions", {}, { signal }),
  changes: (signal: AbortSignal) => ask("GET /gateway/changes", {}, { query: { most: 50 }, signal }),
  /** With the revision that it replaces in the body; without one it is new. */
  putLimit: (name: string, body: object) => ask("PUT /gateway/limits/{name}", { name }, { body }),
  deleteLimit: (name: string) => ask("DELETE /gateway/limits/{name}", { name }),
  putPrincipal: (kind: string, name: string, body: object) => ask("PUT /gateway/principals/{kind}/{name}", { kind, name }, { body }),
  putPolicy: (name: string, body: object) => ask("PUT /gateway/policies/{name}", { name }, { body }),
  deletePolicy: (name: string) => ask("DELETE /gateway/policies/{name}", { name }),
  held: (signal: AbortSignal) => ask("GET /gateway/held", {}, { signal }),
  decideHeld: (key: string, decision: "approve" | "refuse") => ask("POST /gateway/held/{key}", { key }, { body: { decision } }),
  /** The newest; `status` as `4xx`, null for all. */
  requests: (status: string | null, signal: AbortSignal) => ask("GET /gateway/requests", {}, { query: { most: 25, status }, signal }),
  principals: (signal: AbortSignal) => ask("GET /gateway/principals", {}, { signal }),
  policies: (signal: AbortSignal) => ask("GET /gateway/policies", {}, { signal }),
  explain: (query: URLSearchParams, signal: AbortSignal) => ask("GET /gateway/explain", {}, { query, signal }),
  reviews: (signal: AbortSignal) => ask("GET /gateway/review", {}, { query: { most: 50 }, signal }),
  takeReview: (id: string) => ask("POST /gateway/review", {}, { body: { id } }),
  decideReview: (key: string, given: { readonly action: "approve" | "refuse" | "escalate" | "release"; readonly category?: string }) =>
    ask("POST /gateway/review/case/{key}", { key }, { body: given }),
  /** The same rows for a spreadsheet. */
  usageCsv: async (from: string, to: string) =>
    (await call(`/gateway/usage?${new URLSearchParams({ from, to, format: "csv" })}`, {})).text(),
};
