/** Ranks joined by TCP, on one host or many. */
import { ranksErrors } from "../errors.ts";
import { type LinkedGroup, linkedGroup } from "../linked-group.ts";
import type { GroupOptions } from "../process-group.ts";
import { meetRanks } from "./rendezvous.ts";
import { SystemLinks } from "./system-links.ts";
import { TcpLinks } from "./tcp-links.ts";

const defaultJoinMs = 60_000;
/** A secret that can be guessed protects nothing. */
const leastSecret = 16;

export interface TcpOptions extends GroupOptions {
  readonly rank: number;
  readonly size: number;
  /** Where rank 0 listens, as HOST:PORT, the same for all ranks. Off loopback everything is encrypted. */
  readonly address: string;
  /** At least 16 characters that nobody else knows, the same for all ranks. */
  readonly secret: string;
  /** Longest wait for all ranks at the start (default 60,000). */
  readonly joinTimeoutMs?: number;
  /** How connections are read and written. Default: by system calls where they are not encrypted, on Linux; else by Node. */
  readonly io?: "system" | "node";
}

/** A rank of `size` that meets the others at `address`. Errors: `ranks/argument`, `ranks/transport`, `ranks/stuck`, `ranks/lost`. */
export async function tcpGroup(options: TcpOptions): Promise<LinkedGroup> {
  const { rank, size, secret, joinTimeoutMs = defaultJoinMs, io = "system" } = options;
  if (!(Number.isInteger(size) && size >= 1 && Number.isInteger(rank) && rank >= 0 && rank < size))
    throw ranksErrors.fail("argument", { place: "tcp", expected: "a rank below the number of ranks", received: `${rank} of ${size}` });
  if (secret.length < leastSecret)
    throw ranksErrors.fail("transport", {
      place: "tcp",
      expected: `a secret of at least ${leastSecret} characters`,
      received: `${secret.length}`,
      hint: "Set LOAM_RANKS_SECRET, such as to `openssl rand -hex 32`.",
    });
  const sockets = await meetRanks({ ...options, joinTimeoutMs });
  const links = io === "system" ? await SystemLinks.over(sockets, options) : undefined;
  return linkedGroup(links ?? new TcpLinks(sockets, options), options);
}
