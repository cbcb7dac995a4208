/** Floating-point operations that programs computed, by what they were: plain sums, so that the work of steps, attempts and runs adds up. */

/** FLOPs; an addition and a multiplication are two. */
export interface Work {
  /** Products of matrices. */
  readonly products: number;
  /** Attention: products of batches of matrices with each other. */
  readonly attention: number;
  /** One a result of an operation on elements, one a summand of a sum. */
  readonly elementwise: number;
  /** Of `products` and `attention`: computed again in the backward pass. */
  readonly recomputed: number;
  /** Of `products` and `attention`: asked for with bf16 operands. */
  readonly bf16: number;
}
export const noWork: Work = { products: 0, attention: 0, elementwise: 0, recomputed: 0, bf16: 0 };

const kinds = Object.keys(noWork) as (keyof Work)[];

export const addWork = (a: Work, b: Work): Work => Object.fromEntries(kinds.map(k => [k, a[k] + b[k]])) as unknown as Work; // keys of both

/** FLOPs of products that the hardware computed. */
export const hardwareFlops = (w: Work): number => w.products + w.attention;
/** The same without what was computed again. */
export const modelFlops = (w: Work): number => hardwareFlops(w) - w.recomputed;
