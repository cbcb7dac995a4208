/**
 * A batch's adapters as a transformation of the traced program: the parameters' tree in, the same tree out whose projections add what each
 * row's adapter says. The model's own code does not change, so whatever runs over parameters (exact or quantised) runs over adapted ones.
 *
 * All adapters lie in one bank, one below the other: `down` [N * R, in] and `up` [N * R, out] for N adapters of rank R. A projection computes
 * x downᵀ for all of them at once, keeps of each row the R numbers of its own adapter, and multiplies by `up`. For the few adapters that are
 * in a batch on a processor this is two plain products without copies, and the sum of a row has the same terms in the same order whoever else
 * is there. S-LoRA and Punica gather per row instead, which pays for hundreds of adapters.
 */
import { add, constant, equal, matmul, reshape, select, type Tensor } from "../../tensor/index.ts";
import type { Decoder, DecoderBlock } from "../decoder.ts";
import type { Linear } from "../layers.ts";
import { atProjection, type Projection, projections } from "./adapter.ts";

/** A projection's part of the bank. */
export interface BankPart {
  /** [N * R, in] */
  readonly down: Tensor;
  /** [N * R, out] */
  readonly up: Tensor;
}
export interface Bank {
  readonly layers: readonly { readonly [P in Projection]?: BankPart }[];
}
/** What a program takes beside its other inputs. */
export interface AdapterInputs {
  readonly bank: Bank;
  /** Adapter of each row of the batch [B] (i32): 1 is the bank's first, 0 none. */
  readonly rows: Tensor;
}

/** Which columns of all adapters' are a row's own: [B, 1, N * R], for adapters of `rank`. */
function ownColumns(rows: Tensor, columns: number, rank: number): Tensor {
  const adapterOf = constant(
    Int32Array.from({ length: columns }, (_, i) => 1 + Math.floor(i / rank)),
    "i32",
    [1, 1, columns],
  );
  return equal(reshape(rows, [-1, 1, 1]), adapterOf);
}

/** The parameters with the adapters of a batch's rows; `rank` is that of the bank. */
export function adapted(parameters: Decoder, { bank, rows }: AdapterInputs, rank: number): Decoder {
  const masks = new Map<number, Tensor>();
  const maskOf = (columns: number): Tensor => {
    const mask = masks.get(columns) ?? ownColumns(rows, columns, rank);
    masks.set(columns, mask);
    return mask;
  };
  const withPart = (l: Linear, { down, up }: BankPart): Linear => {
    const adapt = (x: Tensor, y: Tensor): Tensor => {
      // what overflows in another's columns must not become a NaN of this row, so it is chosen and not multiplied by 0
      const own = select(maskOf(down.shape[0]!), matmul(x, down, { transposeB: true }), 0);
      return add(y, matmul(own, up));
    };
    return { ...l, adapt };
  };
  const blocks = parameters.blocks.map((block, i) => {
    const groups: Record<string, Record<string, unknown>> = {};
    for (const projection of projections) {
      const part = bank.layers[i]?.[projection];
      if (!part) continue;
      const [group, name] = projection.split(".") as [keyof DecoderBlock & string, string];
      groups[group] ??= { ...block[group] };
      groups[group][name] = withPart(atProjection(block, projection) as Linear, part);
    }
    return { ...block, ...groups } as DecoderBlock;
  });
  // a layer may be adapted whatever its weights are; the tree is the same
  return { ...parameters, blocks } as Decoder;
}
