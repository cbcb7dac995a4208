/** Which matrix products can be computed so: those of plain stacks, large enough that rounding the operands pays. */
import { sizeOf } from "../dtype.ts";
import { processorFeatures } from "../machine/index.ts";
import { type Shape, sameShape } from "../shape.ts";
import { type ProductShape, panelColumns } from "./shape.ts";

/** Fewer products of two numbers are not worth an operator of their own. */
const leastWork = 2 ** 18;
const leastInner = 32;
/**
 * What packing a number costs, in products of bf16. Both forms were timed: a product of f32 takes twice as long as one of bf16, whose columns are
 * filled up to whole panels.
 */
const packingCost = 20;
const isFaster = (rows: number, columns: number): boolean =>
  rows * (2 * columns - panelColumns * Math.ceil(columns / panelColumns)) > packingCost * (rows + columns);
/** Offsets within a matrix, in bytes, stand in instructions of 32 bits. */
const mostElements = 2 ** 28;

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
}

/** Has this processor products of bf16, and may code be made for them? */
const isThere = (): boolean => process.env.LOAM_MACHINE_CODE !== "off" && processorFeatures().bf16;

/** What a product of arrays of these shapes is, or undefined where it is none of these, or this processor has no products of bf16. */
export function productOf(a: Shape, b: Shape, { transposeA, transposeB, alpha }: MatmulAttributes): ProductShape | undefined {
  if (!isThere() || a.length < 2 || b.length < 2) return undefined;
  const [stackA, stackB] = [a.slice(0, -2), b.slice(0, -2)];
  const [rowsA, innerA] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const columns = transposeB ? b.at(-2)! : b.at(-1)!;
  const sharesB = sizeOf(stackB) === 1;
  if (!sharesB && !sameShape(stackA, stackB)) return undefined;
  // rows of all matrices are rows of one where they lie one after another
  const folds = sharesB && !transposeA;
  const count = folds ? 1 : sizeOf(stackA);
  const rows = folds ? sizeOf(stackA) * rowsA : rowsA;
  if (innerA < leastInner || rows * columns * innerA * count < leastWork || !isFaster(rows, columns)) return undefined;
  if (Math.max(rows * columns, rows * innerA, innerA * columns) > mostElements) return undefined;
  return { count, rows, columns, inner: innerA, transposeA, transposeB, alpha, sharesB };
}
