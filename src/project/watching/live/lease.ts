/**
 * Which of several servers evaluates: the holder of a lease, a state that its owner beats. An owner of this machine whose process is gone has lost it at once; of
 * another machine only beats that stand still tell, measured on the looker's own clock, so that clocks need not agree. Evaluation checks it again in its own
 * transaction, so a takeover that was wrong costs work, and nothing is done twice. Idea: `store/locks.ts`.
 */
import { changeState, ownerState, type Store, type StoreOwner, thisOwner } from "../../../store/index.ts";
import { watchScopes } from "./scopes.ts";

export interface LeaseState {
  readonly server: string;
  readonly owner: StoreOwner;
  readonly beat: number;
}
export const leaseKey = "lease";

/** Beats that stand still for so long end a lease whose owner cannot be seen. */
const staleMs = 30_000;

export class Lease {
  readonly #store: Store;
  readonly #server: string;
  readonly #monotonic: () => number;
  #seen: { readonly server: string; readonly beat: number; readonly sinceMs: number } | undefined;

  constructor(store: Store, server: string, monotonic: () => number) {
    this.#store = store;
    this.#server = server;
    this.#monotonic = monotonic;
  }

  /** Takes it where it is free, and beats it where it is ours; whether it is. Errors: those of the record. */
  async hold(): Promise<boolean> {
    const own = thisOwner();
    const found = await changeState(this.#store, watchScopes.state, leaseKey, value => {
      const lease = value as unknown as LeaseState | undefined; // written here alone
      const isOurs = lease === undefined || lease.server === this.#server || this.#isDead(lease);
      if (!isOurs) return { value: undefined, answer: lease };
      return { value: { server: this.#server, owner: { ...own }, beat: (lease?.beat ?? 0) + 1 }, answer: undefined };
    });
    if (found && (this.#seen?.server !== found.server || this.#seen.beat !== found.beat))
      this.#seen = { server: found.server, beat: found.beat, sinceMs: this.#monotonic() };
    return found === undefined;
  }

  #isDead(lease: LeaseState): boolean {
    if (ownerState(lease.owner) === "dead") return true;
    const seen = this.#seen;
    return seen?.server === lease.server && seen.beat === lease.beat && this.#monotonic() - seen.sinceMs > staleMs;
  }

  /** Gives it back: another server goes on at once. */
  async release(): Promise<void> {
    await changeState(this.#store, watchScopes.state, leaseKey, value => ({
      value: (value as unknown as LeaseState | undefined)?.server === this.#server ? null : undefined,
      answer: undefined,
    }));
  }
}
