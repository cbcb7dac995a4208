/** What a maker of kernels gives: code, and how its work is shared out. */

/** Code of kernels, one after another; each is shared out to threads as kernel(run, item) for every item, when the one before it is done. */
export interface KernelCode {
  readonly code: Uint8Array;
  readonly kernels: readonly { readonly at: number; readonly items: number }[];
  /** Memory that the kernels may write to, for the time of a run; 0 for none. */
  readonly scratchBytes: number;
}
