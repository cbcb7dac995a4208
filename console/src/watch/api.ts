/** The addresses of the page Watch: one function each, as in `api.ts`. */
import { caller } from "../client.ts";
import { answers } from "../generated/watch.ts";

const ask = caller(answers);

export const watch = {
  status: (signal: AbortSignal) => ask("GET /api/watch", {}, { signal }),
  history: (metric: string, model: string, step: string, signal: AbortSignal) =>
    ask("GET /api/watch/history", {}, { query: { metric, model, step }, signal }),
  drift: (signal: AbortSignal) => ask("GET /api/watch/drift", {}, { signal }),
  quality: (signal: AbortSignal) => ask("GET /api/watch/quality", {}, { signal }),
  samples: (alarm: string, signal: AbortSignal) => ask("GET /api/watch/samples", {}, { query: { alarm }, signal }),
  loops: (signal: AbortSignal) => ask("GET /api/watch/loops", {}, { signal }),
};
