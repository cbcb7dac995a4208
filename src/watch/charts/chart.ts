/** What control charts share: pure functions of (state, value), whose states are plain data. */

export interface ChartSignal {
  /** Which of the chart's rules: `limit`, `cusum`, `ewma`, `two-of-three`, ... */
  readonly rule: string;
  readonly side: "above" | "below";
  /** What crossed its limit, and the limit, both in the chart's own unit. */
  readonly value: number;
  readonly limit: number;
}

export interface ChartStep<S> {
  readonly state: S;
  readonly signal?: ChartSignal | undefined;
}

/** Values have been standardised where the chart says `z`: less the mean in control, by its deviation. */
export interface ControlChart<S> {
  readonly name: string;
  /** Values between false alarms that the chart is declared by. */
  readonly averageRunLength: number;
  readonly start: S;
  observe(state: S, value: number): ChartStep<S>;
}
