/**
 * Functions with a gradient of their own: straight-through estimators, clipped cotangents, implicit layers, rules that are more stable than the
 * derived ones. Idea: JAX's `custom_vjp`; residuals need no way of their own here, as equal nodes of both passes are joined.
 */
import { type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import { inlineBody, traceBody } from "./body.ts";
import { tensorErrors } from "./errors.ts";
import { type AppliedOperation, type Cotangent, nextOperationId, zeroCotangent } from "./operation.ts";
import { ops } from "./ops.ts";
import { requireTensor, Tensor } from "./tensor.ts";

/** What a backward function sees. */
export interface CustomBackward<A extends readonly unknown[]> {
  /** The arguments, trees of tensors as they were passed. */
  readonly inputs: A;
  readonly output: Tensor;
  /** Of the output's shape and dtype. */
  readonly cotangent: Tensor;
}

/** The leaves of what `backward` gave for an argument; `undefined` for the whole of it is a derivative of 0. */
function cotangentsOf(place: string, argument: unknown, given: unknown): Cotangent[] {
  const wanted = treeLeaves<Tensor>(argument as Tree<Tensor>);
  if (given === undefined || given === zeroCotangent) return wanted.map(() => zeroCotangent);
  const found = treeLeaves<Tensor | typeof zeroCotangent>(given as Tree<Tensor | typeof zeroCotangent>);
  if (found.length !== wanted.length)
    throw tensorErrors.fail("gradient", {
      place,
      expected: `the argument's structure, ${wanted.length} tensors`,
      received: `${found.length}`,
      hint: "Give undefined for a whole argument, or zeroCotangent for a part of it, where the derivative is 0.",
    });
  for (const d of found) if (d !== zeroCotangent) requireTensor(place, d);
  return found;
}

/**
 * `f` with `backward` as its derivative. Arguments are trees of tensors, the result is one tensor; `backward` gives a cotangent an argument, of
 * the argument's structure and shapes, or `undefined` where the derivative is 0. It is written with tensors, so it can be differentiated too.
 *
 * ```ts
 * // rounds, and passes gradients through as they are (straight-through estimator, Bengio et al. 2013)
 * const round = customGradient((x: Tensor) => floor(add(x, 0.5)), ({ cotangent }) => [cotangent]);
 * ```
 * Throws `tensor/gradient` when a gradient is asked for with respect to a tensor that `f` captured: pass it as an argument.
 */
export function customGradient<A extends readonly unknown[]>(
  f: (...args: A) => Tensor,
  backward: (given: CustomBackward<A>) => readonly unknown[],
): (...args: A) => Tensor {
  const id = nextOperationId();
  const name = f.name || "customGradient";
  return (...args) => {
    const { body, inputs, leaves, result } = traceBody(f, args);
    requireTensor(`${name}: result`, result);
    const operation: AppliedOperation = {
      name,
      version: 1,
      id,
      options: {},
      arity: [inputs.length, inputs.length],
      infer: of => ops.call.infer(of, { body, output: 0 }, name),
      expand: of => inlineBody(body, of)[0]!,
      gradient: ({ inputs: of, output, cotangent }) => {
        // the form of the arguments stays
        const given = treeFrom(args as unknown as Tree<Tensor>, of.slice(0, leaves)) as unknown as A;
        const ds = backward({ inputs: given, output, cotangent });
        if (!Array.isArray(ds) || ds.length !== args.length)
          throw tensorErrors.fail("gradient", {
            place: `${name}: backward`,
            expected: `a list of ${args.length} cotangents, one an argument`,
            received: Array.isArray(ds) ? `${ds.length}` : typeof ds,
          });
        return given.flatMap((argument, i) => cotangentsOf(`${name}: backward: argument ${i}`, argument, ds[i]));
      },
      body,
    };
    return new Tensor("custom", inputs, { operation }, name);
  };
}
