/**
 * Rematerialisation: `checkpoint(f)` computes what `f` does, but its inside is forgotten after the forward pass and computed again when the
 * backward pass needs it, so memory holds the inputs of f instead of everything in it (Chen et al. 2016, "Training deep nets with
 * sublinear memory cost"). The gradient rule of `call` does the work; `barrier` keeps the second computation apart from the first and late.
 */
import { type Tree, treeFrom } from "../base/index.ts";
import { traceBody } from "./body.ts";
import { Tensor } from "./tensor.ts";

/** f with its activations recomputed in the backward pass. Arguments and results are trees of tensors; captured tensors are inputs too. */
export function checkpoint<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const { body, inputs, result } = traceBody(f, args);
    const calls = body.outputs.map((_, output) => new Tensor("call", inputs, { body, output }));
    return treeFrom(result as Tree<Tensor>, calls) as R;
  };
}
