/**
 * Processor time as the system counts it: user and system time of all threads of this process, and of processes that it started. Time that a process
 * waits, or waits for a processor, is none. Linux tells of children (proc(5): `stat`, the file `children` of each thread); elsewhere only the process itself is counted.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Of `utime` and its like in `/proc/PID/stat`: fixed for programs, whatever the kernel's own tick. */
const ticksPerSecond = 100;
/** Processes below this one that are looked at, at most. */
const mostDescendants = 1000;

/** Seconds of all threads of this process since it began. */
export function ownProcessorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const attempt = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** Fields of `/proc/PID/stat` behind the command's name, which may hold blanks: the first one is the state. */
const statFields = (pid: number | "self"): string[] | undefined => {
  const stat = attempt(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
};
/** Places of utime, stime, cutime and cstime among them. */
const [utime, stime, cutime, cstime] = [11, 12, 13, 14];
const secondsOf = (fields: readonly string[], ...places: readonly number[]): number =>
  places.reduce((sum, i) => sum + Number(fields[i] ?? 0), 0) / ticksPerSecond;

function childrenOf(pid: number | "self"): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(thread =>
      (attempt(`/proc/${pid}/task/${thread}/children`) ?? "").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/**
 * Seconds of the processes that this one started, their own included, ended or not; undefined where the system does not tell. A child that ends keeps
 * counting, once its parent has been told.
 */
export function childProcessorSeconds(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const own = statFields("self");
  if (!own) return undefined;
  let seconds = secondsOf(own, cutime, cstime);
  const open = childrenOf("self");
  for (let looked = 0; open.length > 0 && looked < mostDescendants; looked++) {
    const pid = open.pop()!;
    const fields = statFields(pid);
    if (!fields) continue;
    seconds += secondsOf(fields, utime, stime, cutime, cstime);
    open.push(...childrenOf(pid));
  }
  return seconds;
}

/** Seconds that all processors of the machine were busy with anything; undefined where the system does not tell. */
export function busySeconds(): number | undefined {
  const line = process.platform === "linux" ? attempt("/proc/stat")?.split("\n")[0] : undefined;
  if (!line?.startsWith("cpu ")) return undefined;
  const [user, nice, system, , , irq, softirq] = line.split(/\s+/).slice(1).map(Number);
  return (user! + nice! + system! + (irq ?? 0) + (softirq ?? 0)) / ticksPerSecond;
}
