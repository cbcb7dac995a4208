/**
 * Who is charged for the processor time of this process. An account is open while a run works; a part of it (an evaluation, a checkpoint) while that goes on.
 * Time between two looks belongs to the innermost account that is open, and to several that work at once in equal shares: nothing is counted twice and
 * nothing is lost. Which account work belongs to follows the asynchronous context, so that nothing in between passes it on.
 * What no account was open for (start-up, what lies between two runs) is charged to the next run where the process exists for its runs alone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { EnergyMeter, findEnergyCounters } from "./energy.ts";
import { busySeconds, childProcessorSeconds, ownProcessorSeconds } from "./processor-time.ts";
import type { PartUse, UsedResources } from "./run-ledger.ts";
import { addWork, noWork, type Work } from "./work.ts";

/** What is charged apart within a run. */
export const chargedParts = ["optimizer", "evaluation", "checkpoints"] as const;
export type ChargedPart = (typeof chargedParts)[number];

interface Totals {
  seconds: number;
  work: Work;
}
/** Something that time is charged to: a run, or a part of it. */
interface Slot {
  readonly account: Account;
  readonly totals: Totals;
  /** Parts of it that are open: while there are any, they are charged. */
  inner: number;
}

const current = new AsyncLocalStorage<Slot>();

/** The looks at the process's counters, and who is charged between two of them. */
class Meter {
  readonly #open = new Set<Slot>();
  #own = 0;
  #children = 0;
  #unclaimed = 0;
  #isForRuns = false;
  #energy: EnergyMeter | undefined;
  #busy: number | undefined;
  /** Processor time since the last look at the energy counters. */
  #sinceEnergy = 0;

  /** From now on what no account is open for belongs to the next run. */
  chargeUnclaimed(): void {
    this.#isForRuns = true;
  }

  #charge(own: number): readonly Slot[] {
    const charged = [...this.#open].filter(s => s.inner === 0);
    if (charged.length === 0) this.#unclaimed += own;
    for (const { totals } of charged) totals.seconds += own / charged.length;
    return charged;
  }

  /** A look at this process alone. */
  look(): readonly Slot[] {
    const now = ownProcessorSeconds();
    const own = now - this.#own;
    this.#own = now;
    this.#sinceEnergy += own;
    return this.#charge(own);
  }

  /** A look at everything: this process, those that it started, the energy counters. */
  lookAtAll(): void {
    const charged = this.look();
    const children = childProcessorSeconds() ?? this.#children;
    const grown = Math.max(0, children - this.#children);
    this.#children = children;
    this.#sinceEnergy += grown;
    for (const { account } of charged) account.childSeconds += grown / charged.length;
    this.#lookAtEnergy(charged);
  }

  #lookAtEnergy(charged: readonly Slot[]): void {
    this.#energy ??= new EnergyMeter(findEnergyCounters());
    if (!this.#energy.isCounting) return;
    const [joules, busy] = [this.#energy.joules(), busySeconds()];
    const passed = busy === undefined || this.#busy === undefined ? undefined : busy - this.#busy;
    const share = passed === undefined || passed <= 0 ? 1 : Math.min(1, this.#sinceEnergy / passed);
    this.#busy = busy;
    this.#sinceEnergy = 0;
    if (joules === undefined) return;
    for (const { account } of charged) account.joules = (account.joules ?? 0) + (joules * share) / charged.length;
  }

  /** Opens a slot; the time before it is charged to whoever was there. Gives what nobody was charged. */
  open(slot: Slot): number {
    this.#open.add(slot);
    const unclaimed = this.#isForRuns ? this.#unclaimed : 0;
    this.#unclaimed = 0;
    return unclaimed;
  }

  close(slot: Slot): void {
    this.#open.delete(slot);
  }
}

const meter = new Meter();

/** This process exists for the runs that it makes: its start-up, and what it does between them, is charged to them. */
export const chargeUnclaimedTime = (): void => meter.chargeUnclaimed();

/** One run's account, from when it is opened until it is closed. */
export class Account {
  readonly #slot: Slot = { account: this, totals: { seconds: 0, work: noWork }, inner: 0 };
  readonly #parts = new Map<ChargedPart, Totals>();
  readonly #beganMs = performance.now();
  readonly #unclaimed: number;
  /** Set by the meter. */
  childSeconds = 0;
  waitedSeconds = 0;
  joules: number | undefined;

  constructor() {
    meter.lookAtAll();
    this.#unclaimed = meter.open(this.#slot);
  }

  /** What `work` does, and whatever it waits for, is charged here. */
  run<T>(work: () => T): T {
    return current.run(this.#slot, work);
  }

  totalsOf(part: ChargedPart): Totals {
    const totals = this.#parts.get(part) ?? { seconds: 0, work: noWork };
    this.#parts.set(part, totals);
    return totals;
  }

  /** What was used so far. */
  used(): UsedResources {
    meter.lookAtAll();
    const use = ({ seconds, work }: Totals): PartUse => ({ coreSeconds: seconds, work });
    const parts = Object.fromEntries(Array.from(this.#parts, ([name, totals]) => [name, use(totals)]));
    const own = use(this.#slot.totals);
    const inParts = Object.values(parts).reduce((sum, p) => sum + p.coreSeconds, 0);
    return {
      coreSeconds: own.coreSeconds + inParts + this.childSeconds + this.#unclaimed,
      wallSeconds: (performance.now() - this.#beganMs) / 1000,
      startUpSeconds: this.#unclaimed,
      childSeconds: this.childSeconds,
      ...(this.waitedSeconds > 0 ? { waitedSeconds: this.waitedSeconds } : {}),
      joules: this.joules ?? null,
      own,
      parts,
    };
  }

  close(): void {
    meter.look();
    meter.close(this.#slot);
  }
}

/** Does `work` as a part of the run whose context this is, charged apart; where no run is charged, it just does it. */
export async function charged<T>(part: ChargedPart, work: () => Promise<T>): Promise<T> {
  const outer = current.getStore();
  if (!outer) return work();
  const slot: Slot = { account: outer.account, totals: outer.account.totalsOf(part), inner: 0 };
  meter.look();
  outer.inner++;
  meter.open(slot);
  try {
    return await current.run(slot, work);
  } finally {
    meter.look();
    meter.close(slot);
    outer.inner--;
  }
}

/** Whether work is charged to anybody here. */
export const isCharged = (): boolean => current.getStore() !== undefined;

/** Adds work to the run, or the part of one, whose context this is. */
export function chargeWork(work: Work): void {
  const slot = current.getStore();
  if (slot) slot.totals.work = addWork(slot.totals.work, work);
}

/**
 * Charges processor time that another process took for the run whose context this is, and that no account of its own has; `waited` is how long it waited for
 * others meanwhile.
 */
export function chargeElsewhere(seconds: number, { waited = 0 }: { readonly waited?: number } = {}): void {
  const slot = current.getStore();
  if (!slot) return;
  slot.account.childSeconds += seconds;
  slot.account.waitedSeconds += waited;
}
