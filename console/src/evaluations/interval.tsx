/** A figure with its interval as a dot on a line; the numbers stand beside it, so readers need not see it. */

interface IntervalProps {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Ends of the axis. */
  readonly from: number;
  readonly to: number;
  /** Where nothing would differ. */
  readonly zero?: number;
  readonly look?: "better" | "worse" | "open";
}

export function IntervalCell({ value, low, high, from, to, zero, look = "better" }: IntervalProps) {
  const span = to > from ? to - from : 1;
  const at = (x: number) => `${(100 * (Math.min(Math.max(x, from), to) - from)) / span}%`;
  return (
    <td className={`interval ${look}`} aria-hidden="true">
      <svg>
        <title>Interval</title>
        {zero !== undefined && <line className="axis" x1={at(zero)} x2={at(zero)} y1="0" y2="18" />}
        {low !== null && high !== null && <line x1={at(low)} x2={at(high)} y1="9" y2="9" />}
        {value !== null && <circle cx={at(value)} cy="9" r="4" />}
      </svg>
    </td>
  );
}

/** Ends of an axis that holds all of them. */
export function rangeOf(all: readonly (number | null)[], ...held: readonly number[]): readonly [number, number] {
  const found = [...all.filter(x => x !== null), ...held];
  return found.length === 0 ? [0, 1] : [Math.min(...found), Math.max(...found)];
}
