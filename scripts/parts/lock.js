/** One at a time: a folder as a lock, with its owner's process id inside; a dead owner's lock is taken over. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const lookAgainMs = 100;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function tryLock(folder) {
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, "pid"), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

function owner(folder) {
  try {
    return Number(readFileSync(join(folder, "pid"), "utf8"));
  } catch {
    return undefined;
  }
}

/** Does `work` while nobody else holds `folder`. */
export async function locked(folder, work) {
  mkdirSync(dirname(folder), { recursive: true });
  // A lock without a name for so many looks was left by someone who died between two calls.
  for (let nameless = 0; !tryLock(folder); ) {
    const pid = owner(folder);
    nameless = pid ? 0 : nameless + 1;
    if ((pid && !isAlive(pid)) || nameless > 50) rmSync(folder, { recursive: true, force: true });
    else await new Promise(resolve => setTimeout(resolve, lookAgainMs));
  }
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
