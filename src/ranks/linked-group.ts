/**
 * Ranks joined by links of any kind. Large sums are made slice by slice: each rank gets all ranks' parts of its slice, adds them up in rank order as they
 * come, and hands the sum on while the next part arrives, so that every rank sends and receives 2 (N - 1) / N of the array whatever N is. Small ones go
 * from each rank to each other at once.
 * Source: the reduce-scatter and all-gather of Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", 2005.
 */
import { canonicalJson, type Json, type LoamError, sha256 } from "../base/index.ts";
import { combineAll } from "./arithmetic.ts";
import { ranksErrors } from "./errors.ts";
import { arrayName, type MessageId, type MessagePhase, type RankCall, typeOf } from "./links/call.ts";
import { inlineBytes } from "./links/frame.ts";
import type { Links } from "./links/links.ts";
import { type CallMessages, Messages } from "./links/messages.ts";
import type { GroupOptions, ProcessGroup, RankArray, RankNumbers, Reduction } from "./process-group.ts";
import { sliceOf } from "./slices.ts";

const defaultTimeoutMs = 600_000;
/** The largest value that `exchange` takes, as JSON. */
const exchangeBytes = 1_000_000;

const bytesOf = (x: RankArray): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

/** Bytes of a message as numbers of the type of `like`. */
function numbersAt(bytes: Uint8Array, like: RankNumbers): RankNumbers {
  const { buffer, byteOffset, byteLength } = bytes;
  const length = byteLength / like.BYTES_PER_ELEMENT;
  if (like instanceof Float32Array) return new Float32Array(buffer, byteOffset, length);
  return like instanceof Float64Array ? new Float64Array(buffer, byteOffset, length) : new Int32Array(buffer, byteOffset, length);
}

/** What the groups of a process share. */
interface Shared {
  readonly messages: Messages;
  waitedMs: number;
  isClosed: boolean;
}

