/** Ranks that are tasks of one process: the transport of tests, of dry runs, and the plainest reading of the contract. */
import type { Json } from "../base/index.ts";
import { combineAll } from "./arithmetic.ts";
import { ranksErrors } from "./errors.ts";
import type { GroupOptions, ProcessGroup, RankArray, RankNumbers } from "./process-group.ts";

/** One call of every rank: complete when all have come. */
interface Meeting {
  readonly call: string;
  readonly given: Map<number, unknown>;
  readonly done: Promise<void>;
  readonly end: (error?: unknown) => void;
}

const defaultTimeoutMs = 600_000;

/** What the ranks of a group share. */
class Table {
  readonly #meetings = new Map<string, Meeting>();
  readonly #size: number;
  readonly #timeoutMs: number;
  failure: unknown;

  constructor(size: number, timeoutMs: number) {
    this.#size = size;
    this.#timeoutMs = timeoutMs;
  }

  fail(error: unknown): void {
    this.failure ??= error;
    for (const m of this.#meetings.values()) m.end(this.failure);
    this.#meetings.clear();
  }

  /** Waits at `key` for `count` ranks with the same `call`; `finish` is run once, by the last of them. */
  async meet(
    key: string,
    at: { readonly rank: number; readonly call: string; readonly count?: number },
    given: unknown,
    finish: (given: ReadonlyMap<number, unknown>) => void,
  ): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const { rank, call, count = this.#size } = at;
    let meeting = this.#meetings.get(key);
    if (!meeting) {
      let end: (error?: unknown) => void = () => {};
      const done = new Promise<void>((resolve, reject) => {
        end = error => (error === undefined ? resolve() : reject(error));
      });
      done.catch(() => {});
      meeting = { call, given: new Map(), done, end };
      this.#meetings.set(key, meeting);
    }
    if (meeting.call !== call) {
      const [other] = meeting.given.keys();
      this.fail(
        ranksErrors.fail("protocol", {
          place: `rank ${rank}`,
          expected: `${meeting.call}, which rank ${other} has called`,
          received: call,
        }),
      );
      throw this.failure;
    }
    meeting.given.set(rank, given);
    if (meeting.given.size === count) {
      this.#meetings.delete(key);
      finish(meeting.given);
      meeting.end();
    }
    const late = setTimeout(() => this.fail(this.#stuck(meeting)), this.#timeoutMs);
    try {
      await meeting.done;
    } finally {
      clearTimeout(late);
    }
  }

  #stuck({ call, given }: Meeting) {
    const missing = Array.from({ length: this.#size }, (_, i) => i).filter(i => !given.has(i));
    return ranksErrors.fail("stuck", {
      place: call,
      expected: `every rank within ${this.#timeoutMs} ms`,
      received: `nothing of rank ${missing.join(", ")}`,
    });
  }
}

const describe = (x: RankArray): string => `${x.constructor.name}(${x.length})`;

class MemoryGroup implements ProcessGroup {
  readonly transport = "memory";
  readonly rank: number;
  readonly size: number;
  waitedMs = 0;
  readonly #table: Table;
  readonly #timeoutMs: number;
  readonly #prefix: string;
  #calls = 0;
  readonly #messages = new Map<string, number>();
  #isClosed = false;

  constructor(table: Table, timeoutMs: number, at: { readonly rank: number; readonly size: number; readonly prefix: string }) {
    this.#table = table;
    this.#timeoutMs = timeoutMs;
    this.rank = at.rank;
    this.size = at.size;
    this.#prefix = at.prefix;
  }

  async #meet(
    call: string,
    given: unknown,
    finish: (given: ReadonlyMap<number, unknown>) => void,
    message?: { readonly key: string },
  ): Promise<void> {
    if (this.#isClosed) throw ranksErrors.fail("argument", { place: call, expected: "an open group", received: "a closed one" });
    const began = performance.now();
    const key = message ? `${this.#prefix}${message.key}` : `${this.#prefix}${this.#calls++}`;
    const at = { rank: this.rank, call, count: message ? 2 : this.size };
    try {
      await this.#table.meet(key, at, given, finish);
    } finally {
      this.waitedMs += performance.now() - began;
    }
  }

  #check(root: number, call: string): void {
    if (!(Number.isInteger(root) && root >= 0 && root < this.size))
      throw ranksErrors.fail("argument", { place: call, expected: `a rank from 0 to ${this.size - 1}`, received: `${root}` });
  }

  /** The ranks' arrays; all of them have the first one's type, since the call names it. */
  #numbers(given: ReadonlyMap<number, unknown>): RankNumbers[] {
    return Array.from({ length: this.size }, (_, i) => given.get(i) as RankNumbers);
  }

  allReduce(x: RankNumbers, reduction: "sum" | "max" = "sum"): Promise<void> {
    return this.#meet(`allReduce ${reduction} of ${describe(x)}`, x, given => {
      const parts = this.#numbers(given);
      const sum = parts[0]!.slice();
      combineAll(reduction, parts, sum);
      for (const part of parts) part.set(sum);
    });
  }

