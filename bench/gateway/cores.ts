/** A core for the gateway alone, the others for the load and the upstream: where the scheduler puts them would else decide by a third of what is measured. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Cores {
  /** Moves a process, all of its threads and what it starts from then on. */
  gateway(pid: number): void;
  /** Moves a process to the other cores, where this one is. */
  beside(pid: number): void;
  /** Lets a process run where the system puts it. */
  share(pid: number): void;
  /** This process is on the other cores until then. */
  [Symbol.dispose](): void;
}

/** Numbers of a list such as `0-2,5`. */
function cpusOf(list: string): number[] {
  return list.split(",").flatMap(part => {
    const [first, last = first] = part.split("-").map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Undefined where there is one core only, or no `taskset` (Linux has it). */
export function separateCores(): Cores | undefined {
  const move = (pid: number, cpus: string): void => void execFileSync("taskset", ["-a", "-p", "-c", cpus, String(pid)], { stdio: "pipe" });
  let allowed: string | undefined;
  try {
    allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    const cpus = cpusOf(allowed ?? "");
    if (allowed === undefined || cpus.length < 2) return undefined;
    const own = allowed;
    const others = cpus.slice(0, -1).join(",");
    move(process.pid, others);
    return {
      gateway: pid => move(pid, String(cpus.at(-1))),
      beside: pid => move(pid, others),
      share: pid => move(pid, own),
      [Symbol.dispose]: () => move(process.pid, own),
    };
  } catch {
    return undefined;
  }
}
