/**
 * What a layer may multiply by: a float matrix, or one of the quantised forms, told apart by their keys. A layer asks for a product or for
 * rows and does not know which it has. Forms are made by quantise/; the products are the tensor room's.
 */
import { codeBlock } from "../machine/index.ts";
import {
  add,
  cast,
  concat,
  floor,
  gather,
  matmul,
  matmulBlocks,
  matmulRows,
  mul,
  reshape,
  sub,
  sum,
  Tensor,
  transpose,
} from "../tensor/index.ts";
import { type NormalFloatWeight, normalFloatProduct, normalFloatRows } from "./normal-float.ts";

/**
 * Blocks of codes along the input, a scale a block: 4 or 8 bits; see `matmulBlocks`. packed [out, blocks, bytes], blockScales [out, blocks];
 * blockOffsets [blocks, out] are added to every element of a block.
 */
export interface BlocksWeight {
  readonly packed: Tensor;
  readonly blockScales: Tensor;
  readonly blockOffsets?: Tensor;
}
/** A byte a weight, a scale an output: codes i8 [in, out], columnScales [out]; the rows of the other side are rounded too (`matmulRows`). */
interface RowsWeight {
  readonly codes: Tensor;
  readonly columnScales: Tensor;
}
/** A float weight that tells what it is multiplied with; for calibration. */
interface ObservedWeight {
  readonly weight: Tensor;
  readonly observe: (x: Tensor) => void;
}
export type Weight = Tensor | BlocksWeight | RowsWeight | NormalFloatWeight | ObservedWeight;

/** x (s q + m) = s x q + m (sum of the block's x): the offsets of blocks cost a product with one row a block. */
function blocksProduct(x: Tensor, { packed, blockScales, blockOffsets }: BlocksWeight): Tensor {
  const y = matmulBlocks(x, packed, blockScales);
  if (!blockOffsets) return y;
  const blocks = blockOffsets.shape[0]!;
  const sums = sum(reshape(x, [...x.shape.slice(0, -1), blocks, x.shape.at(-1)! / blocks]), -1);
  return add(y, matmul(sums, blockOffsets));
}

function quantisedProduct(x: Tensor, w: Exclude<Weight, Tensor>): Tensor {
  if ("packed" in w) return blocksProduct(x, w);
  if ("codes" in w) return matmulRows(x, w.codes, w.columnScales);
  if ("nibbles" in w) return normalFloatProduct(x, w);
  w.observe(x);
  return matmul(x, w.weight);
}

/** x [..., in] times a weight [in, out]: [..., out]. */
export const weightProduct = (x: Tensor, w: Weight): Tensor => (w instanceof Tensor ? matmul(x, w) : quantisedProduct(x, w));

/** x [..., C] times a table's rows [V, C]: [..., V]. Quantised tables are stored as the weight [C, V] is. */
export const tableProduct = (x: Tensor, table: Weight): Tensor =>
  table instanceof Tensor ? matmul(x, table, { transposeB: true }) : quantisedProduct(x, table);

/** Rows of a table [V, C] for tokens [...]: [..., C]. Of a quantised table only these rows become floats. */
export function tableRows(table: Weight, tokens: Tensor): Tensor {
  if (table instanceof Tensor) return gather(table, tokens);
  const { shape } = tokens;
  const flat = reshape(tokens, [-1]);
  const count = flat.shape[0]!;
  if ("codes" in table) {
    const rows = transpose(cast(gather(table.codes, flat, 1), "f32"));
    return reshape(mul(rows, reshape(gather(table.columnScales, flat), [count, 1])), [...shape, rows.shape[1]!]);
  }
  if ("weight" in table) return gather(table.weight, tokens);
  if ("nibbles" in table) return gather(normalFloatRows(table), tokens);
  const [, blocks, bytes] = table.packed.shape as [number, number, number];
  const found = cast(gather(table.packed, flat), "f32"); // [count, blocks, bytes]
  const scales = reshape(gather(table.blockScales, flat), [count, blocks, 1]);
  const values = (codes: Tensor, middle: number) => {
    const scaled = mul(add(codes, -middle), scales);
    const offset = table.blockOffsets && reshape(gather(transpose(table.blockOffsets), flat), [count, blocks, 1]);
    return reshape(offset ? add(scaled, offset) : scaled, [...shape, blocks * codes.shape[2]!]);
  };
  if (!isHalfBytes(bytes)) return values(found, 128);
  const high = floor(mul(found, 1 / 16));
  const pairs = [sub(found, mul(high, 16)), high].map(t => reshape(t, [count, blocks, bytes, 1]));
  return values(reshape(concat(pairs, 3), [count, blocks, 2 * bytes]), 8);
}

/** Codes in a block of a table; weights are cut into no other. */
export const blockSize = codeBlock;
const isHalfBytes = (bytes: number): boolean => bytes === blockSize / 2;
