/**
 * Hedged requests: a second server receives the request where the first has not begun to respond after a while; the first good beginning wins, and the other is ended. A request
 * whose first server failed before that goes the way of every failure. Dean and Barroso, "The Tail at Scale" (2013): hedged requests.
 */
import type { Source } from "../streams/relay.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";
import type { Target } from "./route.ts";

export interface Racer {
  readonly target: Target;
  run(stop: Stop): Promise<Source>;
}

interface Race {
  readonly first: Racer;
  /** The second server; undefined where none may be asked. Called once at most. */
  readonly second: () => Racer | undefined;
  /** Undefined: never. */
  readonly afterMs: number | undefined;
  /** Ends both. */
  readonly stop: Stop;
  /** The first began, or was outrun: then it takes longer than until now. Once at most. Without it the slow ones would be missing among the times. */
  readonly firstBegan: () => void;
}

/** The source with its first piece come: some servers send headers long before their first word. Errors: UpstreamFailure; its source is then ended. */
async function begun({ reply, end }: Source): Promise<Source> {
  let piece: Buffer | undefined;
  try {
    const read = await reply.read();
    piece = read === "waiting" ? undefined : read;
  } catch (error) {
    reply.cancel();
    if (error instanceof UpstreamFailure) end(error.isFault ? "failed" : "unknown", error);
    else end("unknown");
    throw error;
  }
  let isTaken = false;
  const again: UpstreamReply = {
    status: reply.status,
    headers: reply.headers,
    read: waitMs => {
      if (isTaken) return reply.read(waitMs);
      isTaken = true;
      return Promise.resolve(piece);
    },
    cancel: () => reply.cancel(),
  };
  return { reply: again, end };
}

interface Won {
  readonly source: Source;
  readonly target: Target;
}

/** Errors: the first's where both failed. */
export function race({ first, second, afterMs, stop, firstBegan }: Race): Promise<Won> {
  return new Promise((resolve, reject) => {
    const running = new Set<Stop>();
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    let firstError: unknown;
    let isFirstRunning = true;
    const over = () => {
      isOver = true;
      clearTimeout(timer);
      for (const other of running) other.stop(new UpstreamFailure("outrun", "another server began first"));
    };
    const enter = (runner: Racer, isFirst: boolean) => {
      const { target } = runner;
      const own = new Stop();
      const passOn = (reason: UpstreamFailure) => own.stop(reason);
      running.add(own);
      stop.add(passOn);
      runner
        .run(own)
        .then(begun)
        .then(
          source => {
            running.delete(own);
            if (isFirst ? !isOver : isFirstRunning) firstBegan();
            if (isFirst) isFirstRunning = false;
            if (isOver) {
              source.reply.cancel();
              source.end("unknown", new UpstreamFailure("outrun", "another server began first"));
              stop.delete(passOn);
              return;
            }
            over();
            resolve({ source, target });
          },
          (error: unknown) => {
            running.delete(own);
            stop.delete(passOn);
            if (isFirst) isFirstRunning = false;
            if (isOver) return;
            if (isFirst) firstError = error;
            // the first's own word against the request is an answer; the second's is only its opinion
            if (running.size === 0 || (isFirst && !(error instanceof UpstreamFailure))) {
              over();
              reject(firstError ?? error);
            }
          },
        );
    };
    enter(first, true);
    if (afterMs === undefined) return;
    timer = setTimeout(() => {
      if (isOver) return;
      let runner: Racer | undefined;
      try {
        runner = second();
      } catch {
        // what cannot be put to another server is this one's alone
      }
      if (runner) enter(runner, false);
    }, afterMs);
  });
}
