/**
 * Calls of this rank matched with those of others, over links of any kind. A message is announced first and moved when the receiver waits for it, so
 * nobody's memory fills with what nobody asked for, and no pair of ranks blocks another call of the same pair. What does not match ends the run on all
 * ranks with one sentence: the first to notice tells the others.
 * Source of the scheme: eager and rendezvous messages of MPI implementations; credits as in InfiniBand.
 */
import type { LoamError } from "../../base/index.ts";
import { ranksErrors } from "../errors.ts";
import { callName, type MessageId, messageKey, type RankCall } from "./call.ts";
import { type FrameHeader, plainHeader } from "./frame.ts";
import { Incoming, type IncomingPlan } from "./incoming.ts";
import type { Arrived, Links } from "./links.ts";
import { Outgoing, type OutgoingPlan } from "./outgoing.ts";
import { CallWork } from "./work.ts";

/** Announcements of a rank that nobody here has asked for yet: each is at most a short message. */
const mostEarly = 1024;
const abortBytes = 4096;

interface Early {
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
}

const isSameCall = (a: RankCall, b: RankCall): boolean =>
  a.operation === b.operation && a.type === b.type && a.elements === b.elements && a.reduction === b.reduction && a.root === b.root;

/** Messages of `send` are matched by their pair and direction, those of collectives by their group alone. */
const workKey = (id: MessageId, way: string): string =>
  id.phase === "message" ? `${messageKey(id)}${way}` : `${id.channel}/${id.sequence}`;

export class Messages {
  readonly links: Links;
  readonly #timeoutMs: number;
  readonly #works = new Map<string, CallWork>();
  readonly #early = new Map<number, Map<string, Early>>();
  /** Calls of a channel that were begun here. */
  readonly #begun = new Map<number, number>();
  readonly #closed = new Set<number>();
  #failure: LoamError | undefined;

  constructor(links: Links, timeoutMs: number) {
    this.links = links;
    this.#timeoutMs = timeoutMs;
    links.start({
      place: (from, header) => this.#place(from, header),
      frame: (from, arrived) => this.#frame(from, arrived),
      room: to => this.#pump(to),
      lost: (from, why) => this.#lost(from, why),
      invalid: (from, what) => this.#invalid(from, what),
    });
  }

  get failure(): LoamError | undefined {
    return this.#failure;
  }

