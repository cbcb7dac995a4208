/**
 * Who holds a lock or a half-written file: host, process and the time the process started, so that a reused process id is not taken
 * for the old owner. Answers "is the owner dead?" only where this machine can know it; elsewhere heartbeats decide (`locks.ts`).
 */
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { threadId } from "node:worker_threads";
import { sha256 } from "../base/index.ts";

export interface StoreOwner {
  readonly host: string;
  /** Names the set of processes in which `pid` means something: this boot of this machine, and the container's process namespace. */
  readonly space: string;
  readonly pid: number;
  /** When the process started, in the platform's own unit; compared for equality only. */
  readonly started: string;
  /** Worker thread within the process, 0 for the main one. */
  readonly thread: number;
}

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

interface Life {
  readonly started: string;
  /** A zombie has ended; only its parent has not looked yet. */
  readonly ended: boolean;
}

function life(pid: number): Life | undefined {
  if (process.platform === "linux") {
    const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (stat === undefined) return undefined;
    // The command's name stands in brackets and may hold blanks; the fields after it are counted from the last bracket (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { started: fields[19] ?? "", ended: fields[0] === "Z" || fields[0] === "X" };
  }
  if (process.platform === "darwin") {
    const line = attempt(() =>
      execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim(),
    );
    return line ? { started: line, ended: false } : undefined;
  }
  const error = attempt(() => process.kill(pid, 0)) ? undefined : "gone";
  return error ? undefined : { started: "", ended: false };
}

let own: StoreOwner | undefined;

/** This process. */
export function thisOwner(): StoreOwner {
  if (own) return own;
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "";
  const namespace = attempt(() => readlinkSync("/proc/self/ns/pid")) ?? "";
  const host = hostname();
  own = {
    host,
    space: sha256(`${host}\n${boot}\n${namespace}`).slice(0, 12),
    pid: process.pid,
    started: life(process.pid)?.started ?? "",
    thread: threadId,
  };
  return own;
}

/** "dead" and "alive" are certain; "unknown" is an owner of another machine, whom only heartbeats can show. */
export function ownerState(owner: StoreOwner): "alive" | "dead" | "unknown" {
  if (owner.space !== thisOwner().space) return "unknown";
  const found = life(owner.pid);
  if (!found || found.ended || found.started !== owner.started) return "dead";
  return "alive";
}

/** `pid 4711 on vega`: for sentences. */
export const ownerName = (owner: StoreOwner): string => `pid ${owner.pid} on ${owner.host}`;

/** A file name that carries its owner, and the way back. */
export const ownerTag = (owner: StoreOwner): string => `${owner.space}-${owner.pid}-${owner.started.replaceAll(/[^A-Za-z0-9]/g, "")}`;

export function ownerOfTag(tag: string): StoreOwner | undefined {
  const m = /^([0-9a-f]{12})-(\d+)-([A-Za-z0-9]*)/.exec(tag);
  if (!m) return undefined;
  const found = m[1] === thisOwner().space ? life(Number(m[2])) : undefined;
  // The tag holds the start time without punctuation; give the unchanged text back where it is the same moment.
  const started = found && found.started.replaceAll(/[^A-Za-z0-9]/g, "") === m[3] ? found.started : m[3]!;
  return { host: "", space: m[1]!, pid: Number(m[2]), started, thread: 0 };
}
