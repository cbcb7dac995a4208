/** Two ledgers as rows: total, without sweeps, and each category's core-seconds. Ratios of time, energy and money only on one machine. Pure. */
import type { RunCost } from "../generated/server.ts";

interface LedgerRow {
  readonly name: string;
  readonly first: number | null;
  readonly second: number | null;
  /** First over second; null where they are not comparable, or the second is 0. */
  readonly ratio: number | null;
}

/** The server's sentence about processors and tiers. */
const machinesOf = ({ notes }: RunCost): string => notes.filter(n => /^Machines?:/.test(n)).join("\n");

export function ledgerRows(a: RunCost, b: RunCost): { readonly rows: readonly LedgerRow[]; readonly isSameMachine: boolean } {
  const isSameMachine = machinesOf(a) !== "" && machinesOf(a) === machinesOf(b);
  const row = (name: string, first: number | null, second: number | null, isComparable = isSameMachine): LedgerRow => ({
    name,
    first,
    second,
    ratio: isComparable && first !== null && second !== null && second > 0 ? first / second : null,
  });
  const categories = [...new Set([...a.categories, ...b.categories].map(c => c.category))];
  const secondsOf = (cost: RunCost, category: string) => cost.categories.find(c => c.category === category)?.coreSeconds ?? null;
  return {
    isSameMachine,
    rows: [
      row("core-seconds", a.total.coreSeconds, b.total.coreSeconds),
      ...categories.map(c => row(`core-seconds, ${c}`, secondsOf(a, c), secondsOf(b, c))),
      row("core-seconds without sweeps", a.totalWithoutSweeps.coreSeconds, b.totalWithoutSweeps.coreSeconds),
      row("GFLOP", a.total.flops / 1e9, b.total.flops / 1e9, true),
      row("Wh", 1000 * a.total.kilowattHours, 1000 * b.total.kilowattHours),
      row("USD", a.total.usd, b.total.usd),
    ],
  };
}
