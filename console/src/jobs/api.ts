/** The addresses of fine-tuning jobs: one function each, as in `api.ts`. */
import { caller } from "../client.ts";
import { answers, type JobEvent } from "../generated/server.ts";
import type { Wish } from "./wishes.ts";

const ask = caller(answers);
/** The most that a page of the server holds. */
const most = 10_000;

/** Events never change: of a job that is looked at again only the newer ones are asked for. */
const known = new Map<string, readonly JobEvent[]>();

export const jobs = {
  /** The newest. */
  list: async (signal: AbortSignal) => (await ask("GET /v1/fine_tuning/jobs", {}, { query: { limit: 100 }, signal })).data,
  /** Oldest first. */
  async events(id: string, signal: AbortSignal): Promise<readonly JobEvent[]> {
    let all = known.get(id) ?? [];
    for (;;) {
      const query = { order: "asc", limit: most, after: all.at(-1)?.id };
      const { data } = await ask("GET /v1/fine_tuning/jobs/{id}/events", { id }, { query, signal });
      all = [...all, ...data];
      if (data.length < most) break;
    }
    known.set(id, all);
    return all;
  },
  checkpoints: async (id: string, signal: AbortSignal) =>
    (await ask("GET /v1/fine_tuning/jobs/{id}/checkpoints", { id }, { query: { limit: 100 }, signal })).data,
  wish: (id: string, wish: Wish) => ask(`POST /v1/fine_tuning/jobs/{id}/${wish}`, { id }, { body: {} }),
};
