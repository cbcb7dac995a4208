/**
 * Norms, products, projections and sketches of the gradients of single examples of a batch, and weighted sums of these gradients, from one forward and
 * one backward pass: what private training (Abadi et al. 2016) and influence (Pruthi et al. 2020) stand on. Nothing of [examples x parameters] is written
 * out where pairs of tokens cost less (`terms.ts`). The weighted sum needs no second backward pass: cotangents are known, only the products with them are
 * made again (Bu et al. 2023, "book-keeping").
 */
import { type Tree, treeFrom, treeLeaves } from "../../base/index.ts";
import { inlineBody, reachable, withInputs } from "../body.ts";
import { tensorErrors } from "../errors.ts";
import * as f from "../functions.ts";
import { vjp } from "../grad.ts";
import { type GradientRule, gradient } from "../gradient.ts";
import type { OpKind } from "../ops.ts";
import { showShape } from "../shape.ts";
import { constant, isKind, Tensor } from "../tensor.ts";
import { type EntryContext, entryRules } from "./entry-rules.ts";
import { type ExampleOwners, type Ownership, ownershipOf } from "./examples.ts";
import { batchLayout, type Layout, mixesRows, plainLayout, type RowState, stateOfRows } from "./layout.ts";
import { pulledBack } from "./pull-back.ts";
import { rowStates, type StateRule } from "./row-states.ts";
import { alongOf, dotsOf, type SketchFactors, squaredNormsOf, type Term, termSketch, weightedSumOf } from "./terms.ts";

/** Gradients of the examples of a batch, of which none is written out. */
export interface ExampleGradients<P> {
  /** The loss of the whole batch. */
  readonly loss: Tensor;
  readonly count: number;
  /** Squared norm of each example's gradient over all parameters [E], f32. */
  squaredNorms(): Tensor;
  /** Dot products of the examples' gradients [E, E], f32. */
  dots(): Tensor;
  /** Dot product of each example's gradient with a direction, a tree like the parameters: [E], f32. */
  along(direction: P): Tensor;
  /**
   * Sum over the parameters of left^T gradient right [E, a x b], f32, with factors of each leaf in order: of random factors with mean 0 and E[left left^T] =
   * E[right right^T] = 1, products of two sketches estimate products of gradients (Choe et al. 2024, "What is your data worth to GPT?").
   */
  sketches(factors: readonly SketchFactors[]): Tensor;
  /** Sum over the examples of weight x gradient, a tree like the parameters, f32; weights [E] have no gradient. */
  weightedSum(weights: Tensor): P;
}

/** Bodies in place of calls, and operations without a gradient of their own as what they are written with. */
function opened(loss: Tensor): Tensor {
  const made = new Map<Tensor, Tensor>();
  for (const t of reachable([loss])) {
    const inputs = t.inputs.map(x => made.get(x)!);
    if (isKind(t, "call")) made.set(t, openedBody(inlineBody(t.attributes.body, inputs)[t.attributes.output]!, inputs));
    else if (isKind(t, "custom") && t.attributes.operation.expand && !t.attributes.operation.gradient)
      made.set(t, openedBody(t.attributes.operation.expand(inputs), inputs));
    else made.set(t, withInputs(t, inputs));
  }
  return made.get(loss)!;
}
/** The same for a body: what it is called with stays. */
function openedBody(output: Tensor, inputs: readonly Tensor[]): Tensor {
  const stop = new Set(inputs);
  const made = new Map<Tensor, Tensor>();
  for (const t of reachable([output], 0, stop)) {
    if (stop.has(t)) made.set(t, t);
    else if (isKind(t, "call")) {
      const own = t.inputs.map(x => made.get(x)!);
      made.set(t, openedBody(inlineBody(t.attributes.body, own)[t.attributes.output]!, own));
    } else
      made.set(
        t,
        withInputs(
          t,
          t.inputs.map(x => made.get(x)!),
        ),
      );
  }
  return made.get(output)!;
}

