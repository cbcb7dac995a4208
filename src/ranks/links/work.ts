/** A call of this rank that is under way: the messages that it sends and waits for. */
import { callName, type MessagePhase, type RankCall } from "./call.ts";
import type { Incoming } from "./incoming.ts";
import type { Outgoing } from "./outgoing.ts";

export class CallWork {
  readonly key: string;
  readonly call: RankCall;
  readonly outgoing: Outgoing[] = [];
  readonly incoming: Incoming[] = [];
  readonly done: Promise<void>;
  /** Ranks from which anything of this call has come. */
  readonly heard = new Set<number>();
  #left = 1;
  #end: (error?: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(key: string, call: RankCall, ended: () => void) {
    this.key = key;
    this.call = call;
    this.done = new Promise((resolve, reject) => {
      this.#end = error => {
        clearTimeout(this.#timer);
        ended();
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    this.done.catch(() => {});
  }

  get name(): string {
    return callName(this.call);
  }

  /** One thing more to wait for; the result ends it. */
  readonly expect = (): (() => void) => {
    this.#left++;
    return () => this.settle();
  };

  /** Ends the count that a new call begins with, or one of those that `expect` gave. */
  settle(): void {
    this.#left--;
    if (this.#left === 0) this.#end();
  }

  /** Calls `late` when nothing has come for `timeoutMs`. */
  watch(timeoutMs: number, late: () => void): void {
    if (this.#left > 0) this.#timer = setTimeout(late, timeoutMs);
  }

  heardFrom(from: number): void {
    this.heard.add(from);
    this.#timer?.refresh();
  }

  fail(error: unknown): void {
    for (const i of this.incoming) i.drop();
    this.#end(error);
  }

  incomingOf(from: number, phase: MessagePhase): Incoming | undefined {
    return this.incoming.find(i => i.plan.id.phase === phase && i.plan.froms.includes(from));
  }
  outgoingTo(to: number, phase: MessagePhase): Outgoing | undefined {
    return this.outgoing.find(o => o.plan.id.phase === phase && o.plan.to === to);
  }

  /** Whether this rank has to do anything before the call can end. */
  waitsFor(rank: number): boolean {
    return this.incoming.some(i => i.isWaitingFor(rank)) || this.outgoing.some(o => o.plan.to === rank && !o.isOver && o.needsAnswer);
  }
}
