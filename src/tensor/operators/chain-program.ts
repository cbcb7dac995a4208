/** What a chain of operations on elements computes, as a program: which operations there are, how operands are read, what is written. */
import {
  type ElementAccess,
  type ElementProgram,
  type ElementStep,
  type ElementStepKind,
  type ElementType,
  type ElementValue,
  registersOf,
  valueRegisters,
} from "../../machine/index.ts";
import { sizeOf } from "../dtype.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import type { Shape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";
import { isWiden } from "./readings.ts";

/** Rows of so few columns are read element by element or not at all. */
const leastColumns = 16;
/** Columns of arrays that nothing is spread over. */
const flatColumns = 4096;
const mostInputs = 12;

type Emit = (kind: ElementStepKind, ...of: ElementValue[]) => ElementValue;
interface Steps<K extends OpKind> {
  readonly emit: Emit;
  readonly values: readonly ElementValue[];
  readonly columns: number;
  readonly attributes: OpAttributes[K];
}
type StepsRule<K extends OpKind> = (given: Steps<K>) => ElementValue;

const same =
  (kind: ElementStepKind): StepsRule<OpKind> =>
  ({ emit, values }) =>
    emit(kind, ...values);
const number = (constant: number): ElementValue => ({ constant });
const meanOf = ({ emit, columns }: Pick<Steps<OpKind>, "emit" | "columns">, x: ElementValue): ElementValue =>
  emit("mul", emit("sumRow", x), number(1 / columns));
/** 1 / sqrt(mean(x^2) + epsilon) of rows. */
const inverseRoot = (given: Pick<Steps<OpKind>, "emit" | "columns">, x: ElementValue, epsilon: number): ElementValue => {
  const { emit } = given;
  return emit("div", number(1), emit("sqrt", emit("add", meanOf(given, emit("mul", x, x)), number(epsilon))));
};

/** Operations on elements as steps. */
const stepsOf: { readonly [K in OpKind]?: StepsRule<K> } = {
  add: same("add"),
  sub: same("sub"),
  mul: same("mul"),
  div: same("div"),
  neg: same("neg"),
  sqrt: same("sqrt"),
  exp: same("exp"),
  log: same("log"),
  erf: same("erf"),
  sigmoid: same("sigmoid"),
  // x (1 + erf(x / sqrt 2)) / 2
  gelu: ({ emit, values: [x] }) =>
    emit("mul", emit("mul", x!, number(0.5)), emit("add", emit("erf", emit("mul", x!, number(Math.SQRT1_2))), number(1))),
  silu: ({ emit, values: [x] }) => emit("mul", x!, emit("sigmoid", x!)),
  softmax: ({ emit, values: [x] }) => {
    const e = emit("exp", emit("sub", x!, emit("maxRow", x!)));
    return emit("div", e, emit("sumRow", e));
  },
  layerNorm: given => {
    const { emit, values, attributes } = given;
    const [x, weight, bias] = values;
    const centred = emit("sub", x!, meanOf(given, x!));
    const y = emit("mul", emit("mul", centred, inverseRoot(given, centred, attributes.epsilon)), weight!);
    return bias === undefined ? y : emit("add", y, bias);
  },
  rmsNorm: given => {
    const { emit, values, attributes } = given;
    const [x, weight] = values;
    return emit("mul", emit("mul", x!, inverseRoot(given, x!, attributes.epsilon)), weight!);
  },
};
/** Those that go over whole rows of the array, so that they are of elements alone where it is the chain's. */
const ofWholeRows: ReadonlySet<OpKind> = new Set<OpKind>(["softmax", "layerNorm", "rmsNorm"]);
/** Worth an operator of their own. */
const long: ReadonlySet<OpKind> = new Set<OpKind>(["gelu", "silu", "softmax", "layerNorm", "rmsNorm"]);
export const isLong = (t: Tensor): boolean => long.has(t.kind);