/** Where rows lie in every value that the outputs are made of. */
function statesOf(output: Tensor, known: ReadonlyMap<Tensor, RowState>): Map<Tensor, RowState> {
  const states = new Map<Tensor, RowState>(known);
  const through = (inner: Tensor, given: ReadonlyMap<Tensor, RowState>) => statesOf(inner, given).get(inner);
  for (const node of reachable([output], 0, known)) {
    if (states.has(node)) continue;
    const rule = rowStates[node.kind] as StateRule<OpKind>;
    states.set(
      node,
      rule({ node, inputs: node.inputs, states: node.inputs.map(x => states.get(x)), attributes: node.attributes, through }),
    );
  }
  return states;
}

interface Sweep {
  readonly loss: Tensor;
  readonly parameters: readonly Tensor[];
  readonly states: ReadonlyMap<Tensor, RowState>;
  readonly examples: Ownership;
}

const layoutIn = (t: Tensor, state: RowState): Layout => (state?.kind === "rows" ? state.layout : plainLayout(t.shape));

function entryTerms(t: Tensor, at: number, cotangent: Tensor, { states, examples }: Sweep): readonly Term[] {
  const state = states.get(t);
  if (state?.kind !== "rows")
    throw mixesRows(
      t.kind,
      "a parameter that meets the loss outside any example",
      "Leave penalties on parameters to the optimiser's weight decay.",
    );
  const context: EntryContext<OpKind> = {
    node: t,
    inputs: t.inputs,
    layouts: t.inputs.map(x => layoutIn(x, states.get(x))),
    attributes: t.attributes,
    at,
    cotangent,
    layout: state.layout,
    examples,
    rule: gradient[t.kind] as GradientRule<OpKind>,
    vjp,
  };
  return (entryRules[t.kind] as (c: EntryContext<OpKind>) => readonly Term[])(context);
}

/** The backward pass through values of rows; what parameters get from it is kept as terms of each example. */
function sweep(given: Sweep): { readonly entries: Map<Tensor, Term[]>; readonly depends: ReadonlySet<Tensor> } {
  const { loss, parameters, states } = given;
  const nodes = reachable([loss]);
  const depends = new Set<Tensor>(parameters);
  for (const t of nodes) if (f.isFloatTensor(t) && t.kind !== "stopGradient" && t.inputs.some(x => depends.has(x))) depends.add(t);
  const cotangents = new Map<Tensor, Tensor>([[loss, constant(1, loss.dtype)]]);
  const entries = new Map<Tensor, Term[]>();
  for (const t of nodes.reverse()) {
    const d = cotangents.get(t);
    if (!d || !depends.has(t) || !states.get(t)) continue;
    const rule = gradient[t.kind] as GradientRule<OpKind>;
    const ds = rule({ inputs: t.inputs, output: t, cotangent: d, attributes: t.attributes, vjp });
    for (const [at, x] of t.inputs.entries()) {
      const dx = ds[at];
      if (!(dx instanceof Tensor) || !depends.has(x)) continue;
      if (!states.get(x)) {
        entries.set(x, [...(entries.get(x) ?? []), ...entryTerms(t, at, d, given)]);
        continue;
      }
      const sofar = cotangents.get(x);
      cotangents.set(x, sofar ? f.add(sofar, dx) : dx);
    }
  }
  return { entries, depends };
}

function batchOf(leaves: readonly Tensor[], examples: ExampleOwners): { readonly rows: number; readonly states: Map<Tensor, RowState> } {
  const arrays = leaves.filter(t => t.shape.length > 0);
  const rows = arrays[0]?.shape[0];
  const odd = arrays.find(t => t.shape[0] !== rows);
  if (rows === undefined || odd || (examples.of && examples.of.shape[0] !== rows))
    throw tensorErrors.fail("shape", {
      place: "perExample",
      expected: "arrays of a batch with the same number of rows along axis 0, and ids of examples [B] or [B, T]",
      received: [...arrays.slice(0, 1), ...(odd ? [odd] : []), ...(examples.of ? [examples.of] : [])]
        .map(t => showShape(t.shape))
        .join(", "),
    });
  const tokens = examples.of?.shape[1];
  return { rows, states: new Map(arrays.map(t => [t, stateOfRows(batchLayout(t.shape, tokens))])) };
}

