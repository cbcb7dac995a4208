/** The process of the command line: this process's arguments, streams and signals around `runCli`; ends with a documented exit code. */
import { exitCodes, guardPausedResponses } from "../base/index.ts";
import { chargeUnclaimedTime } from "../ledger/index.ts";
import { runCli } from "./run-cli.ts";
import type { Verb } from "./verb.ts";

/** npm passes on a Ctrl-C that the terminal has sent already: two signals within this time are one wish. */
const sameWishMs = 500;

/** Ends the process without waiting for threads: `process.exit` waits for native calls and blocked reads. */
async function endNow(code: number): Promise<never> {
  const { exitProcess } = await import("../tensor/index.ts");
  return exitProcess(code);
}

/** Ctrl-C and SIGTERM once: stop in good order. Again: stop now. `begin` installs the handlers, `end` takes them away. */
function signals(): { readonly signal: AbortSignal; begin(): void; end(): void } {
  const controller = new AbortController();
  let askedMs: number | undefined;
  const stop = () => {
    const nowMs = performance.now();
    if (askedMs !== undefined && nowMs - askedMs > sameWishMs) void endNow(exitCodes.interrupted);
    if (askedMs !== undefined) return;
    askedMs = nowMs;
    controller.abort();
  };
  return {
    signal: controller.signal,
    begin: () => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, stop);
    },
    end: () => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
    },
  };
}

/** Who reads our lines may stop (`loam models | head -1`): that ends the command without a word. Other errors of a stream are errors. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") > 0) continue;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(exitCodes.ok);
      throw error;
    });
  }
}

/** Ends the process when its output is written, whatever still loads. */
async function endProcess(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>(resolve => stream.write("", () => resolve()));
  return endNow(code);
}

/** Runs a command line in this process; gives the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  endWithReader();
  guardPausedResponses();
  const { signal, begin, end } = signals();
  const { stdin, stdout, stderr } = process;
  let hasAbandoned = false;
  const abandon = () => {
    hasAbandoned = true;
  };
  try {
    // until its modules are there a verb has begun nothing, and no handler could run between them: a signal ends the process
    const onLoaded = (verb: Verb) => {
      begin();
      if (verb.isForRuns) chargeUnclaimedTime();
    };
    const code = await runCli({ argv, cwd: process.cwd(), env: process.env, stdin, stdout, stderr, signal, onLoaded, abandon });
    if (hasAbandoned) await endProcess(code);
    return code;
  } finally {
    end();
  }
}
