/** Ranks of one host that share memory. */
import { userInfo } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../base/index.ts";
import { type LinkedGroup, linkedGroup } from "../linked-group.ts";
import type { GroupOptions } from "../process-group.ts";
import { openSegment } from "./segment.ts";
import { SharedLinks } from "./shared-links.ts";

const defaultJoinMs = 60_000;

export interface SharedMemoryOptions extends GroupOptions {
  readonly rank: number;
  readonly size: number;
  /** Name of the run: one for all its ranks, another for every run. */
  readonly run: string;
  readonly secret: string;
  /** A tmpfs (default: /dev/shm). */
  readonly folder?: string;
  /** Longest wait for all ranks at the start (default 60,000). */
  readonly joinTimeoutMs?: number;
}

/** A rank of `size` on this host. Errors: `ranks/transport`, `ranks/stuck`, `ranks/lost`. */
export async function sharedMemoryGroup(options: SharedMemoryOptions): Promise<LinkedGroup> {
  const { run, folder = "/dev/shm", joinTimeoutMs = defaultJoinMs } = options;
  // the name gives nothing away, for everybody on the host can read it
  const path = join(folder, `loam-ranks-${userInfo().uid}-${sha256(run).slice(0, 24)}`);
  const segment = await openSegment({ ...options, path, joinTimeoutMs });
  return linkedGroup(new SharedLinks(segment, options), options);
}
