/**
 * Ranks that an engine starts one by one, on hosts that nobody knows beforehand, and that share a folder: each writes where it is, waits for all others, and all
 * come to the same way to reach each other. The folder is the trust: whoever can read the secret in it can join.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { defined, environment, pause, privateFileMode, writeFileAtomic } from "../base/index.ts";
import { ranksErrors } from "./errors.ts";
import type { GroupOptions, ProcessGroup } from "./process-group.ts";
import { sharedMemoryGroup } from "./shared/index.ts";
import { tcpGroup } from "./tcp/index.ts";
import { rankVariables } from "./variables.ts";

/** Where a rank runs, as the others read it. */
export interface RankPlacement {
  readonly rank: number;
  readonly host: string;
  /** Equal for ranks that can share memory: one system, one /dev/shm. Null where there is none. */
  readonly memory: string | null;
  /** Equal for ranks with the same network interfaces. */
  readonly network: string;
  /** IP addresses, in the order in which they are tried; no loopback. */
  readonly addresses: readonly string[];
  /** At which it would listen. */
  readonly port: number;
}

export interface FolderMeetingOptions extends GroupOptions {
  readonly folder: string;
  readonly rank: number;
  readonly size: number;
  /** One name for all ranks of a run. */
  readonly run: string;
  readonly secret: string;
  /** Longest wait for all ranks. */
  readonly joinTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Ranks that shared memory takes. */
const mostInMemory = 64;
const lookMs = 100;
/** Network interfaces of this name alone are offered, as NCCL_SOCKET_IFNAME does it. */
const interfaceVariable = "LOAM_RANKS_INTERFACE";
const loopback = "127.0.0.1";

const fileOf = (rank: number): string => `here-${rank}.json`;

function orNothing<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}

/** A port that nobody else gets until it is released. */
function holdPort(): Promise<{ readonly port: number; release(): Promise<void> }> {
  const server = createServer(socket => socket.destroy());
  const release = () => new Promise<void>(resolve => void server.close(() => resolve()));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, () => {
      const address = server.address();
      resolve({ port: typeof address === "object" && address ? address.port : 0, release });
    });
  });
}

/** Errors: `ranks/argument` for an interface that this host lacks. */
function ownAddresses(): string[] {
  const only = environment()[interfaceVariable] || undefined;
  const found = Object.entries(networkInterfaces()).filter(([name]) => only === undefined || name === only);
  if (only !== undefined && found.length === 0)
    throw ranksErrors.fail("argument", {
      place: interfaceVariable,
      expected: `one of ${Object.keys(networkInterfaces()).join(", ")} on ${hostname()}`,
      received: JSON.stringify(only),
    });
  const addresses = found.flatMap(([, list = []]) => list).filter(a => !a.internal && !a.address.startsWith("fe80"));
  return addresses.sort((a, b) => a.family.localeCompare(b.family)).map(a => a.address);
}

function ownPlacement(rank: number, port: number): RankPlacement {
  const boot = orNothing(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const shared = orNothing(() => statSync("/dev/shm").dev);
  return {
    rank,
    host: hostname(),
    memory: boot === undefined || shared === undefined ? null : `${boot} ${shared} ${process.getuid?.()}`,
    network: `${boot ?? hostname()} ${orNothing(() => readlinkSync("/proc/self/ns/net")) ?? ""}`,
    addresses: ownAddresses(),
    port,
  };
}

const placementsIn = (folder: string): RankPlacement[] =>
  readdirSync(folder)
    .filter(name => /^here-\d+\.json$/.test(name))
    // a folder of several hosts may list a file that cannot be read yet
    .flatMap(name => orNothing(() => JSON.parse(readFileSync(join(folder, name), "utf8")) as RankPlacement) ?? []);

/** Ranks of `size` that have not come to the folder. */
export function missingRanks(folder: string, size: number): number[] {
  const here = new Set(orNothing(() => placementsIn(folder))?.map(p => p.rank));
  return Array.from({ length: size }, (_, rank) => rank).filter(rank => !here.has(rank));
}

/** How the ranks of a run reach each other; every rank comes to the same. Errors: `ranks/transport` where rank 0 has no address. */
export function commonTransport(all: readonly RankPlacement[]): { readonly transport: "shared memory" } | { readonly address: string } {
  const [first, ...others] = all.toSorted((a, b) => a.rank - b.rank) as [RankPlacement, ...RankPlacement[]];
  const wanted = environment()[rankVariables.transport];
  const canShare = first.memory !== null && all.length <= mostInMemory && others.every(o => o.memory === first.memory);
  if (canShare && wanted !== "tcp") return { transport: "shared memory" };
  const elsewhere = others.filter(o => o.network !== first.network);
  if (elsewhere.length === 0) return { address: `${loopback}:${first.port}` };
  // an address that another host has too is of a bridge of its own, such as Docker's
  const address = first.addresses.find(a => !elsewhere.some(o => o.addresses.includes(a)));
  if (address !== undefined) return { address: `${address.includes(":") ? `[${address}]` : address}:${first.port}` };
  throw ranksErrors.fail("transport", {
    place: `rank 0 on ${first.host}`,
    expected: "an IP address that the other hosts reach",
    received: first.addresses.length === 0 ? "none" : `${first.addresses.join(", ")}, which other hosts have too`,
    hint: `Name its network interface by ${interfaceVariable}.`,
  });
}

async function waitForAll({ folder, size, joinTimeoutMs, signal }: FolderMeetingOptions): Promise<void> {
  for (const end = performance.now() + joinTimeoutMs; ; await pause(lookMs, signal)) {
    const missing = missingRanks(folder, size);
    if (missing.length === 0) return;
    if (performance.now() <= end) continue;
    throw ranksErrors.fail("stuck", {
      place: "start of the ranks",
      expected: `all ${size} ranks within ${Math.round(joinTimeoutMs / 1000)} s`,
      received: `nothing of rank ${missing.join(", ")}`,
    });
  }
}

/**
 * Meets the other ranks in a folder and joins them: by shared memory on one host, by TCP elsewhere (encrypted off loopback).
 * Errors: `ranks/stuck` with the ranks that did not come in time, `ranks/transport`; the signal's reason.
 */
export async function meetInFolder(o: FolderMeetingOptions): Promise<ProcessGroup> {
  const { folder, rank, size, run, secret, timeoutMs } = o;
  const held = await holdPort();
  try {
    const own = JSON.stringify(ownPlacement(rank, held.port));
    writeFileAtomic(join(folder, fileOf(rank)), own, { mode: privateFileMode, durable: false });
    await waitForAll(o);
  } finally {
    await held.release();
  }
  const found = commonTransport(placementsIn(folder));
  const options = { rank, size, secret, joinTimeoutMs: 60_000, ...defined({ timeoutMs }) };
  return "transport" in found ? sharedMemoryGroup({ ...options, run }) : tcpGroup({ ...options, address: found.address });
}
