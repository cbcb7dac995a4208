/**
 * Which of several processes directs something: the holder of a lease, a state that its owner beats. An owner of this machine whose process is gone has lost it
 * at once; of another machine only beats that stand still tell, measured on the looker's own clock, so that clocks need not agree. Whoever acts on it checks in
 * its own transaction, so a takeover that was wrong costs work, and nothing is done twice. Idea: `locks.ts`.
 */
import type { Json } from "../base/index.ts";
import { ownerName, ownerState, type StoreOwner, thisOwner } from "./owner.ts";
import { changeState } from "./states.ts";
import type { Store } from "./store.ts";

export interface LeaseState {
  /** Of the holder: no other one has it. */
  readonly server: string;
  readonly owner: StoreOwner;
  readonly beat: number;
}

export interface LeasePlace {
  readonly scope: string;
  readonly key: string;
  /** Of the holder: no other one has it. */
  readonly name: string;
  /** Milliseconds of a clock that never goes back; default: this process's. */
  readonly monotonic?: () => number;
}

/** Between two beats: holding it more often asks nothing of the record. Who acts on it checks it in its own transaction. */
const beatMs = 15_000;
/** Beats that stand still for so long end a lease whose owner cannot be seen: three of them. */
const staleMs = 3 * beatMs;

/** Written by `Lease` alone. */
const leaseOf = (value: Json | undefined) => value as unknown as LeaseState | undefined;

/** The holder of a lease in words; undefined where its owner is known to be gone, or nobody has it. */
export function leaseHolder(value: Json | undefined): string | undefined {
  const lease = leaseOf(value);
  return lease && ownerState(lease.owner) !== "dead" ? ownerName(lease.owner) : undefined;
}

export class Lease {
  readonly #store: Store;
  readonly #place: Required<LeasePlace>;
  readonly #lost = new AbortController();
  #isHeld = false;
  #beatenMs = Number.NEGATIVE_INFINITY;
  #holder: StoreOwner | undefined;
  #seen: { readonly server: string; readonly beat: number; readonly sinceMs: number } | undefined;

  constructor(store: Store, place: LeasePlace) {
    this.#store = store;
    this.#place = { monotonic: () => performance.now(), ...place };
  }

  /** Aborts when a later `hold` finds that somebody else has taken it over. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Who had it when `hold` last failed, in words. */
  get heldBy(): string | undefined {
    return this.#holder && ownerName(this.#holder);
  }

  /** Takes it where it is free, and beats it where it is ours; whether it is. Errors: those of the record. */
  async hold(): Promise<boolean> {
    const { scope, key, name, monotonic } = this.#place;
    const beganMs = monotonic();
    if (this.#isHeld && beganMs - this.#beatenMs < beatMs) return true;
    const own = thisOwner();
    const found = await changeState(this.#store, scope, key, value => {
      const lease = leaseOf(value);
      const isOurs = lease === undefined || lease.server === name || this.#isDead(lease);
      if (!isOurs) return { value: undefined, answer: lease };
      return { value: { server: name, owner: { ...own }, beat: (lease?.beat ?? 0) + 1 }, answer: undefined };
    });
    if (found && (this.#seen?.server !== found.server || this.#seen.beat !== found.beat))
      this.#seen = { server: found.server, beat: found.beat, sinceMs: monotonic() };
    this.#holder = found?.owner;
    if (found && this.#isHeld) this.#lost.abort(new Error(`${scope} was taken over by ${ownerName(found.owner)}`));
    this.#isHeld = found === undefined;
    if (this.#isHeld) this.#beatenMs = beganMs;
    return this.#isHeld;
  }

  #isDead(lease: LeaseState): boolean {
    if (ownerState(lease.owner) === "dead") return true;
    const seen = this.#seen;
    return seen?.server === lease.server && seen.beat === lease.beat && this.#place.monotonic() - seen.sinceMs > staleMs;
  }

  /** Gives it back: another one goes on at once. */
  async release(): Promise<void> {
    const { scope, key, name } = this.#place;
    this.#isHeld = false;
    this.#beatenMs = Number.NEGATIVE_INFINITY;
    await changeState(this.#store, scope, key, value => ({ value: leaseOf(value)?.server === name ? null : undefined, answer: undefined }));
  }
}
