/**
 * Chains of operations on elements within a graph, with sums over their rows: which nodes are computed by one operator. A node joins a chain where
 * its readers are in it, or come after the chain's last node: then it is an output too. So whatever reads a chain comes after all of it, and
 * joining cannot make a circle.
 */
import {
  type ElementAccess,
  type ElementProgram,
  type ElementStep,
  type ElementStepKind,
  type ElementValue,
  registersOf,
  valueRegisters,
} from "../../machine/index.ts";
import { sizeOf } from "../dtype.ts";
import { type Graph, nodesOf } from "../graph.ts";
import type { OpKind } from "../ops.ts";
import { type Shape, sameShape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";

interface Chain {
  readonly program: ElementProgram;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** All that it computes, in order. */
  readonly nodes: readonly Tensor[];
}
export interface Fused {
  /** Chains by their last nodes. */
  readonly chains: ReadonlyMap<Tensor, Chain>;
  /** Nodes of chains that are not the last ones. */
  readonly inside: ReadonlySet<Tensor>;
}
export const noneFused: Fused = { chains: new Map(), inside: new Set() };

/** Smaller arrays stay in the nearest caches from one kernel to the next. */
const leastElements = 8192;
/** Rows of so few columns are read element by element or not at all. */
const leastColumns = 16;
/** Columns of arrays that nothing is spread over. */
const flatColumns = 4096;
const mostInputs = 12;
const mostNodes = 40;

type Emit = (kind: ElementStepKind, ...of: ElementValue[]) => ElementValue;
const same =
  (kind: ElementStepKind) =>
  (emit: Emit, values: readonly ElementValue[]): ElementValue =>
    emit(kind, ...values);
const number = (constant: number): ElementValue => ({ constant });
/** Operations on elements as steps. */
const stepsOf: { readonly [K in OpKind]?: (emit: Emit, values: readonly ElementValue[]) => ElementValue } = {
  add: same("add"),
  sub: same("sub"),
  mul: same("mul"),
  div: same("div"),
  neg: same("neg"),
  sqrt: same("sqrt"),
  exp: same("exp"),
  erf: same("erf"),
  sigmoid: same("sigmoid"),
  // x (1 + erf(x / sqrt 2)) / 2
  gelu: (emit, [x]) =>
    emit("mul", emit("mul", x!, number(0.5)), emit("add", emit("erf", emit("mul", x!, number(Math.SQRT1_2))), number(1))),
  silu: (emit, [x]) => emit("mul", x!, emit("sigmoid", x!)),
};
/** Worth an operator of their own. */
const isLong: ReadonlySet<OpKind> = new Set<OpKind>(["gelu", "silu"]);

const columnsOf = (shape: Shape): number => shape.at(-1) ?? 1;

/** How an operand of a shape is read for elements of `shape`; undefined where it is in none of these ways. */
function accessOf(x: Shape, shape: Shape): ElementAccess | undefined {
  const size = sizeOf(x);
  if (size === 1) return "one";
  if (size === sizeOf(shape)) return "all";
  const columns = columnsOf(shape);
  if (columns < leastColumns) return undefined;
  if (x.at(-1) === columns && size === columns) return "row";
  if (x.length === shape.length && x.at(-1) === 1 && sameShape(x.slice(0, -1), shape.slice(0, -1))) return "column";
  return undefined;
}

const isColumnOf = (x: Shape, shape: Shape): boolean => accessOf(x, shape) === "column";

/** Does a node sum (or average) the rows of an array of a shape? */
const sumsRows = (t: Tensor, shape: Shape): boolean =>
  (isKind(t, "sum") || isKind(t, "mean")) &&
  isColumnOf(t.shape, shape) &&
  sameShape(t.inputs[0]!.shape, shape) &&
  t.attributes.axes.length === 1;

/** The number that a constant is. What a name cannot say (not a number, -0) is read from memory like any input. */
function uniform(t: Tensor): number | undefined {
  if (!isKind(t, "constant") || t.size !== 1 || t.dtype !== "f32") return undefined;
  const value = Number(t.attributes.data[0]);
  return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
}

/**
 * The chains of a graph, without the nodes in `others`. `isApart`: is a product computed by an operator of our own, so that a sum behind it is
 * free to go elsewhere?
 */
export function fusedIn(g: Graph, isApart: (product: Tensor) => boolean, others: ReadonlySet<Tensor> = new Set()): Fused {
  const nodes = nodesOf(g);
  const place = new Map(nodes.map((t, i) => [t, i]));
  const readers = new Map<Tensor, Tensor[]>();
  for (const t of nodes) for (const x of new Set(t.inputs)) readers.set(x, [...(readers.get(x) ?? []), t]);
  const results = new Set(g.outputs);

  const isElementwise = (t: Tensor): boolean =>
    stepsOf[t.kind] !== undefined &&
    !others.has(t) &&
    t.dtype === "f32" &&
    t.size >= leastElements &&
    !(isKind(t, "gelu") && t.attributes.approximate !== "none") &&
    t.inputs.every(x => x.dtype === "f32" && accessOf(x.shape, t.shape) !== undefined) &&
    // the engine adds a bias within its own product
    !(isKind(t, "add") && t.inputs.some(x => isKind(x, "matmul") && readers.get(x)!.length === 1 && !isApart(x)));

  /** Numbers of rows: sums of them, and what follows from those alone. */
  const isOfRows = (t: Tensor, shape: Shape): boolean =>
    t.dtype === "f32" &&
    !others.has(t) &&
    (sumsRows(t, shape) ||
      (stepsOf[t.kind] !== undefined &&
        !isKind(t, "gelu") &&
        isColumnOf(t.shape, shape) &&
        t.inputs.every(x => x.dtype === "f32" && (x.size === 1 || isColumnOf(x.shape, shape)))));
  const comesAfter = (t: Tensor, last: Tensor): boolean => place.get(t)! > place.get(last)!;

  const inside = new Set<Tensor>();
  const chains = new Map<Tensor, Chain>();
  const taken = new Set<Tensor>();
  for (const last of nodes.toReversed()) {
    if (taken.has(last) || !isElementwise(last)) continue;
    const chain = new Set([last]);
    const isRead = (t: Tensor): boolean => results.has(t) || readers.get(t)!.some(r => comesAfter(r, last));
    let found = programOf([last], isRead);
    const refused = new Set<Tensor>();
    for (;;) {
      // the newest first: all its readers have been decided about
      const candidates = [...chain].flatMap(t => t.inputs).filter(x => !chain.has(x) && !refused.has(x));
      if (candidates.length === 0 || chain.size >= mostNodes) break;
      const next = candidates.reduce((a, b) => (place.get(a)! > place.get(b)! ? a : b));
      const grown = [...chain, next].sort((a, b) => place.get(a)! - place.get(b)!);
      const isWhole = sameShape(next.shape, last.shape);
      const joins =
        !taken.has(next) &&
        (isWhole ? isElementwise(next) : !results.has(next) && isOfRows(next, last.shape)) &&
        readers.get(next)!.every(t => chain.has(t) || (isWhole && comesAfter(t, last)));
      const program = joins ? programOf(grown, isRead) : undefined;
      if (program) {
        chain.add(next);
        found = program;
      } else refused.add(next);
    }
    if (!found || (chain.size < 2 && !isLong.has(last.kind))) continue;
    for (const t of chain) {
      taken.add(t);
      if (t !== last) inside.add(t);
    }
    chains.set(last, found);
  }
  return { chains, inside };
}

/** The program of nodes in their order, some of which are read by others; undefined where it is too large for an operator. */
function programOf(nodes: readonly Tensor[], isRead: (t: Tensor) => boolean): Chain | undefined {
  const members = new Set(nodes);
  const last = nodes.at(-1)!;
  const inputs = [...new Set(nodes.flatMap(t => t.inputs).filter(x => !members.has(x) && uniform(x) === undefined))];
  if (inputs.length > mostInputs) return undefined;
  const values = new Map<Tensor, ElementValue>(inputs.map((x, i) => [x, i]));
  const steps: ElementStep[] = [];
  const emit: Emit = (kind, ...of) => inputs.length + steps.push({ kind, of }) - 1;
  for (const t of nodes) {
    const of = t.inputs.map(x => values.get(x) ?? number(uniform(x)!));
    if (!isKind(t, "sum") && !isKind(t, "mean")) values.set(t, stepsOf[t.kind]!(emit, of));
    else {
      const total = emit("sumRow", ...of);
      values.set(t, isKind(t, "mean") ? emit("mul", total, number(1 / columnsOf(last.shape))) : total);
    }
  }
  const outputs = nodes.filter(t => t === last || isRead(t));
  const access = inputs.map(x => accessOf(x.shape, last.shape)!);
  const isFlat = access.every(a => a === "all" || a === "one") && steps.every(s => s.kind !== "sumRow");
  const program: ElementProgram = {
    shape: last.shape,
    columns: isFlat ? flatColumns : columnsOf(last.shape),
    inputs: access,
    steps,
    outputs: outputs.map(t => values.get(t) as number),
  };
  return registersOf(program) > valueRegisters ? undefined : { program, inputs, outputs, nodes };
}
