/** The addresses of fine-tuning jobs: one function each, as in `api.ts`. */
import { get, post } from "../api.ts";
import * as contract from "../contract-jobs.ts";
import type { Wish } from "./wishes.ts";

const at = "/v1/fine_tuning/jobs";
const of = encodeURIComponent;
/** The most that a page of the server holds. */
const most = 10_000;

/** Events never change: of a job that is looked at again only the newer ones are asked for. */
const known = new Map<string, readonly contract.JobEvent[]>();

export const jobs = {
  /** The newest. */
  list: async (signal: AbortSignal) => (await get(`${at}?limit=100`, contract.jobs, signal)).data,
  /** Oldest first. */
  async events(id: string, signal: AbortSignal): Promise<readonly contract.JobEvent[]> {
    let all = known.get(id) ?? [];
    for (;;) {
      const last = all.at(-1);
      const after = last ? `&after=${of(last.id)}` : "";
      const { data } = await get(`${at}/${of(id)}/events?order=asc&limit=${most}${after}`, contract.events, signal);
      all = [...all, ...data];
      if (data.length < most) break;
    }
    known.set(id, all);
    return all;
  },
  checkpoints: async (id: string, signal: AbortSignal) =>
    (await get(`${at}/${of(id)}/checkpoints?limit=100`, contract.checkpoints, signal)).data,
  wish: (id: string, wish: Wish) => post(`${at}/${of(id)}/${wish}`, {}, contract.job),
};
