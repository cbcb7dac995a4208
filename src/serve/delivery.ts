/**
 * What becomes of an answer: its tokens go out, a reader that falls behind pauses it, and it ends in one of the ways of `Outcome`. Everything
 * that ends an answer passes here, so that its slot is free and its watchers have heard before anything else happens.
 */
import { type Clock, isLoamError } from "../base/index.ts";
import type { TokenLikelihood } from "../nn/index.ts";
import type { BeamGroup } from "./beam-group.ts";
import { cancellation } from "./cancellation.ts";
import { serveErrors } from "./errors.ts";
import type { EndReason } from "./generation.ts";
import type { EngineObserver, RequestOutcome } from "./observer.ts";
import { answersOf, type RosterEntry } from "./roster.ts";
import { type Sequence, unspellable } from "./sequence.ts";

/** Errors of a request that show while it is computed. */
const requestsOwn: readonly string[] = ["text/constraint", "serve/unsupported", "nn/impossible"];

interface DeliveryPorts {
  /** The model's id, for messages. */
  readonly place: string;
  readonly clock: Clock;
  /** A reader that is behind for longer loses its slot. */
  readonly stalledMs: number;
  readonly tell: (say: (o: EngineObserver) => void) => void;
  /** An answer is over; it still has its place. */
  readonly onOver: (sequence: Sequence) => void;
  /** A slot's numbers may be broken. */
  readonly onSpoilt: (slot: number) => void;
}

export class Delivery {
  readonly #ports: DeliveryPorts;

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  token(sequence: Sequence, token: number, likelihood: TokenLikelihood | undefined): void {
    const { clock, tell } = this.#ports;
    const nowMs = clock.monotonic();
    const { lastTokenMs } = sequence;
    sequence.lastTokenMs = nowMs;
    const reason = sequence.accept(token, likelihood);
    tell(o => (lastTokenMs === undefined ? o.firstToken?.(nowMs - sequence.submittedMs, sequence) : o.nextToken?.(nowMs - lastTokenMs)));
    if (reason !== undefined) this.#over(sequence, reason);
    else if (sequence.output.isFull) this.#block(sequence, nowMs);
  }

  /** Spans of an answer were judged: they are said, or taken back. */
  judged(sequence: Sequence): void {
    const { clock, tell } = this.#ports;
    const before = sequence.refusals;
    try {
      const reason = sequence.settle();
      if (sequence.refusals > before) tell(o => o.spanRefused?.(sequence));
      if (reason !== undefined) this.#over(sequence, reason);
      else if (sequence.output.isFull && sequence.blockedMs === undefined) this.#block(sequence, clock.monotonic());
    } catch (error) {
      this.end(sequence, error);
    }
  }

  /** Says the answers of a search that is over. */
  search(search: BeamGroup): void {
    if (search.isStuck) this.broken(search.rows[0]!, unspellable());
    for (const [i, answer] of search.answers.entries()) {
      for (const { token, likelihood } of search.answer(i) ?? []) if (!answer.isOver) this.token(answer, token, likelihood);
      if (answer.isOver) continue;
      answer.endAtLength();
      this.#over(answer, "length");
    }
  }

  /** An answer of no tokens: over before it had a place. */
  nothing(sequence: Sequence): void {
    sequence.endAtLength();
    this.#ports.tell(o => o.finished?.("length", sequence.usage, 0, sequence));
  }

  cancel(sequence: Sequence, signal?: AbortSignal): void {
    this.end(sequence, cancellation(signal, "the generation was cancelled"), "cancelled");
  }

  /** Ends an answer with an error. */
  end(sequence: Sequence, error: unknown, outcome: RequestOutcome = "error"): void {
    if (sequence.isOver) return;
    sequence.fail(error);
    this.#over(sequence, outcome);
  }

  /** What was computed for an owner cannot be used: broken numbers, or a form that leaves nothing possible. */
  broken(owner: RosterEntry, error: unknown): void {
    // a form that turns out too ambiguous, or that the vocabulary cannot spell, is the request's fault; so are options that leave no token
    const isRequests = isLoamError(error) && requestsOwn.includes(error.code);
    const failure = () =>
      isRequests
        ? error
        : serveErrors.fail("program", { place: this.#ports.place, message: "the numbers of this answer broke down" }, error);
    this.#spoil(owner, failure);
  }

  /** The device failed a run of some owners; they have been rolled back. */
  runFailed(owners: readonly RosterEntry[], error: unknown): void {
    const failure = () => serveErrors.fail("program", { place: this.#ports.place, message: "a step failed on the device" }, error);
    for (const owner of owners) this.#spoil(owner, failure);
  }

  #spoil(owner: RosterEntry, failure: () => unknown): void {
    if (owner.slot !== undefined) this.#ports.onSpoilt(owner.slot);
    for (const answer of answersOf(owner)) this.end(answer, failure());
  }

  #block(sequence: Sequence, nowMs: number): void {
    sequence.blockedMs = nowMs;
    const { stalledMs } = this.#ports;
    const timer = setTimeout(() => {
      if (sequence.blockedMs !== nowMs) return;
      const message = `nothing was read for ${stalledMs} ms`;
      this.end(sequence, serveErrors.fail("slowReader", { message, hint: "Read the stream as it comes." }), "slow reader");
    }, stalledMs);
    timer.unref();
  }

  #over(sequence: Sequence, outcome: RequestOutcome | EndReason): void {
    const { clock, onOver, tell } = this.#ports;
    const totalMs = clock.monotonic() - sequence.submittedMs;
    onOver(sequence);
    tell(o => o.finished?.(outcome, sequence.usage, totalMs, sequence));
  }
}
