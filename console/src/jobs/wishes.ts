/** What may be asked of a job in each status; a server that is asked for more refuses. */
import type { JobStatus } from "../generated/server.ts";

export type Wish = "pause" | "resume" | "cancel";

const all: { readonly [S in JobStatus]: readonly Wish[] } = {
  validating_files: ["pause", "cancel"],
  queued: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  succeeded: [],
  failed: [],
  cancelled: [],
};
export const jobStatuses = Object.keys(all) as readonly JobStatus[];
export const wishesOf = (status: JobStatus): readonly Wish[] => all[status];
export const isOver = (status: JobStatus): boolean => all[status].length === 0;