/**
 * The gradients of each example of a batch. `loss` is a sum over examples, scaled by a number that does not depend on them; all arrays of `batch` have
 * rows along axis 0, scalars belong to all. What `rest` holds is common to all examples.
 *
 * ```ts
 * const gradients = perExample(loss)(parameters, { tokens, targets });
 * const norms = sqrt(gradients.squaredNorms()); // [B]
 * const clipped = gradients.weightedSum(minimum(1, div(1, norms)));
 * ```
 * Throws `tensor/perExample` for a program that mixes rows (batch statistics, a mean over the drawn weight), naming the operation.
 */
export function perExample<P, B, R extends unknown[]>(
  loss: (parameters: P, batch: B, ...rest: R) => Tensor,
  examples: (batch: B) => ExampleOwners = () => ({}),
): (parameters: P, batch: B, ...rest: R) => ExampleGradients<P> {
  return (parameters, batch, ...rest) => {
    const tree = parameters as Tree<Tensor>;
    const leaves = treeLeaves<Tensor>(tree).map(f.identity);
    const arrays = treeLeaves<Tensor>(batch as Tree<Tensor>);
    const copies = arrays.map(f.identity);
    const wrapped = treeFrom(batch as Tree<Tensor>, copies) as B;
    const given = examples(batch);
    const { rows, states: known } = batchOf(copies, given);
    const owned = ownershipOf(rows, given);
    const value = opened(loss(treeFrom(tree, leaves) as P, wrapped, ...rest));
    if (value.shape.length > 0 || !f.isFloatTensor(value))
      throw tensorErrors.fail("gradient", {
        place: "perExample",
        expected: "a loss that is one float of shape []",
        received: value.toString(),
      });
    const states = statesOf(value, known);
    if (states.get(value)?.kind !== "summed") throw mixesRows("perExample", "a loss that is no sum over the rows of the batch");
    const { entries, depends } = sweep({ loss: value, parameters: leaves, states, examples: owned });
    let found: Map<Tensor, Term[]> | undefined;
    const terms = () => {
      found ??= pulledBack(entries, new Set(leaves), { examples: owned, depends: t => depends.has(t), vjp });
      return [...found];
    };
    const total = (of: typeof squaredNormsOf) =>
      terms()
        .map(([p, list]) => of(list, p.shape, owned))
        .reduce((a, b) => f.add(a, b));
    const sumOfTerms = (of: (t: Term, leaf: number) => Tensor) =>
      terms()
        .flatMap(([p, list]) => list.map(t => of(t, leaves.indexOf(p))))
        .reduce((a, b) => f.add(a, b));
    return {
      loss: value,
      count: owned.count,
      squaredNorms: () => total(squaredNormsOf),
      dots: () => total(dotsOf),
      along(direction) {
        const directions = treeLeaves<Tensor>(direction as Tree<Tensor>);
        return sumOfTerms((t, at) => alongOf(t, directions[at]!, owned));
      },
      sketches: factors => sumOfTerms((t, at) => termSketch(t, factors[at]!, leaves[at]!.shape, owned)),
      weightedSum: weights => treeFrom(tree, weightedSums(entries, leaves, f.stopGradient(weights), owned)) as P,
    };
  };
}

function weightedSums(
  entries: ReadonlyMap<Tensor, readonly Term[]>,
  leaves: readonly Tensor[],
  weights: Tensor,
  owned: Ownership,
): Tensor[] {
  const sums = new Map<Tensor, Tensor>();
  for (const [value, terms] of entries) {
    const own = terms.map(t => weightedSumOf(t, weights, value.shape, owned)).reduce((a, b) => f.add(a, b));
    const ds = leaves.includes(value) ? leaves.map(p => (p === value ? own : undefined)) : vjp(value, leaves, f.cast(own, value.dtype));
    for (const [i, d] of ds.entries()) {
      const p = leaves[i]!;
      if (d) sums.set(p, sums.has(p) ? f.add(sums.get(p)!, f.cast(d, "f32")) : f.cast(d, "f32"));
    }
  }
  return leaves.map(p => f.broadcastTo(sums.get(p) ?? f.zeros(p.shape), p.shape));
}
