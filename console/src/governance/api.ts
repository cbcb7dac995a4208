/** The addresses of the page Governance: one function each, as in `api.ts`. */
import { caller } from "../client.ts";
import { answers } from "../generated/governance.ts";

const ask = caller(answers);

export const governance = {
  /** Of one kind, or of all. */
  acts: (kind: string | null, most: number, signal: AbortSignal) => ask("GET /api/governance/acts", {}, { query: { kind, most }, signal }),
  proof: (position: number, signal: AbortSignal) =>
    ask("GET /api/governance/proofs/{position}", { position: String(position) }, { signal }),
  report: (kind: string, signal: AbortSignal) => ask("GET /api/governance/reports/{kind}", { kind }, { signal }),
};
