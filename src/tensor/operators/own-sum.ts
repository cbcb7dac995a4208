/** Which sums of a graph are operators of our own: rows added to a table, and the squares of a large array that nobody else reads. */
import { sizeOf } from "../dtype.ts";
import { type Graph, nodesOf } from "../graph.ts";
import { isZeros } from "../identities.ts";
import { isKind, type Tensor } from "../tensor.ts";
import type { Operator } from "./onnx-operator.ts";
import { addRowsOperator, squaresOperator } from "./sums.ts";

/** Smaller ones are the engine's. */
const leastElements = 8192;
/** Offsets within a part of a table stand in instructions of 32 bits. */
const mostElements = 2 ** 28;

export interface OwnSum {
  readonly operator: Operator;
  readonly inputs: readonly Tensor[];
}

/** The sums of a graph that are operators of our own. */
export function ownSums(g: Graph): Map<Tensor, OwnSum> {
  const readers = new Map<Tensor, number>(g.outputs.map(t => [t, 2]));
  for (const t of nodesOf(g)) for (const x of new Set(t.inputs)) readers.set(x, (readers.get(x) ?? 0) + 1);
  const found = new Map<Tensor, OwnSum>();
  const gathers = nodesOf(g).filter((t): t is Tensor<"gather"> => isKind(t, "gather"));
  /** Does the engine refuse places beyond so many rows, since rows are gathered from there too? The operator passes over them. */
  const isChecked = (places: Tensor, rows: number): boolean =>
    gathers.some(t => t.inputs[1] === places && t.inputs[0]!.shape[t.attributes.axis]! <= rows);
  for (const t of nodesOf(g)) {
    const own = ownSum(t, x => readers.get(x) === 1, isChecked);
    if (own) found.set(t, own);
  }
  return found;
}

/** `isAlone`: has a node no reader but one, and is it no result? */
function ownSum(t: Tensor, isAlone: (t: Tensor) => boolean, isChecked: (places: Tensor, rows: number) => boolean): OwnSum | undefined {
  if (t.dtype !== "f32") return undefined;
  if (isKind(t, "scatterRows")) {
    const [table, places, rows] = t.inputs as [Tensor, Tensor, Tensor];
    if (t.attributes.mode !== "add" || rows.size < leastElements || t.size > mostElements) return undefined;
    if (places.dtype !== "i32" && places.dtype !== "i64") return undefined;
    if (!isChecked(places, t.shape[0]!)) return undefined;
    const hasTable = !isZeros(table);
    const operator = addRowsOperator({ shape: t.shape, count: places.size, places: places.dtype, hasTable });
    return { operator, inputs: [places, rows, ...(hasTable ? [table] : [])] };
  }
  if (isKind(t, "sum") && t.size === 1) {
    const squared = t.inputs[0]!;
    const isSquare = isKind(squared, "mul") && squared.inputs[0] === squared.inputs[1];
    if (!isSquare || !isAlone(squared) || sizeOf(squared.shape) < leastElements) return undefined;
    return { operator: squaresOperator(squared.size, t.shape), inputs: [squared.inputs[0]!] };
  }
  return undefined;
}
