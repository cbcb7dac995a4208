/**
 * Who reads a node in the end. Reshapes and casts between f32 and bf16 are looked through: they pass on the same numbers, so a reader behind them
 * can be given what is before them, as floats or as the words of bf16.
 */
import { type Graph, nodesOf } from "../graph.ts";
import { isKind, type Tensor } from "../tensor.ts";

/** A cast from f32 to bf16. */
export const isNarrow = (t: Tensor): boolean => isKind(t, "cast") && t.dtype === "bf16" && t.inputs[0]!.dtype === "f32";
/** A cast from bf16 to f32. */
export const isWiden = (t: Tensor): boolean => isKind(t, "cast") && t.dtype === "f32" && t.inputs[0]!.dtype === "bf16";
const passesOn = (t: Tensor): boolean => isKind(t, "reshape") || isNarrow(t) || isWiden(t);

/** The node whose words an operand of a product has, seen through reshapes and casts. */
export function wordsSource(t: Tensor): Tensor {
  let of = t;
  while (passesOn(of)) of = of.inputs[0]!;
  return of;
}

export interface Reading {
  /** Undefined for a result of the graph. */
  readonly by: Tensor | undefined;
  /** Does it read words of bf16? */
  readonly asWords: boolean;
}

/** Readings by node. `takesWords`: would a node take an input as words, were they there? */
export function readingsIn(g: Graph, takesWords: (by: Tensor, input: number) => boolean): (t: Tensor) => readonly Reading[] {
  const direct = new Map<Tensor, (readonly [Tensor, number])[]>();
  for (const t of nodesOf(g))
    for (const [i, x] of t.inputs.entries()) {
      const list = direct.get(x);
      if (list) list.push([t, i]);
      else direct.set(x, [[t, i]]);
    }
  const results = new Set(g.outputs);
  const known = new Map<Tensor, readonly Reading[]>();
  const readings = (t: Tensor): readonly Reading[] => {
    const before = known.get(t);
    if (before) return before;
    const found: Reading[] = results.has(t) ? [{ by: undefined, asWords: false }] : [];
    for (const [by, i] of direct.get(t) ?? []) {
      if (!passesOn(by)) found.push({ by, asWords: takesWords(by, i) });
      else for (const r of readings(by)) found.push(isNarrow(by) ? { ...r, asWords: true } : r);
    }
    known.set(t, found);
    return found;
  };
  return readings;
}
