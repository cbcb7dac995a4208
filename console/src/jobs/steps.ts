/** A job's events as what was measured a step: columns for charts, and how far it is. */
import type { JobEvent } from "../generated/server.ts";

const measures = ["train_loss", "valid_loss", "train_mean_token_accuracy", "valid_mean_token_accuracy"] as const;
export type Measure = (typeof measures)[number];

export interface Steps {
  /** Numbers of the steps, going up. */
  readonly x: readonly number[];
  readonly columns: { readonly [M in Measure]: readonly (number | null)[] };
  /** Steps that there will be; null before the first. */
  readonly total: number | null;
}

const numberOf = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);

/** Each step says the validation file's last values again: a curve has them where they are new. */
function whereNew(values: readonly (number | null)[]): (number | null)[] {
  return values.map((v, i) => (i > 0 && v === values[i - 1] ? null : v));
}

export function stepsOf(events: readonly JobEvent[]): Steps {
  const told = events.filter(e => e.type === "metrics" && numberOf(e.data.step) !== null);
  const column = (m: Measure) => {
    const values = told.map(e => numberOf(e.data[m]));
    return m.startsWith("valid") ? whereNew(values) : values;
  };
  return {
    x: told.map(e => e.data.step as number),
    columns: Object.fromEntries(measures.map(m => [m, column(m)])) as unknown as Steps["columns"],
    total: numberOf(told.at(-1)?.data.total_steps),
  };
}
