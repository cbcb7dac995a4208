/** The addresses of the page Deployments: one function each, as in `api.ts`. */
import { caller } from "../client.ts";
import { answers } from "../generated/deployments.ts";

const ask = caller(answers);

export const deploymentCalls = {
  list: (signal: AbortSignal) => ask("GET /api/deployments", {}, { signal }),
  rollback: (name: string, given: { readonly generation: number; readonly unapproved?: true }) =>
    ask("POST /api/deployments/{name}/rollback", { name }, { body: given }),
};
