/** What an operator over elements computes: a list of steps over some inputs, the same for every element of an array of rows and columns. */

/** Where an input has the element of a row and a column: at both, at the column alone, at the row alone, or one for all. */
export type Access = "all" | "row" | "column" | "one";

export const stepKinds = ["add", "sub", "mul", "div", "neg", "sqrt", "exp", "erf", "sigmoid"] as const;
export type StepKind = (typeof stepKinds)[number];

/** The number of a value (inputs first, then steps), or a constant. */
export type StepValue = number | { readonly constant: number };
export interface Step {
  readonly kind: StepKind;
  readonly of: readonly StepValue[];
}

export interface ElementProgram {
  /** Dimensions of the outputs. */
  readonly shape: readonly number[];
  readonly columns: number;
  readonly inputs: readonly Access[];
  readonly steps: readonly Step[];
  /** Values that are written. */
  readonly outputs: readonly number[];
}

export const isConstant = (v: StepValue): v is { readonly constant: number } => typeof v !== "number";

/** Where each value is read last: the number of a step, or of none where it is written. */
export function lastUses({ inputs, steps, outputs }: ElementProgram): number[] {
  const last = new Array<number>(inputs.length + steps.length).fill(-1);
  for (const [i, s] of steps.entries()) for (const v of s.of) if (!isConstant(v)) last[v] = i;
  for (const o of outputs) last[o] = steps.length;
  return last;
}

/** Registers that values take at once, at most: what is read is loaded when it is needed first. */
export function registersOf(p: ElementProgram): number {
  const last = lastUses(p);
  const live = new Set<number>();
  let most = 0;
  for (const [i, s] of p.steps.entries()) {
    for (const v of s.of) if (!isConstant(v) && (p.inputs[v] === undefined || p.inputs[v] === "all" || p.inputs[v] === "row")) live.add(v);
    live.add(p.inputs.length + i);
    most = Math.max(most, live.size);
    for (const v of live) if (last[v]! <= i) live.delete(v);
  }
  return most;
}