export const columnsOf = (shape: Shape): number => shape.at(-1) ?? 1;
/** Has x a number for each row of an array of a shape? */
const isColumnOf = (x: Shape, shape: Shape): boolean => {
  const columns = columnsOf(shape);
  return columns >= leastColumns && x.at(-1) === 1 && sizeOf(x) > 1 && sizeOf(x) * columns === sizeOf(shape);
};
/** Are two arrays of the same rows and columns? */
export const sameRows = (x: Shape, shape: Shape): boolean => sizeOf(x) === sizeOf(shape) && columnsOf(x) === columnsOf(shape);

/** How an operand of a shape is read for elements of `shape`; undefined where it is in none of these ways. */
function accessOf(x: Shape, shape: Shape): ElementAccess | undefined {
  const size = sizeOf(x);
  if (size === 1) return "one";
  if (size === sizeOf(shape)) return "all";
  const columns = columnsOf(shape);
  if (columns < leastColumns) return undefined;
  if (x.at(-1) === columns && size === columns) return "row";
  return isColumnOf(x, shape) ? "column" : undefined;
}

/** Does a node sum (or average) the rows of an array of a shape? */
export const sumsRows = (t: Tensor, shape: Shape): boolean =>
  (isKind(t, "sum") || isKind(t, "mean")) &&
  isColumnOf(t.shape, shape) &&
  sameRows(t.inputs[0]!.shape, shape) &&
  t.attributes.axes.length === 1;

/** Is a node of elements of its own shape, as the steps of a chain are? Its inputs are floats that can be read so. */
export const isOfElements = (t: Tensor): boolean =>
  stepsOf[t.kind] !== undefined &&
  t.dtype === "f32" &&
  !(isKind(t, "gelu") && t.attributes.approximate !== "none") &&
  !(ofWholeRows.has(t.kind) && columnsOf(t.shape) < leastColumns) &&
  t.inputs.every(x => x.dtype === "f32" && accessOf(x.shape, t.shape) !== undefined);
/** Is a node of numbers of rows, computed from those alone (and from what is one for all)? */
export const isOfRowNumbers = (t: Tensor, shape: Shape): boolean =>
  stepsOf[t.kind] !== undefined &&
  !isLong(t) &&
  t.dtype === "f32" &&
  isColumnOf(t.shape, shape) &&
  t.inputs.every(x => x.dtype === "f32" && (x.size === 1 || isColumnOf(x.shape, shape)));

/** What a member of a chain reads: a reshape to the same rows and columns is looked through. */
export function chainInput(x: Tensor): Tensor {
  const from = x.inputs[0];
  if (!isKind(x, "reshape") || !from || x.size === 1) return x;
  return columnsOf(from.shape) === columnsOf(x.shape) ? chainInput(from) : x;
}

/** The number that a constant is. What a name cannot say (not a number, -0) is read from memory like any input. */
function uniform(t: Tensor): number | undefined {
  if (!isKind(t, "constant") || t.size !== 1 || t.dtype !== "f32") return undefined;
  const value = Number(t.attributes.data[0]);
  return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
}

/** In which types something outside the chain reads a member. */
export interface Wanted {
  readonly floats: boolean;
  readonly words: boolean;
}
interface ChainOutput {
  readonly of: Tensor;
  readonly type: ElementType;
}
export interface Chain {
  readonly program: ElementProgram;
  /** All that it computes, in order. */
  readonly nodes: readonly Tensor[];
  /** Behind those of the product, if there is one. Those of bf16 are read as words. */
  readonly inputs: readonly Tensor[];
  /** As the operator gives them: the product itself first, where it is kept. */
  readonly outputs: readonly ChainOutput[];
  /** The product whose rows the chain goes over while they are near, the program's input that it is, and whether it is an output. */
  readonly product?: { readonly node: Tensor; readonly input: number; readonly isKept: boolean };
}

