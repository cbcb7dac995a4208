/**
 * Who waits, who runs, and who sits in which slot. Sequences move between these places here, and what they leave behind in a slot is
 * remembered (`prefix-cache.ts`). It decides no order and touches no device: it says what has to be copied or cleared.
 */
import { BeamRow } from "./beam-group.ts";
import { PrefixCache } from "./prefix-cache.ts";
import type { RunningView, StepPlan, WaitingView } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";

/** What sits in a slot. */
export type RosterEntry = Sequence | BeamRow;

/** The answers that a slot's owner is computed for. */
export const answersOf = (owner: RosterEntry): readonly Sequence[] => (owner instanceof BeamRow ? owner.search.answers : [owner]);

export class Roster {
  /** Owner of each slot; read live by those who run steps. */
  readonly owners: (RosterEntry | undefined)[];
  readonly prefixes: PrefixCache;
  readonly #waiting: Sequence[] = [];
  readonly #running = new Map<number, Sequence>();
  /** Slots whose numbers may be broken: nobody sits there before they are cleared. */
  readonly #spoilt = new Set<number>();

  constructor(slots: number) {
    this.owners = new Array<RosterEntry | undefined>(slots).fill(undefined);
    this.prefixes = new PrefixCache(this.owners);
  }

  get waiting(): readonly Sequence[] {
    return this.#waiting;
  }
  get running(): readonly Sequence[] {
    return [...this.#running.values()];
  }
  get isEmpty(): boolean {
    return this.#waiting.length + this.#running.size === 0;
  }
  get spoilt(): readonly number[] {
    return [...this.#spoilt];
  }
  /** Positions of the cache that somebody uses. */
  get cacheTokens(): number {
    return this.owners.reduce((n, o) => n + (o?.computed ?? 0), 0);
  }
  /** Whoever computes in the slots: answers, and the beams of searches. */
  get active(): readonly RosterEntry[] {
    return this.running.flatMap<RosterEntry>(s => s.search?.active ?? [s]);
  }

  freeSlots(): number[] {
    return this.prefixes.freeSlots(this.#isUsable);
  }
  readonly #isUsable = (slot: number): boolean => !this.#spoilt.has(slot);

  waitingViews(): WaitingView[] {
    return this.#waiting.map(s => ({
      id: s.id,
      group: s.group,
      known: s.search?.known ?? s.tokens.length,
      ...(s.search ? { slots: s.search.width } : {}),
      ...(s.isResumed ? { isResumed: true } : {}),
    }));
  }

  /** `guessed` says how many tokens are guessed to follow an answer's, and by whom. */
  runningViews(guessed: (sequence: Sequence) => Pick<RunningView, "guessed" | "isForced" | "isDrafted">): RunningView[] {
    return this.active.map(o => {
      const { id, slot, computed, tokens, lastChunk } = o;
      const isBeam = o instanceof BeamRow;
      return {
        id,
        ...(isBeam ? { group: o.search.lead.group, search: o.search.lead.id } : { group: o.group }),
        slot: slot!,
        computed,
        known: tokens.length,
        isBlocked: !isBeam && (o.blockedMs !== undefined || o.isJudged || o.isEnding),
        lastChunk,
        ...(isBeam ? {} : guessed(o)),
      };
    });
  }

  wait(sequence: Sequence): void {
    this.#waiting.push(sequence);
  }

  /**
   * Gives slots to those whom the plan admits. Gives them with the owner that computes the prompt and the positions of it that its slot
   * holds already. With `reuses`, slots are chosen by what they hold.
   */
  admit({ admit }: StepPlan, nextId: () => number, reuses: boolean): { sequence: Sequence; owner: RosterEntry; inPlace: number }[] {
    const newcomers = admit.map(({ id, more = [] }) => ({
      id,
      slots: 1 + more.length,
      ...(reuses ? { text: this.#waiting.find(s => s.id === id)! } : {}),
    }));
    const seats = this.prefixes.seat(newcomers, this.#isUsable);
    const taken = this.#waiting.filter(s => seats.has(s.id));
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(s => !seats.has(s.id)));
    return taken.map(sequence => {
      const { slots, inPlace } = seats.get(sequence.id)!;
      sequence.slot = slots[0];
      const owners = sequence.search?.enter(slots, nextId) ?? [sequence];
      for (const [i, slot] of slots.entries()) {
        this.owners[slot] = owners[i];
        this.prefixes.forget(slot);
      }
      this.#running.set(sequence.id, sequence);
      return { sequence, owner: owners[0]!, inPlace };
    });
  }

  /** Takes a sequence, or its whole search, out of queue or slots. True where it had slots. */
  remove(sequence: Sequence): boolean {
    const at = this.#waiting.indexOf(sequence);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (!this.#running.delete(sequence.id)) return false;
    for (const owner of sequence.search?.rows ?? [sequence]) {
      const slot = owner.slot!;
      this.owners[slot] = undefined;
      // numbers that broke down are nobody's beginning
      if (this.#spoilt.has(slot)) this.prefixes.forget(slot);
      else this.prefixes.leave(slot, owner);
    }
    return true;
  }

  /**
   * Puts a sequence, or a search, back into the queue: what it knows stays, what is computed of it is anybody's who takes the slots first.
   * Gives it, unless it has left meanwhile.
   */
  preempt(id: number): Sequence | undefined {
    const sequence = this.#running.get(id);
    if (!sequence) return undefined;
    this.remove(sequence);
    sequence.putBack();
    this.#waiting.unshift(sequence);
    return sequence;
  }

  /** A slot's numbers may be broken. */
  spoil(slot: number): void {
    this.#spoilt.add(slot);
  }
  /** They were cleared. */
  cleared(slot: number): void {
    this.prefixes.forget(slot);
    this.#spoilt.delete(slot);
  }
}
