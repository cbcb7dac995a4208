/** Products of matrices as operators of our own: which they are, in which form their operands are read. */
import { type ProductShape, usableProductTier } from "../../machine/index.ts";
import type { DType } from "../dtype.ts";
import {
  canHalve,
  type MatmulAttributes,
  productOf,
  productOperator,
  strassenOf,
  strassenOperator,
  strassenRowsOperator,
} from "../operators/index.ts";
import type { Shape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";
import type { Emitter } from "./emitter.ts";

/** A product as it is lowered. */
interface GivenProduct {
  readonly e: Emitter;
  readonly inputs: readonly string[];
  readonly attributes: MatmulAttributes;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly inputShapes: readonly Shape[];
  /** Names of the operands that are there as words of bf16. */
  readonly words?: readonly (string | undefined)[];
}

/** A product by the input `name` in seven parts, and the name of that input in their order, where that is wanted and can be. */
function sevenOf(e: Emitter, a: Shape, b: Shape, attributes: MatmulAttributes, name: string) {
  if (e.limits.products !== "f32" || !canHalve()) return undefined;
  const found = strassenOf(a, b, attributes);
  const weight = found && e.packedInput(name, found.weight);
  return weight === undefined ? undefined : { shape: found!.shape, weight };
}

/** The product of the first two inputs as an operator of our own, where that is wanted and can be. */
export function ownProduct({ e, inputs, attributes, shape, dtype, inputShapes, words }: GivenProduct): string | undefined {
  const [a, b] = inputShapes;
  if (!e.limits.products || dtype !== "f32") return undefined;
  const seven = sevenOf(e, a!, b!, attributes, inputs[1]!);
  if (seven)
    return e.own(strassenOperator(seven.shape, shape), [e.shared(strassenRowsOperator(seven.shape), [inputs[0]!])[0]!, seven.weight])[0];
  const product = productOf(e.limits.products, a!, b!, attributes);
  if (!product) return undefined;
  const given = readProduct(product, inputs, words);
  return e.own(productOperator(given.shape, shape), given.operands)[0];
}

/** A product with its operands as they are there: words where `words` names them. */
export function readProduct(
  shape: ProductShape,
  inputs: readonly (string | undefined)[],
  words: readonly (string | undefined)[] = [],
): { readonly shape: ProductShape; readonly operands: readonly string[] } {
  const [wordsA, wordsB] = [words[0] !== undefined, words[1] !== undefined];
  return { shape: { ...shape, wordsA, wordsB }, operands: [words[0] ?? inputs[0]!, words[1] ?? inputs[1]!] };
}

/** Is a product one in seven parts? `names` has the inputs' names. */
function isSeven(t: Tensor<"matmul" | "matmulAdd">, e: Emitter, names: ReadonlyMap<Tensor, string>): boolean {
  const [a, b] = t.inputs;
  const name = names.get(b!);
  return name !== undefined && sevenOf(e, a!.shape, b!.shape, t.attributes, name) !== undefined;
}

const isProduct = (t: Tensor): t is Tensor<"matmul" | "matmulAdd"> => isKind(t, "matmul") || isKind(t, "matmulAdd");

/** The shape of a product that becomes an operator of our own, not in seven parts. `names` has the inputs' names. */
function plainProduct(t: Tensor, e: Emitter, names: ReadonlyMap<Tensor, string>): ProductShape | undefined {
  const form = e.limits.products;
  if (form === undefined || t.dtype !== "f32" || !isProduct(t) || isSeven(t, e, names)) return undefined;
  return productOf(form, t.inputs[0]!.shape, t.inputs[1]!.shape, t.attributes);
}

/** The same where it takes operands as words of bf16 and may go on with a chain: by the code for 512-bit vectors. */
export function wordProduct(t: Tensor, e: Emitter, names: ReadonlyMap<Tensor, string>): ProductShape | undefined {
  const shape = plainProduct(t, e, names);
  return shape && usableProductTier(shape.form) === "avx512" ? shape : undefined;
}

/** Does a product become an operator of our own? `names` has the inputs' names. */
export const isOwnProduct = (t: Tensor, e: Emitter, names: ReadonlyMap<Tensor, string>): boolean =>
  isKind(t, "matmul") &&
  t.dtype === "f32" &&
  e.limits.products !== undefined &&
  (isSeven(t, e, names) || plainProduct(t, e, names) !== undefined);
