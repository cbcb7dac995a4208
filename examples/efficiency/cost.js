// The cost of everything here: processor seconds of a process and its children, not the clock.
import { readFileSync } from "node:fs";

/** Ticks a second in /proc; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Processor seconds of the children that this process has waited for; 0 where the system does not tell. */
function childSeconds() {
  if (process.platform !== "linux") return 0;
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ");
  // cutime and cstime, fields 16 and 17 of proc(5); the first two stand before the parenthesis
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/** Processor seconds, user and system, of all threads of this process and of its children. */
export function coreSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childSeconds();
}