  reduce(x: RankNumbers, root: number, reduction: "sum" | "max" = "sum"): Promise<void> {
    this.#check(root, "reduce");
    return this.#meet(`reduce ${reduction} of ${describe(x)} at ${root}`, x, given => {
      const parts = this.#numbers(given);
      const sum = parts[0]!.slice();
      combineAll(reduction, parts, sum);
      parts[root]!.set(sum);
    });
  }

  reduceScatter(x: RankNumbers, into: RankNumbers): Promise<void> {
    if (x.length !== into.length * this.size || x.constructor !== into.constructor)
      throw ranksErrors.fail("argument", {
        place: "reduceScatter",
        expected: `${this.size} times ${describe(into)}`,
        received: describe(x),
      });
    return this.#meet(`reduceScatter of ${describe(x)}`, { x, into }, given => {
      const all = Array.from({ length: this.size }, (_, i) => given.get(i) as { readonly x: RankNumbers; readonly into: RankNumbers });
      const n = into.length;
      const sums = all.map((_, r) => {
        const sum = into.slice();
        combineAll(
          "sum",
          all.map(a => a.x.subarray(r * n, (r + 1) * n)),
          sum,
        );
        return sum;
      });
      for (const [r, a] of all.entries()) a.into.set(sums[r]!);
    });
  }

  allGather(own: RankArray, into: RankArray): Promise<void> {
    if (into.length !== own.length * this.size || own.constructor !== into.constructor)
      throw ranksErrors.fail("argument", { place: "allGather", expected: `${this.size} times ${describe(own)}`, received: describe(into) });
    return this.#meet(`allGather of ${describe(own)}`, { own, into }, given => {
      const all = Array.from({ length: this.size }, (_, i) => given.get(i) as { readonly own: Float32Array; readonly into: Float32Array });
      const parts = all.map(a => a.own.slice());
      for (const a of all) for (const [r, part] of parts.entries()) a.into.set(part, r * part.length);
    });
  }

  broadcast(x: RankArray, root: number): Promise<void> {
    this.#check(root, "broadcast");
    return this.#meet(`broadcast of ${describe(x)} from ${root}`, x, given => {
      const from = given.get(root) as Float32Array;
      for (const to of given.values()) if (to !== from) (to as Float32Array).set(from);
    });
  }

  #message(x: RankArray, from: number, to: number): Promise<void> {
    const pair = `${from}>${to}`;
    const count = this.#messages.get(pair) ?? 0;
    this.#messages.set(pair, count + 1);
    const finish = (given: ReadonlyMap<number, unknown>) => (given.get(to) as Float32Array).set(given.get(from) as Float32Array);
    return this.#meet(`send of ${describe(x)} from ${from} to ${to}`, x, finish, { key: `${pair}#${count}` });
  }

  send(x: RankArray, to: number): Promise<void> {
    this.#check(to, "send");
    return this.#message(x, this.rank, to);
  }

  receive(x: RankArray, from: number): Promise<void> {
    this.#check(from, "receive");
    return this.#message(x, from, this.rank);
  }

  async exchange(value: Json): Promise<readonly Json[]> {
    let all: readonly Json[] = [];
    const given = { value, take: (values: readonly Json[]) => (all = values) };
    await this.#meet("exchange", given, found => {
      const values = Array.from({ length: this.size }, (_, i) => structuredClone((found.get(i) as typeof given).value));
      for (const f of found.values()) (f as typeof given).take(values);
    });
    return all;
  }

  async barrier(): Promise<void> {
    await this.#meet("barrier", undefined, () => {});
  }

  async subgroup(members: readonly number[]): Promise<ProcessGroup> {
    const rank = members.indexOf(this.rank);
    for (const m of members) this.#check(m, "subgroup");
    if (rank < 0 || new Set(members).size !== members.length)
      throw ranksErrors.fail("argument", {
        place: "subgroup",
        expected: `different ranks, ${this.rank} among them`,
        received: members.join(", "),
      });
    const made = `${members.join(",")}`;
    const count = this.#messages.get(made) ?? 0;
    this.#messages.set(made, count + 1);
    const at = { rank, size: members.length, prefix: `${this.#prefix}[${made}]${count}:` };
    return new MemoryGroup(this.#table, this.#timeoutMs, at);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** Ends this rank as a crash would: the others get `ranks/lost`. */
  crash(): void {
    this.#isClosed = true;
    this.#table.fail(ranksErrors.fail("lost", { place: `rank ${this.rank}`, expected: "a rank that runs", received: "its end" }));
  }
}

/** A rank of `memoryGroups`, which can be made to end as a crash would. */
export interface MemoryRank extends ProcessGroup {
  crash(): void;
}

/** `size` ranks in this process, to be used by tasks that run side by side. Errors: `ranks/argument`. */
export function memoryGroups(size: number, { timeoutMs = defaultTimeoutMs }: GroupOptions = {}): readonly MemoryRank[] {
  if (!(Number.isInteger(size) && size >= 1))
    throw ranksErrors.fail("argument", { place: "memoryGroups", expected: "a number of ranks from 1", received: `${size}` });
  const table = new Table(size, timeoutMs);
  return Array.from({ length: size }, (_, rank) => new MemoryGroup(table, timeoutMs, { rank, size, prefix: "" }));
}
