/**
 * Rematerialisation: `checkpoint(f)` computes what `f` does, but its inside is forgotten after the forward pass and computed again when the
 * backward pass needs it, so memory holds the inputs of f instead of everything in it (Chen et al. 2016, "Training deep nets with
 * sublinear memory cost"). The gradient rule of `call` does the work; `barrier` keeps the second computation apart from the first and late.
 */
import { type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import { reachable, withInputs } from "./body.ts";
import { idMark, input, Tensor } from "./tensor.ts";

/** f with its activations recomputed in the backward pass. Arguments and results are trees of tensors; captured tensors are inputs too. */
export function checkpoint<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const leaves = treeLeaves<Tensor>(args as Tree<Tensor>);
    const mark = idMark();
    const placeholders = leaves.map((t, i) => input(`argument${i}`, t.shape, t.dtype));
    const result = f(...(treeFrom(args as Tree<Tensor>, placeholders) as A));
    const outputs = treeLeaves<Tensor>(result as Tree<Tensor>);
    // what was built before the trace and is used inside becomes an input of its own, so that gradients reach it
    const inside = reachable(outputs, mark);
    const captured = [...new Set([...inside.flatMap(t => t.inputs), ...outputs].filter(t => t.id < mark))];
    const stand = captured.map((t, i) => input(`captured${i}`, t.shape, t.dtype));
    const replaced = new Map<Tensor, Tensor>(captured.map((t, i) => [t, stand[i]!]));
    for (const t of inside)
      replaced.set(
        t,
        withInputs(
          t,
          t.inputs.map(x => replaced.get(x)!),
        ),
      );
    const body = { placeholders: [...placeholders, ...stand], outputs: outputs.map(o => replaced.get(o)!) };
    const calls = outputs.map((_, output) => new Tensor("call", [...leaves, ...captured], { body, output }));
    return treeFrom(result as Tree<Tensor>, calls) as R;
  };
}