  /** A call of this rank: `plan` says what it sends and waits for, as messages of it. Ends when all of that is done. */
  async run(id: MessageId, call: RankCall, plan: (messages: CallMessages) => void, way = ""): Promise<void> {
    if (this.#failure) throw this.#failure;
    const key = workKey(id, way);
    if (id.phase !== "message") this.#begun.set(id.channel, Math.max(this.#begun.get(id.channel) ?? 0, id.sequence + 1));
    const work: CallWork = new CallWork(key, call, () => {
      this.#works.delete(key);
      this.links.expect(this.#works.size > 0);
    });
    this.#works.set(key, work);
    plan({
      send: o => {
        const out = new Outgoing(this.links, { ...o, call }, work.expect());
        work.outgoing.push(out);
        return out;
      },
      receive: i => void work.incoming.push(new Incoming(this.links, { ...i, call }, work.expect())),
    });
    this.links.expect(true);
    for (const o of work.outgoing) o.start();
    this.#deliverEarly(key);
    for (const rank of this.#closed) if (work.waitsFor(rank)) this.#lost(rank, "its close");
    work.watch(this.#timeoutMs, () => this.fail(this.#stuck(work)));
    work.settle();
    return work.done;
  }

  /** Ends every call of this rank, now and later, with one error, and tells the other ranks. */
  fail(error: LoamError, { tell = true }: { readonly tell?: boolean } = {}): void {
    if (this.#failure) return;
    this.#failure = error;
    this.links.dropPlaces?.();
    if (tell) {
      const { code, place, expected, received, hint, message } = error.problem;
      const text = Buffer.from(JSON.stringify({ code, place, expected, received, hint, message }));
      if (text.length <= abortBytes)
        for (let to = 0; to < this.links.size; to++)
          if (to !== this.links.rank && !this.#closed.has(to)) this.links.post(to, plainHeader("abort", text.length), text);
    }
    for (const work of [...this.#works.values()]) work.fail(error);
    this.#early.clear();
  }

  async close(): Promise<void> {
    // a rank that has closed may wait for this one's farewell
    for (let to = 0; to < this.links.size; to++) if (to !== this.links.rank) this.links.post(to, plainHeader("bye"), undefined);
    await this.links.close();
  }

  #place(from: number, header: FrameHeader): Uint8Array | undefined {
    if (this.#failure || header.kind !== "body") return undefined;
    return this.#works
      .get(workKey(header.id, `<${from}`))
      ?.incomingOf(from, header.id.phase)
      ?.place(from, header);
  }

  #frame(from: number, arrived: Arrived): void {
    const { header } = arrived;
    if (this.#failure) {
      arrived.release();
      return;
    }
    if (header.kind === "body") {
      this.#body(from, arrived);
      return;
    }
    if (header.kind === "message") {
      const fault = this.#message(from, header, arrived);
      if (fault !== undefined) this.#invalid(from, fault);
      return;
    }
    if (header.kind === "abort") this.#aborted(from, arrived.payload);
    arrived.release();
    if (header.kind === "bye") this.#bye(from);
    else if (header.kind === "credit") this.#credit(from, header);
  }

  #bye(from: number): void {
    this.#closed.add(from);
    if ([...this.#works.values()].some(w => w.waitsFor(from))) this.#lost(from, "its close");
  }

  #credit(from: number, { id, credits }: FrameHeader): void {
    const work = this.#works.get(workKey(id, `>${from}`));
    const outgoing = work?.outgoingTo(from, id.phase);
    // the answer to a message that nobody here waits for any more
    if (!work || !outgoing) return;
    work.heardFrom(from);
    outgoing.credit(credits);
  }

  #message(from: number, header: FrameHeader, arrived: Arrived): string | undefined {
    const { id } = header;
    const work = this.#works.get(workKey(id, `<${from}`));
    if (!work) {
      const payload = arrived.payload.slice();
      arrived.release();
      if (id.phase !== "message" && id.sequence < (this.#begun.get(id.channel) ?? 0)) return `${callName(header.call)}, which is over`;
      return this.#keepEarly(from, header, payload);
    }
    const incoming = work.incomingOf(from, id.phase);
    if (!isSameCall(work.call, header.call)) {
      arrived.release();
      this.fail(
        ranksErrors.fail("protocol", {
          place: `rank ${from}`,
          expected: `${work.name}, as rank ${this.links.rank} calls it`,
          received: callName(header.call),
        }),
      );
      return undefined;
    }
    const fault = incoming ? incoming.announce(from, header) : `a message of ${work.name} that it has not to send`;
    if (fault !== undefined || header.payloadBytes < header.total) {
      arrived.release();
      if (fault === undefined) work.heardFrom(from);
      return fault;
    }
    work.heardFrom(from);
    return this.#chunk(incoming!, from, arrived);
  }

  #body(from: number, arrived: Arrived): void {
    const { id } = arrived.header;
    const work = this.#works.get(workKey(id, `<${from}`));
    const incoming = work?.incomingOf(from, id.phase);
    if (!work || !incoming) {
      arrived.release();
      this.#invalid(from, "a part of a message that nobody waits for");
      return;
    }
    work.heardFrom(from);
    const fault = this.#chunk(incoming, from, arrived);
    if (fault !== undefined) this.#invalid(from, fault);
  }

  #chunk(incoming: Incoming, from: number, arrived: Arrived): string | undefined {
    const fault = incoming.chunk(from, arrived);
    if (fault !== undefined) arrived.release();
    return fault;
  }

  #keepEarly(from: number, header: FrameHeader, payload: Uint8Array): string | undefined {
    const early = this.#early.get(from) ?? new Map<string, Early>();
    this.#early.set(from, early);
    if (early.size >= mostEarly) return `more than ${mostEarly} messages ahead of rank ${this.links.rank}`;
    const key = messageKey(header.id);
    if (early.has(key)) return "the same message again";
    early.set(key, { header, payload });
    return undefined;
  }

  #deliverEarly(key: string): void {
    for (const [from, early] of this.#early)
      for (const [name, { header, payload }] of early) {
        if (workKey(header.id, `<${from}`) !== key) continue;
        early.delete(name);
        const fault = this.#message(from, header, { header, payload, release: () => {} });
        if (fault !== undefined) this.#invalid(from, fault);
      }
  }

  #pump(to: number): void {
    for (const work of this.#works.values()) for (const o of work.outgoing) if (o.plan.to === to) o.pump();
  }

  #aborted(from: number, payload: Uint8Array): void {
    const told = readAbort(payload);
    if (typeof told === "string") this.#invalid(from, told);
    else this.fail(told, { tell: false });
  }

  #lost(from: number, why: string): void {
    this.fail(ranksErrors.fail("lost", { place: `rank ${from}`, expected: "a rank that runs", received: why }));
  }

  #invalid(from: number, what: string): void {
    this.fail(ranksErrors.fail("protocol", { place: `rank ${from}`, expected: "messages of this run's ranks", received: what }));
  }

  #stuck(work: CallWork): LoamError {
    const waited = Array.from({ length: this.links.size }, (_, i) => i).filter(i => i !== this.links.rank && work.waitsFor(i));
    const silent = waited.filter(i => !work.heard.has(i));
    const named = (silent.length > 0 ? silent : waited).join(", ");
    return ranksErrors.fail("stuck", {
      place: work.name,
      expected: `every rank within ${this.#timeoutMs} ms`,
      received: `nothing${silent.length > 0 ? "" : " more"} of rank ${named}`,
    });
  }
}

/** What the ranks' calls are made of. */
export interface CallMessages {
  send(o: Omit<OutgoingPlan, "call">): Outgoing;
  receive(i: Omit<IncomingPlan, "call">): void;
}

function readAbort(payload: Uint8Array): LoamError | string {
  const none = "an end of the run without a reason";
  if (payload.length > abortBytes) return none;
  try {
    const told: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    if (typeof told !== "object" || told === null) return none;
    const { code, ...rest } = told as Record<string, unknown>;
    const texts = Object.entries(rest).filter((e): e is [string, string] => typeof e[1] === "string");
    const name = /^ranks\/(lost|stuck|protocol|disagree|argument|transport)$/.exec(String(code))?.[1];
    return name ? ranksErrors.fail(name as "lost", Object.fromEntries(texts)) : none;
  } catch {
    return none;
  }
}
