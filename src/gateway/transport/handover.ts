/**
 * A gateway that is started anew without a lost request: a process above that never changes holds the listening socket (Node's cluster, which shares it
 * among workers), a worker answers. For a restart another worker is started; when it listens, the old one takes no more connections, finishes what it
 * has, and ends. Node 20 has no SO_REUSEPORT, and with it connections in the queue of a socket that closes would be lost.
 */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { defined } from "../../base/index.ts";

/** What workers and the process above tell each other. */
type Word = "serving" | "heard" | "handOver";
interface Message {
  readonly loamGateway: Word;
}
const isWord = (message: unknown, word: Word): boolean =>
  typeof message === "object" && message !== null && (message as Partial<Message>).loamGateway === word;

/** The worker's side; undefined where there is no process above. */
export interface Handover {
  /** Tells the process above that this worker listens. Resolves once it has heard: from then on it starts workers anew and replaces this one if it falls. */
  serving(): Promise<void>;
  /** Aborted when another has. */
  readonly signal: AbortSignal;
  /** Lets the process end when it has nothing else to do: also where it could not begin. */
  end(): void;
}

export function handoverOf(): Handover | undefined {
  if (!cluster.worker) return undefined;
  const controller = new AbortController();
  const heard = new Promise<void>(resolve => {
    process.on("message", message => {
      if (isWord(message, "heard")) resolve();
      if (isWord(message, "handOver")) controller.abort();
    });
    // nobody is left to hear
    process.once("disconnect", resolve);
  });
  return {
    serving() {
      process.send?.({ loamGateway: "serving" } satisfies Message);
      return heard;
    },
    signal: controller.signal,
    end: () => process.channel?.unref(),
  };
}

interface SupervisorOptions {
  /** The program of a worker and its words; the running program's own when absent. */
  readonly exec?: string;
  readonly args?: readonly string[];
  readonly silent?: boolean;
  /** Until a new worker must listen. */
  readonly startMs?: number;
  readonly told?: (event: "started" | "restarted" | "failed" | "fell", detail: string) => void;
}

export interface Supervisor {
  /** A new worker in the old one's place; false where it did not come up, and the old one stays. One at a time. */
  restart(): Promise<boolean>;
  /** Passes a signal on to the worker that answers. */
  signal(name: NodeJS.Signals): void;
  /** Ends the workers, which finish what they have. */
  stop(): Promise<void>;
  /** Of the worker that answers. */
  readonly pid: number | undefined;
}

/** A worker has so long to come up. */
const defaultStartMs = 60_000;
/** Between attempts to replace a worker that fell, doubled up to the longest. */
const firstWaitMs = 200;
const longestWaitMs = 10_000;

/** To one that fell in the meantime nothing is said: its exit tells. */
const tell = (worker: Worker, word: Word): void => void worker.send({ loamGateway: word } satisfies Message, () => {});

/** Asked to end, and gone. */
async function ended(worker: Worker): Promise<void> {
  if (worker.isDead()) return;
  const gone = once(worker, "exit");
  worker.process.kill("SIGTERM");
  await gone;
}

/** Errors: why it does not serve. */
async function startWorker(startMs: number): Promise<Worker> {
  const worker = cluster.fork();
  const controller = new AbortController();
  const { signal } = controller;
  const serving = async () => {
    for (;;) if (isWord((await once(worker, "message", { signal }))[0], "serving")) return undefined;
  };
  const ends = async () => `it ended with code ${(await once(worker, "exit", { signal }))[0]}`;
  const late = async () => {
    await sleep(startMs, undefined, { signal });
    return `it did not listen within ${startMs} ms`;
  };
  const quiet = (p: Promise<string | undefined>) => p.catch(() => new Promise<never>(() => {}));
  const wrong = await Promise.race([quiet(serving()), quiet(ends()), quiet(late())]);
  controller.abort();
  if (wrong === undefined) {
    tell(worker, "heard");
    return worker;
  }
  worker.process.kill("SIGKILL");
  throw new Error(wrong);
}

/** Errors: a worker that does not come up the first time, as an Error with its exit code. */
export async function supervise({ exec, args, silent, startMs = defaultStartMs, told = () => {} }: SupervisorOptions): Promise<Supervisor> {
  // every worker accepts from the one socket by itself: no process in between
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    ...defined({ exec }),
    ...(args ? { args: [...args] } : {}),
    ...defined({ silent }),
  });
  let current: Worker | undefined;
  let isStopping = false;
  const leaving = new Set<Worker>();

  const start = () => startWorker(startMs);
  /** One that falls is replaced, with patience. */
  const watch = (worker: Worker): void => {
    worker.once("exit", async code => {
      leaving.delete(worker);
      if (isStopping || current !== worker) return;
      current = undefined;
      told("fell", `worker ${worker.process.pid} ended with code ${code}`);
      for (let waitMs = firstWaitMs; !isStopping && current === undefined; waitMs = Math.min(2 * waitMs, longestWaitMs))
        try {
          take(await start());
          told("restarted", `worker ${current!.process.pid}`);
        } catch (error) {
          told("failed", error instanceof Error ? error.message : String(error));
          await sleep(waitMs);
        }
    });
  };
  const take = (worker: Worker): void => {
    current = worker;
    watch(worker);
    // it came up while the end was asked for
    if (isStopping) worker.process.kill("SIGTERM");
  };
  take(await start());
  told("started", `worker ${current!.process.pid}`);

  const replace = async (): Promise<boolean> => {
    if (isStopping) return false;
    let next: Worker;
    try {
      next = await start();
    } catch (error) {
      told("failed", error instanceof Error ? error.message : String(error));
      return false;
    }
    const old = current;
    take(next);
    if (old) {
      leaving.add(old);
      tell(old, "handOver");
    }
    told("restarted", `worker ${next.process.pid}`);
    return true;
  };
  let last: Promise<boolean> = Promise.resolve(true);
  return {
    get pid() {
      return current?.process.pid;
    },
    restart() {
      last = last.then(replace);
      return last;
    },
    signal: name => void current?.process.kill(name),
    async stop() {
      isStopping = true;
      await Promise.all([...leaving, ...(current ? [current] : [])].map(ended));
    },
  };
}
