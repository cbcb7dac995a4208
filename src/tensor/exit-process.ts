/**
 * The end of this process at once. `process.exit` waits for Node's thread pool, and a call on it cannot be interrupted: a session that is being
 * created, a read of a slow disk or a pipe.
 */
import { loadKoffi } from "../machine/index.ts";

/** Runs what waits for the process's end, and ends it without waiting for threads. */
export function exitProcess(code: number): never {
  process.exitCode = code;
  try {
    process.emit("exit", code);
    const library = loadKoffi().load(process.platform === "win32" ? "ucrtbase.dll" : null);
    library.func("void _exit(int)")(code);
  } catch {
    // where the C library cannot be called, threads are waited for
  }
  process.exit(code);
}
