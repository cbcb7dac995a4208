/** The gateway's addresses for administrators: one function each, as in `api.ts`. */
import { answerOf, call, get, post } from "../api.ts";
import * as contract from "../contract-gateway.ts";

const of = encodeURIComponent;

export const gateway = {
  state: (signal: AbortSignal) => get("/gateway/state", contract.state, signal),
  limits: (signal: AbortSignal) => get("/gateway/limits", contract.limits, signal),
  keys: (signal: AbortSignal) => get("/gateway/keys", contract.keys, signal),
  usage: (from: string, to: string, signal: AbortSignal) => get(`/gateway/usage?from=${of(from)}&to=${of(to)}`, contract.usage, signal),
  createKey: (given: { readonly name: string; readonly subject: string; readonly expiresIn?: string }) =>
    post("/gateway/keys", given, contract.created),
  revokeKey: (id: string) => answerOf(`/gateway/keys/${of(id)}`, contract.revoked, { method: "DELETE" }),
  /** The newest; `status` as `4xx`, null for all. */
  requests: (status: string | null, signal: AbortSignal) =>
    get(`/gateway/requests?most=25${status === null ? "" : `&status=${status}`}`, contract.requests, signal),
  principals: (signal: AbortSignal) => get("/gateway/principals", contract.principals, signal),
  policies: (signal: AbortSignal) => get("/gateway/policies", contract.policies, signal),
  explain: (of: URLSearchParams, signal: AbortSignal) => get(`/gateway/explain?${of}`, contract.explanation, signal),
  /** The same rows for a spreadsheet. */
  usageCsv: async (from: string, to: string) => (await call(`/gateway/usage?from=${of(from)}&to=${of(to)}&format=csv`, {})).text(),
};
