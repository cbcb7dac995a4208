/** Which matrix products can be computed so: those of plain stacks, large enough that packing the operands pays. */
import {
  isStrassen,
  type ProductForm,
  type ProductShape,
  type ProductTier,
  type StrassenShape,
  type StrassenWeight,
  tierPanelColumns,
  usableFeatures,
  usableProductTier,
} from "../../machine/index.ts";
import { sizeOf } from "../dtype.ts";
import { type Shape, sameShape } from "../shape.ts";

/** Fewer products of two numbers are not worth an operator of their own. */
const leastWork = 2 ** 18;
const leastInner = 32;
/**
 * What packing a number costs, and what one of ONNX Runtime's products does (with the first operand transposed, otherwise), in products of the
 * form, whose columns are filled up to whole panels. Timed for bf16 on an AMD EPYC (Zen 4), for f32 on an Intel Cascade Lake, for AVX2 on an AMD EPYC
 * (Zen 5) beside the engine's own kernels for AVX2; what is rounded is the same on all.
 */
interface ProductCosts {
  readonly packing: number;
  readonly transposed: number;
  readonly other: number;
}
const avx2Costs: ProductCosts = { packing: 5, transposed: 1.2, other: 1.2 };
const costs: Readonly<Record<ProductForm, ProductCosts>> = {
  bf16: { packing: 20, transposed: 2, other: 2 },
  rounded: { packing: 20, transposed: 2, other: 2 },
  f32: { packing: 45, transposed: 1.5, other: 1.25 },
};
function isFaster(tier: ProductTier, form: ProductForm, rows: number, columns: number, transposeA: boolean): boolean {
  const { packing, transposed, other } = form === "f32" && tier === "avx2" ? avx2Costs : costs[form];
  const panelColumns = tierPanelColumns[form === "f32" ? tier : "avx512"];
  const saved = (transposeA ? transposed : other) * columns - panelColumns * Math.ceil(columns / panelColumns);
  return rows * saved > packing * (rows + columns);
}
/** Offsets within a matrix, in bytes, stand in instructions of 32 bits. */
const mostElements = 2 ** 28;

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
}

/** What a product of arrays of these shapes is, or undefined where it is none of these. */
export function productOf(
  form: ProductForm,
  a: Shape,
  b: Shape,
  { transposeA, transposeB, alpha }: MatmulAttributes,
): ProductShape | undefined {
  if (a.length < 2 || b.length < 2) return undefined;
  const [stackA, stackB] = [a.slice(0, -2), b.slice(0, -2)];
  const [rowsA, innerA] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const columns = transposeB ? b.at(-2)! : b.at(-1)!;
  const sharesB = sizeOf(stackB) === 1;
  if (!sharesB && !sameShape(stackA, stackB)) return undefined;
  // rows of all matrices are rows of one where they lie one after another
  const folds = sharesB && !transposeA;
  const count = folds ? 1 : sizeOf(stackA);
  const rows = folds ? sizeOf(stackA) * rowsA : rowsA;
  const tier = usableProductTier(form);
  if (tier === undefined || innerA < leastInner || rows * columns * innerA * count < leastWork) return undefined;
  if (!isFaster(tier, form, rows, columns, transposeA)) return undefined;
  if (Math.max(rows * columns, rows * innerA, innerA * columns) > mostElements) return undefined;
  return { form, count, rows, columns, inner: innerA, transposeA, transposeB, alpha, sharesB };
}

/** Is there code for products in seven parts? */
export const canHalve = (): boolean => usableFeatures().wide512;

/** What a product of rows and a weight of these shapes is in seven parts, or undefined where it can be none. */
export function strassenOf(
  a: Shape,
  b: Shape,
  { transposeA, transposeB, alpha }: MatmulAttributes,
): { readonly shape: StrassenShape; readonly weight: StrassenWeight } | undefined {
  if (a.length < 2 || b.length !== 2 || transposeA) return undefined;
  const inner = a.at(-1)!;
  const [rows, columns] = [sizeOf(a) / Math.max(1, inner), b[transposeB ? 0 : 1]!];
  const shape = { rows, columns, inner, alpha };
  if (!isStrassen(shape) || Math.max(rows * columns, rows * inner, inner * columns) > mostElements) return undefined;
  return { shape, weight: { columns, inner, transposed: transposeB } };
}
