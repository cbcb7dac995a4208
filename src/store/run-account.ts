/**
 * What a run uses, written into its row: at every heartbeat and at its end, so that of a run that is killed at most one heartbeat's use is missing. Attempts at
 * one recipe are rows of their own, so their sum counts nothing twice.
 */
import type { ProgressEvent } from "../base/index.ts";
import { Account, findEnergyCounters, type LedgerMachine, type RunLedger } from "../ledger/index.ts";
import type { Writing } from "./records/records.ts";
import type { Store } from "./store.ts";

export class RunAccount {
  readonly #store: Store;
  readonly #study: string | undefined;
  readonly #account = new Account();
  #machine: LedgerMachine | null = null;
  #progress: RunLedger["progress"];

  constructor(store: Store, study: string | undefined) {
    this.#store = store;
    this.#study = study;
  }

  /** Charges what `work` does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#machine = (await this.#store.machine?.(false)) ?? null;
    return this.#account.run(work);
  }

  /** Looks up the machine's peak, where the run computed something. */
  async measureMachine(): Promise<void> {
    const { own, parts } = this.#account.used();
    const hasComputed = [own, ...Object.values(parts)].some(({ work }) => work.products + work.attention > 0);
    if (hasComputed) this.#machine = (await this.#store.machine?.(true)) ?? this.#machine;
  }

  /** Remembers how far the run is; of an event that says no share nothing. */
  note({ done, leftMs }: ProgressEvent): void {
    if (done === undefined || !(done >= 0 && done <= 1)) return;
    const isLeft = leftMs !== undefined && Number.isFinite(leftMs);
    this.#progress = { done, ...(isLeft ? { finishesAtMs: Math.round(this.#store.clock.now() + leftMs) } : {}) };
  }

  /** The ledger so far, as text. */
  text(progress?: RunLedger["progress"]): string {
    const used = this.#account.used();
    const counters = used.joules === null ? findEnergyCounters() : undefined;
    const ledger: RunLedger = {
      used,
      machine: this.#machine,
      ...(counters?.kind === "none" ? { energyProblem: `${counters.file}: ${counters.reason}` } : {}),
      ...(this.#study === undefined ? {} : { study: this.#study }),
      ...(progress === undefined ? {} : { progress }),
    };
    return JSON.stringify(ledger);
  }

  /** Writes the ledger so far, and how far the run is, into its row. */
  async save(t: Writing, run: string): Promise<void> {
    await t
      .updateTable("runs")
      .set({ ledger: this.text(this.#progress) })
      .where("id", "=", run)
      .execute();
  }

  close(): void {
    this.#account.close();
  }
}