export class LinkedGroup implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly #shared: Shared;
  /** This group's ranks as the links number them. */
  readonly #members: readonly number[];
  readonly #channel: number;
  readonly #isWhole: boolean;
  readonly #pairs = new Map<string, number>();
  readonly #made = new Map<string, number>();
  #calls = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(shared: Shared, members: readonly number[], channel: number, isWhole: boolean) {
    this.#shared = shared;
    this.#members = members;
    this.#channel = channel;
    this.#isWhole = isWhole;
    this.rank = members.indexOf(shared.messages.links.rank);
    this.size = members.length;
  }

  get transport(): string {
    return this.#shared.messages.links.transport;
  }
  get waitedMs(): number {
    return this.#shared.waitedMs;
  }
  /** Why every further call fails, where one does. */
  get failure(): LoamError | undefined {
    return this.#shared.messages.failure;
  }
  get #others(): number[] {
    return this.#members.filter((_, i) => i !== this.rank);
  }

  #refuse(place: string, expected: string, received: string) {
    return ranksErrors.fail("argument", { place, expected, received });
  }
  #check(rank: number, place: string): void {
    if (!(Number.isInteger(rank) && rank >= 0 && rank < this.size))
      throw this.#refuse(place, `a rank from 0 to ${this.size - 1}`, `${rank}`);
  }

  async #timed(call: string, work: () => Promise<void>): Promise<void> {
    if (this.#shared.isClosed) throw this.#refuse(call, "an open group", "a closed one");
    const began = performance.now();
    try {
      await work();
    } finally {
      this.#shared.waitedMs += performance.now() - began;
    }
  }

  /** A call of all members, after this group's calls before it. */
  #collective(call: RankCall, plan: (c: Collective) => void): Promise<void> {
    const sequence = this.#calls++;
    const { messages } = this.#shared;
    const run = this.#last.then(() =>
      this.#timed(call.operation, () =>
        messages.run({ channel: this.#channel, sequence, phase: "parts" }, call, m =>
          plan(new Collective(m, { channel: this.#channel, sequence, phase: "parts" })),
        ),
      ),
    );
    this.#last = run.catch(() => {});
    return run;
  }

  /** The parts in rank order, this rank's among them, added up into `own`. */
  #sum(reduction: Reduction, own: RankNumbers, into: RankNumbers, parts: readonly Uint8Array[]): void {
    const all: RankNumbers[] = parts.map(p => numbersAt(p, own));
    all.splice(this.rank, 0, own);
    combineAll(reduction, all, into);
  }

  allReduce(x: RankNumbers, reduction: Reduction = "sum"): Promise<void> {
    const call: RankCall = { operation: "allReduce", type: typeOf(x), elements: x.length, reduction };
    return this.#collective(call, c => {
      if (this.size === 1) return;
      if (x.byteLength <= inlineBytes) this.#reduceSmall(c, x, reduction);
      else this.#reduceSlices(c, x, reduction);
    });
  }

  #reduceSmall(c: Collective, x: RankNumbers, reduction: Reduction): void {
    const others = this.#others;
    for (const to of others) c.send(to, "parts", bytesOf(x));
    c.receive(others, "parts", x.byteLength, (_, parts) => this.#sum(reduction, x, x, parts));
  }

  #reduceSlices(c: Collective, x: RankNumbers, reduction: Reduction): void {
    const others = this.#others;
    const bytes = bytesOf(x);
    const part = (i: number) => {
      const { start, end } = sliceOf(x.length, i, this.size);
      return { start, elements: x.subarray(start, end), bytes: bytes.subarray(start * x.BYTES_PER_ELEMENT, end * x.BYTES_PER_ELEMENT) };
    };
    const own = part(this.rank);
    const results = others.map(to => c.send(to, "results", own.bytes, 0));
    for (const to of others) c.send(to, "parts", part(this.#members.indexOf(to)).bytes);
    c.receive(others, "parts", own.bytes.length, (offset, parts) => {
      const length = parts[0]!.length;
      const at = offset / x.BYTES_PER_ELEMENT;
      const into = own.elements.subarray(at, at + length / x.BYTES_PER_ELEMENT);
      this.#sum(reduction, into, into, parts);
      for (const r of results) r.advance(length);
    });
    for (const from of others) {
      c.receiveInto(from, "results", part(this.#members.indexOf(from)).bytes);
    }
  }

  reduce(x: RankNumbers, root: number, reduction: Reduction = "sum"): Promise<void> {
    this.#check(root, "reduce");
    const call: RankCall = { operation: "reduce", type: typeOf(x), elements: x.length, reduction, root };
    return this.#collective(call, c => {
      if (this.rank !== root) return c.sendAwaited(this.#members[root]!, bytesOf(x));
      if (this.size === 1) return;
      c.receiveAwaited(this.#others, x.byteLength, (offset, parts) => {
        const at = offset / x.BYTES_PER_ELEMENT;
        const into = x.subarray(at, at + parts[0]!.length / x.BYTES_PER_ELEMENT);
        this.#sum(reduction, into, into, parts);
      });
    });
  }

  reduceScatter(x: RankNumbers, into: RankNumbers): Promise<void> {
    if (x.length !== into.length * this.size || x.constructor !== into.constructor)
      throw this.#refuse("reduceScatter", `${this.size} times ${arrayName(into)}`, arrayName(x));
    const call: RankCall = { operation: "reduceScatter", type: typeOf(x), elements: x.length };
    return this.#collective(call, c => {
      const n = into.length;
      const part = (i: number): RankNumbers => x.subarray(i * n, (i + 1) * n);
      if (this.size === 1) return into.set(x);
      for (const to of this.#others) c.send(to, "parts", bytesOf(part(this.#members.indexOf(to))));
      c.receive(this.#others, "parts", into.byteLength, (offset, parts) => {
        const at = offset / x.BYTES_PER_ELEMENT;
        const end = at + parts[0]!.length / x.BYTES_PER_ELEMENT;
        this.#sum("sum", part(this.rank).subarray(at, end), into.subarray(at, end), parts);
      });
    });
  }

  allGather(own: RankArray, into: RankArray): Promise<void> {
    if (into.length !== own.length * this.size || own.constructor !== into.constructor)
      throw this.#refuse("allGather", `${this.size} times ${arrayName(own)}`, arrayName(into));
    const call: RankCall = { operation: "allGather", type: typeOf(own), elements: own.length };
    return this.#collective(call, c => {
      const n = own.byteLength;
      const to = bytesOf(into);
      to.set(bytesOf(own), this.rank * n);
      for (const other of this.#others) {
        const at = this.#members.indexOf(other) * n;
        c.send(other, "parts", bytesOf(own));
        c.receiveInto(other, "parts", to.subarray(at, at + n));
      }
    });
  }

  broadcast(x: RankArray, root: number): Promise<void> {
    this.#check(root, "broadcast");
    const call: RankCall = { operation: "broadcast", type: typeOf(x), elements: x.length, root };
    return this.#collective(call, c => {
      const bytes = bytesOf(x);
      if (this.rank === root) for (const to of this.#others) c.sendAwaited(to, bytes);
      else c.receiveAwaitedInto(this.#members[root]!, bytes);
    });
  }

  async #message(x: RankArray, from: number, to: number): Promise<void> {
    const place = from === this.rank ? "send" : "receive";
    const other = from === this.rank ? to : from;
    this.#check(other, place);
    if (other === this.rank) throw this.#refuse(place, "another rank", `${other}`);
    const pair = `${from}>${to}`;
    const sequence = this.#pairs.get(pair) ?? 0;
    this.#pairs.set(pair, sequence + 1);
    const call: RankCall = { operation: "send", type: typeOf(x), elements: x.length, root: to };
    const id: MessageId = { channel: this.#channel, sequence, phase: "message" };
    const [bytes, peer] = [bytesOf(x), this.#members[other]!];
    await this.#timed(place, () =>
      this.#shared.messages.run(
        id,
        call,
        m => {
          const c = new Collective(m, id);
          if (from === this.rank) c.sendAwaited(peer, bytes);
          else c.receiveAwaitedInto(peer, bytes);
        },
        from === this.rank ? `>${peer}` : `<${peer}`,
      ),
    );
  }

  send(x: RankArray, to: number): Promise<void> {
    return this.#message(x, this.rank, to);
  }
  receive(x: RankArray, from: number): Promise<void> {
    return this.#message(x, from, this.rank);
  }

  async exchange(value: Json): Promise<readonly Json[]> {
    const bytes = Buffer.from(canonicalJson(value));
    if (bytes.length > exchangeBytes) throw this.#refuse("exchange", `at most ${exchangeBytes} bytes of JSON`, `${bytes.length}`);
    const heard = new Map<number, Uint8Array>();
    await this.#collective({ operation: "exchange", elements: 0 }, c => {
      for (const other of this.#others) {
        c.send(other, "parts", bytes);
        c.receiveAtMost(other, exchangeBytes, (offset, part, total) => {
          if (offset === 0) heard.set(other, new Uint8Array(total));
          heard.get(other)!.set(part, offset);
        });
      }
    });
    return this.#members.map((m, i) => this.#parse(m, i === this.rank ? bytes : heard.get(m)!));
  }

  #parse(from: number, bytes: Uint8Array): Json {
    try {
      return JSON.parse(Buffer.from(bytes).toString("utf8")) as Json;
    } catch (cause) {
      const error = ranksErrors.fail("protocol", { place: `rank ${from}`, expected: "a value as JSON", received: "other bytes" }, cause);
      this.#shared.messages.fail(error);
      throw error;
    }
  }

  barrier(): Promise<void> {
    return this.#collective({ operation: "barrier", elements: 0 }, c => {
      const others = this.#others;
      for (const to of others) c.send(to, "parts", new Uint8Array(0));
      if (others.length > 0) c.receive(others, "parts", 0, () => {});
    });
  }

  async subgroup(members: readonly number[]): Promise<ProcessGroup> {
    for (const m of members) this.#check(m, "subgroup");
    if (!members.includes(this.rank) || new Set(members).size !== members.length)
      throw this.#refuse("subgroup", `different ranks, ${this.rank} among them`, members.join(", "));
    const name = members.join(",");
    const count = this.#made.get(name) ?? 0;
    this.#made.set(name, count + 1);
    const channel = Number.parseInt(sha256(`${this.#channel} [${name}] ${count}`).slice(0, 12), 16);
    return new LinkedGroup(
      this.#shared,
      members.map(m => this.#members[m]!),
      channel,
      false,
    );
  }

  /** Of the whole group: leaves the run. A subgroup has nothing to close. */
  async close(): Promise<void> {
    if (!this.#isWhole || this.#shared.isClosed) return;
    await this.#last;
    this.#shared.isClosed = true;
    await this.#shared.messages.close();
  }

  /** Ends this rank as the end of its process would (tests of what the others see). */
  crash(): void {
    this.#shared.isClosed = true;
    this.#shared.messages.links.crash();
  }
}

/** Messages of one call. */
class Collective {
  readonly #messages: CallMessages;
  readonly #id: MessageId;

  constructor(messages: CallMessages, id: MessageId) {
    this.#messages = messages;
    this.#id = id;
  }

  /** `ready` bytes of it are there (default: all). */
  send(to: number, phase: MessagePhase, bytes: Uint8Array, ready = bytes.length) {
    return this.#messages.send({ to, id: { ...this.#id, phase }, bytes, ready, isAwaited: false });
  }
  receive(
    froms: readonly number[],
    phase: MessagePhase,
    bytes: number,
    take: (offset: number, parts: readonly Uint8Array[]) => void,
  ): void {
    this.#messages.receive({ froms, id: { ...this.#id, phase }, bytes, isAwaited: false, take });
  }
  receiveInto(from: number, phase: MessagePhase, into: Uint8Array): void {
    this.#receiveInto(from, phase, into, false);
  }
  receiveAwaitedInto(from: number, into: Uint8Array): void {
    this.#receiveInto(from, this.#id.phase, into, true);
  }
  #receiveInto(from: number, phase: MessagePhase, into: Uint8Array, isAwaited: boolean): void {
    const take = (offset: number, [p]: readonly Uint8Array[]) => {
      const isThere = p!.buffer === into.buffer && p!.byteOffset === into.byteOffset + offset;
      if (!isThere) into.set(p!, offset);
    };
    this.#messages.receive({ froms: [from], id: { ...this.#id, phase }, bytes: into.length, into, isAwaited, take });
  }
  receiveAtMost(from: number, bytes: number, take: (offset: number, part: Uint8Array, total: number) => void): void {
    this.#messages.receive({
      froms: [from],
      id: this.#id,
      bytes,
      isOpenEnded: true,
      isAwaited: false,
      take: (offset, [p], total) => take(offset, p!, total),
    });
  }
  /** Where the receiver sends nothing itself, the sender waits until it has taken the message: no rank runs far ahead. */
  sendAwaited(to: number, bytes: Uint8Array): void {
    this.#messages.send({ to, id: this.#id, bytes, isAwaited: true });
  }
  receiveAwaited(froms: readonly number[], bytes: number, take: (offset: number, parts: readonly Uint8Array[]) => void): void {
    this.#messages.receive({ froms, id: this.#id, bytes, isAwaited: true, take });
  }
}

/** The group of all ranks of some links. */
export function linkedGroup(links: Links, { timeoutMs = defaultTimeoutMs }: GroupOptions = {}): LinkedGroup {
  const members = Array.from({ length: links.size }, (_, i) => i);
  return new LinkedGroup({ messages: new Messages(links, timeoutMs), waitedMs: 0, isClosed: false }, members, 0, true);
}
