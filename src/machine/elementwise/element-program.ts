/**
 * What an operator over elements computes: a list of steps over some inputs, the same for every element of an array of rows and columns. A step
 * may sum a row; what follows from sums alone is computed once a row.
 */

/** Where an input has the element of a row and a column: at both, at the column alone, at the row alone, or one for all. */
export type ElementAccess = "all" | "row" | "column" | "one";

const elementStepKinds = ["add", "sub", "mul", "div", "neg", "sqrt", "exp", "log", "erf", "sigmoid", "sumRow", "maxRow"] as const;
export type ElementStepKind = (typeof elementStepKinds)[number];
/** Steps that make one number of a row: its sum, its greatest element (of numbers alone). */
const joinsRow = (kind: ElementStepKind): kind is "sumRow" | "maxRow" => kind === "sumRow" || kind === "maxRow";
/** How elements lie in memory; they are computed as f32. */
export type ElementType = "f32" | "bf16";

/** The number of a value (inputs first, then steps), or a constant. */
export type ElementValue = number | { readonly constant: number };
export interface ElementStep {
  readonly kind: ElementStepKind;
  readonly of: readonly ElementValue[];
}

export interface ElementProgram {
  /** Dimensions of the outputs. */
  readonly shape: readonly number[];
  readonly columns: number;
  readonly inputs: readonly ElementAccess[];
  /** f32 where absent; bf16 for inputs of all elements alone. */
  readonly inputTypes?: readonly ElementType[];
  readonly steps: readonly ElementStep[];
  /** Values that are written. */
  readonly outputs: readonly number[];
  /** f32 where absent; rounded to the nearest bf16 otherwise. */
  readonly outputTypes?: readonly ElementType[];
}
export const inputTypeOf = (p: ElementProgram, input: number): ElementType => p.inputTypes?.[input] ?? "f32";
export const outputTypeOf = (p: ElementProgram, output: number): ElementType => p.outputTypes?.[output] ?? "f32";
/** Outputs with a number an element, and those with one a row, which are f32: by their places among the outputs. */
export function outputRates(p: ElementProgram): { readonly whole: number[]; readonly ofRow: number[] } {
  const rates = ratesOf(p);
  const all = Array.from(p.outputs.keys());
  const isOfRow = (o: number) => rates[p.outputs[o]!]!.isOfRow;
  return { whole: all.filter(o => !isOfRow(o)), ofRow: all.filter(isOfRow) };
}

export const isConstant = (v: ElementValue): v is { readonly constant: number } => typeof v !== "number";

/** How a value comes about. */
interface Rate {
  /** One number a row (or one for all), not one an element. */
  readonly isOfRow: boolean;
  /** How many sums (or greatest elements) of a row, one needing the other, come before it. */
  readonly level: number;
}
export function ratesOf({ inputs, steps }: ElementProgram): Rate[] {
  const rates: Rate[] = inputs.map(a => ({ isOfRow: a === "column" || a === "one", level: 0 }));
  for (const { kind, of } of steps) {
    const from = of.filter(v => !isConstant(v)).map(v => rates[v as number]!);
    const level = from.reduce((most, r) => Math.max(most, r.level), 0);
    rates.push(joinsRow(kind) ? { isOfRow: true, level: level + 1 } : { isOfRow: from.every(r => r.isOfRow), level });
  }
  return rates;
}

/** Element by element: the steps that some values need, in order, through steps that are no row's. */
function stepsFor(p: ElementProgram, rates: readonly Rate[], values: readonly number[]): number[] {
  const first = p.inputs.length;
  const needed = new Set<number>();
  const visit = (v: ElementValue): void => {
    if (isConstant(v) || v < first || rates[v]!.isOfRow || needed.has(v - first)) return;
    needed.add(v - first);
    p.steps[v - first]!.of.forEach(visit);
  };
  values.forEach(visit);
  return [...needed].sort((a, b) => a - b);
}

/** One pass over the columns of a row: the steps that it takes, and what it sums or writes. */
export interface Pass {
  readonly steps: readonly number[];
  /** Steps that sum a row, or find its greatest. */
  readonly sums: readonly number[];
  /** Outputs that are written, by their places. */
  readonly writes: readonly number[];
  /** Steps of a row that follow. */
  readonly after: readonly number[];
}
export function passesOf(p: ElementProgram): Pass[] {
  const rates = ratesOf(p);
  const first = p.inputs.length;
  const levels = rates.reduce((most, r) => Math.max(most, r.level), 0);
  const all = Array.from(p.steps.keys());
  const rateOf = (step: number) => rates[first + step]!;
  const pass = (level: number): Pass => {
    const sums = all.filter(i => joinsRow(p.steps[i]!.kind) && rateOf(i).level === level);
    const steps = stepsFor(
      p,
      rates,
      sums.map(i => p.steps[i]!.of[0] as number),
    );
    const after = all.filter(i => !joinsRow(p.steps[i]!.kind) && rateOf(i).isOfRow && rateOf(i).level === level);
    return { steps, sums, writes: [], after };
  };
  const { whole } = outputRates(p);
  const written = whole.map(o => p.outputs[o]!);
  // the first has nothing to sum: what a row needs beforehand
  return [
    ...Array.from({ length: levels + 1 }, (_, k) => pass(k)),
    { steps: stepsFor(p, rates, written), sums: [], writes: whole, after: [] },
  ];
}

/** Where each value of a pass is read last, as a place among its steps. */
export function lastUses(p: ElementProgram, pass: Pass): Map<number, number> {
  const last = new Map<number, number>();
  for (const [place, i] of pass.steps.entries()) for (const v of p.steps[i]!.of) if (!isConstant(v)) last.set(v, place);
  for (const v of [...pass.writes.map(o => p.outputs[o]!), ...pass.sums.map(i => p.steps[i]!.of[0] as number)])
    last.set(v, pass.steps.length);
  return last;
}

/** Registers that values take at once, at most: what is read is loaded when it is needed first, and what a row has stays. */
export function registersOf(p: ElementProgram): number {
  const rates = ratesOf(p);
  const first = p.inputs.length;
  let most = 0;
  for (const pass of passesOf(p)) {
    const last = lastUses(p, pass);
    // what is summed or written without a step is loaded at the end
    const live = new Set<number>();
    for (const [place, i] of pass.steps.entries()) {
      for (const v of p.steps[i]!.of) if (!isConstant(v) && !rates[v]!.isOfRow) live.add(v);
      live.add(first + i);
      most = Math.max(most, live.size);
      for (const v of live) if (last.get(v)! <= place) live.delete(v);
    }
    most = Math.max(most, live.size + pass.sums.length);
  }
  return most + p.steps.filter((_, i) => rates[first + i]!.isOfRow).length;
}
