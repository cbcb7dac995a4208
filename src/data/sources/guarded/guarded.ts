/**
 * Foreign formats are taken apart in a process of their own, with a limit on time and on memory: a file that was made to mislead its
 * reader (an endless loop, a bomb) costs itself, not the run. Processes are kept between files; bytes are read here, so that a source
 * stays what knows where they are.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { formatBytes, formatDuration } from "../../../base/index.ts";
import { BadFile } from "../bad-file.ts";
import type { RandomAccess } from "../file.ts";

type JobKind = "pdf" | "parquet";

export interface ReaderLimits {
  /** Longest time for one piece (a page, a row group), ms, without what reading takes. Far beyond what an honest one needs. */
  readonly pieceMs: number;
  /** What a piece gets beyond that for each byte that it says it unpacks to (an item's `ahead`). */
  readonly msPerByte?: number;
  /** The same for the whole file. */
  readonly fileMs: number;
  /** What the process may hold, all told. */
  readonly memoryBytes: number;
}

type Reply =
  | { readonly read: number; readonly start: number; readonly end: number }
  | { readonly item: unknown }
  | { readonly end: true; readonly sizeBytes: number }
  | { readonly bad: { readonly reason: string; readonly message: string }; readonly sizeBytes: number }
  | { readonly gone: string };

interface Child {
  readonly process: ChildProcess;
  hear: (reply: Reply) => void;
  idle: NodeJS.Timeout | undefined;
}

/** A process that nobody needed for so long is ended. */
const idleMs = 10_000;
/** One that is kept holds at most this share of what it may. */
const keptShare = 0.5;

const kept = new Map<string, Child>();

function start(kind: JobKind, memoryBytes: number): Child {
  // No environment: what takes foreign files apart needs no credentials. No options of this process either (inspectors, loaders).
  const process = fork(fileURLToPath(new URL("./child.mjs", import.meta.url)), [kind, String(memoryBytes)], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: [`--max-old-space-size=${Math.ceil(memoryBytes / 2 ** 20)}`],
    env: {},
  });
  const child: Child = { process, hear: () => {}, idle: undefined };
  process.on("message", reply => child.hear(reply as Reply));
  process.on("error", error => child.hear({ gone: error.message }));
  process.on("exit", (code, signal) => child.hear({ gone: signal ?? `exit code ${code}` }));
  return child;
}

function take(kind: JobKind, memoryBytes: number): Child {
  const name = `${kind} ${memoryBytes}`;
  const child = kept.get(name);
  kept.delete(name);
  clearTimeout(child?.idle);
  if (!child?.process.connected) return start(kind, memoryBytes);
  child.process.ref();
  child.process.channel?.ref();
  return child;
}

function keep(kind: JobKind, memoryBytes: number, child: Child): void {
  const name = `${kind} ${memoryBytes}`;
  if (kept.has(name)) {
    child.process.kill("SIGKILL");
    return;
  }
  const forget = () => {
    if (kept.get(name) === child) kept.delete(name);
  };
  child.hear = forget;
  child.process.unref();
  child.process.channel?.unref();
  child.idle = setTimeout(() => {
    forget();
    child.process.kill("SIGKILL");
  }, idleMs).unref();
  kept.set(name, child);
}

/**
 * The pieces that a job makes of a file. Errors: `BadFile` with the job's own reasons, "too-slow", "too-large"; whatever reading the file
 * throws.
 */
export async function* readGuarded<Item>(kind: JobKind, file: RandomAccess, options: object, limits: ReaderLimits): AsyncGenerator<Item> {
  const child = take(kind, limits.memoryBytes);
  const inbox: Exclude<Reply, { read: number }>[] = [];
  let wake = () => {};
  let failure: { readonly error: unknown } | undefined;
  let isDone = false;
  let usedMs = 0;
  let since = 0;
  let clock: NodeJS.Timeout | undefined;
  let reading = 0;
  let aheadMs = 0;

  const stop = () => {
    if (clock === undefined) return;
    clearTimeout(clock);
    clock = undefined;
    usedMs += performance.now() - since;
  };
  const go = () => {
    stop();
    since = performance.now();
    const pieceMs = limits.pieceMs + aheadMs;
    const leftMs = Math.max(1, Math.min(pieceMs, limits.fileMs - usedMs));
    const mine = setTimeout(() => {
      // This thread may have been busy itself: what has come meanwhile is heard first.
      setImmediate(() => {
        if (clock !== mine) return;
        const tooSlow = leftMs < pieceMs ? limits.fileMs : pieceMs;
        failure ??= { error: new BadFile("too-slow", `not read within ${formatDuration(tooSlow)}`) };
        child.process.kill("SIGKILL");
      });
    }, leftMs);
    clock = mine;
  };
  const send = (message: object) => {
    if (child.process.connected) child.process.send(message, () => {});
    go();
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    child.process.kill("SIGKILL");
  };
  child.hear = reply => {
    if ("read" in reply) {
      stop();
      reading++;
      file.read(reply.start, reply.end).then(bytes => {
        reading--;
        if (!isDone) send({ read: reply.read, bytes });
        if (reading > 0) stop();
      }, fail);
      return;
    }
    stop();
    inbox.push(reply);
    wake();
  };
  send({ sizeBytes: file.sizeBytes, options });
  try {
    for (;;) {
      while (inbox.length === 0)
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      const reply = inbox.shift()!;
      if ("item" in reply) {
        const { ahead } = reply.item as { readonly ahead?: unknown };
        aheadMs = typeof ahead === "number" ? ahead * (limits.msPerByte ?? 0) : 0;
        // The next is made while this one is used.
        send({ next: true });
        yield reply.item as Item;
        continue;
      }
      isDone = true;
      if ("gone" in reply) {
        if (failure) throw failure.error;
        throw new BadFile("too-large", `its reader needed more than ${formatBytes(limits.memoryBytes)} and was ended (${reply.gone})`);
      }
      stop();
      if (reply.sizeBytes > keptShare * limits.memoryBytes) child.process.kill("SIGKILL");
      else keep(kind, limits.memoryBytes, child);
      if ("bad" in reply) throw new BadFile(reply.bad.reason, reply.bad.message);
      return;
    }
  } finally {
    stop();
    if (!isDone) {
      isDone = true;
      child.hear = () => {};
      child.process.kill("SIGKILL");
    }
  }
}