/** The program of nodes in their order, some of which are read by others, and of the product among them; undefined where it is too large for an operator. */
export function chainProgramOf(nodes: readonly Tensor[], wanted: (t: Tensor) => Wanted, product: Tensor | undefined): Chain | undefined {
  const members = new Set(nodes);
  const last = nodes.at(-1)!;
  /** Where an input's elements are: a cast from bf16 is read as its words. */
  const sourceOf = (x: Tensor): Tensor => (isWiden(x) ? x.inputs[0]! : x);
  const found = new Map<Tensor, ElementAccess>();
  for (const x of nodes.flatMap(t => (t === product ? t.inputs.slice(2) : t.inputs))) {
    const from = chainInput(x);
    if (members.has(from) || uniform(from) !== undefined) continue;
    const access = accessOf(x.shape, last.shape)!;
    // only whole arrays are read as words
    found.set(access === "all" ? sourceOf(from) : from, access);
  }
  if (product) found.set(product, "all");
  const sources = [...found.keys()];
  if (sources.length > mostInputs) return undefined;
  const values = new Map<Tensor, ElementValue>(sources.map((x, i) => [x, i]));
  const steps: ElementStep[] = [];
  const emit: Emit = (kind, ...of) => sources.length + steps.push({ kind, of }) - 1;
  const columns = columnsOf(last.shape);
  const readValue = (x: Tensor): ElementValue => {
    const from = chainInput(x);
    return values.get(from) ?? values.get(sourceOf(from)) ?? number(uniform(from)!);
  };
  const results = new Map<Tensor, ElementValue>();
  for (const t of nodes) {
    let value: ElementValue;
    if (t === product) {
      const [bias] = t.inputs.slice(2);
      value = bias ? emit("add", values.get(product)!, readValue(bias)) : values.get(product)!;
    } else if (isKind(t, "sum")) value = emit("sumRow", readValue(t.inputs[0]!));
    else if (isKind(t, "mean")) value = meanOf({ emit, columns }, readValue(t.inputs[0]!));
    else value = (stepsOf[t.kind] as StepsRule<OpKind>)({ emit, values: t.inputs.map(readValue), columns, attributes: t.attributes });
    results.set(t, value);
    values.set(t, value);
  }
  return finished({ nodes, wanted, product, sources, access: [...found.values()], steps, results });
}

function finished({
  nodes,
  wanted,
  product,
  sources,
  access,
  steps,
  results,
}: {
  readonly nodes: readonly Tensor[];
  readonly wanted: (t: Tensor) => Wanted;
  readonly product: Tensor | undefined;
  readonly sources: readonly Tensor[];
  readonly access: readonly ElementAccess[];
  readonly steps: readonly ElementStep[];
  readonly results: ReadonlyMap<Tensor, ElementValue>;
}): Chain | undefined {
  const last = nodes.at(-1)!;
  const outputs: ChainOutput[] = [];
  for (const of of nodes) {
    const { floats, words } = wanted(of);
    // a chain that nothing reads is a result of its own
    if (floats || (of === last && !words)) outputs.push({ of, type: "f32" });
    if (words) outputs.push({ of, type: "bf16" });
  }
  // what a product is before anything follows is not written twice
  const isBare = product !== undefined && product.inputs.length === 2;
  const kept = isBare ? outputs.find(o => o.of === product && o.type === "f32") : undefined;
  const written = outputs.filter(o => o !== kept);
  const isFlat = !product && access.every(a => a === "all" || a === "one") && steps.every(s => s.kind !== "sumRow" && s.kind !== "maxRow");
  const inputTypes = sources.map((x): ElementType => (x.dtype === "bf16" ? "bf16" : "f32"));
  const outputTypes = written.map(o => o.type);
  const program: ElementProgram = {
    shape: last.shape,
    columns: isFlat ? flatColumns : columnsOf(last.shape),
    inputs: access,
    ...(inputTypes.includes("bf16") ? { inputTypes } : {}),
    steps,
    outputs: written.map(o => results.get(o.of) as number),
    ...(outputTypes.includes("bf16") ? { outputTypes } : {}),
  };
  if (written.length === 0 || registersOf(program) > valueRegisters) return undefined;
  return {
    program,
    nodes,
    inputs: sources.filter(x => x !== product),
    outputs: kept ? [kept, ...written] : written,
    ...(product ? { product: { node: product, input: sources.indexOf(product), isKept: kept !== undefined } } : {}),
  };
}
