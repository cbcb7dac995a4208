/** The addresses of the page Runs: one function each, as in `api.ts`. */
import { caller } from "../client.ts";
import { answers } from "../generated/runs.ts";

const ask = caller(answers);

export interface TableQuery {
  readonly filter?: string | null;
  readonly search?: string | null;
  readonly sort?: string | null;
  readonly group?: string | null;
  readonly ids?: string | null;
  readonly training?: "yes" | null;
  readonly offset?: number;
  readonly limit?: number;
}

export const runTable = {
  table: (query: TableQuery, signal: AbortSignal) => ask("GET /api/run-table", {}, { query: { ...query }, signal }),
  /** Kept by the server when this has answered; a null note removes it. */
  annotate: (
    run: string,
    given: {
      readonly note: string | null;
      readonly addTags: readonly string[];
      readonly removeTags: readonly string[];
      readonly by: string;
    },
  ) => ask("POST /api/run-table/{run}", { run }, { body: given }),
};
