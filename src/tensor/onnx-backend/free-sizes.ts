/**
 * A program for every size of some axes, from the same program traced at a few: a traced graph knows each shape as a number, and what depends on a
 * size shows as a difference between the traces. Whole numbers that stand for shapes, places or counts are bilinear in two sizes, so four traces give
 * their coefficients and a fifth holds the result against the truth; counted lists (0, 1, 2, ...) become ranges. Left out: numbers that are not
 * whole and differ, and more than two sizes.
 */
import { type DType, dtypeTable, type TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import { defaultOpsets, type Initializer, int, type OnnxModel, type OnnxNode, type ValueInfo } from "../onnx/index.ts";

/** A size, and how it is read from an input: the extent of an axis divided by `per`. */
export interface FreeSize {
  readonly name: string;
  readonly input: string;
  readonly axis: number;
  readonly per: number;
}

/** A model as it was traced at some sizes. */
export interface TracedAt {
  readonly sizes: readonly [number, number];
  readonly model: OnnxModel;
}

/** v = one + first a + second b + both a b for the sizes a and b. */
interface Bilinear {
  readonly one: number;
  readonly first: number;
  readonly second: number;
  readonly both: number;
}

const differs = (place: string, expected: string, received: string) =>
  tensorErrors.fail("argument", { place: `free sizes: ${place}`, expected, received });

/** Traces at (a, b), (a', b), (a, b'), (a', b'), and one more. */
export type FiveTraces = readonly [TracedAt, TracedAt, TracedAt, TracedAt, TracedAt];

const valueAt = ({ one, first, second, both }: Bilinear, [a, b]: readonly [number, number]): number =>
  one + first * a + second * b + both * a * b;

/** Coefficients through the values of four traces that the fifth agrees with. */
function bilinearOf(traces: FiveTraces, values: readonly number[], place: string): Bilinear {
  const [[a, b], [a2], [, b2]] = [traces[0].sizes, traces[1].sizes, traces[2].sizes];
  const [v, va, vb, vab] = values as [number, number, number, number];
  const both = (vab - va - vb + v) / ((a2 - a) * (b2 - b));
  const first = (va - v) / (a2 - a) - both * b;
  const second = (vb - v) / (b2 - b) - both * a;
  const found = { one: v - first * a - second * b - both * a * b, first, second, both };
  const wrong = traces.findIndex((t, i) => valueAt(found, t.sizes) !== values[i]);
  if (wrong >= 0 || !Object.values(found).every(Number.isSafeInteger))
    throw differs(place, "a number that is bilinear in the sizes", values.join(", "));
  return found;
}

const isFixed = ({ first, second, both }: Bilinear): boolean => first === 0 && second === 0 && both === 0;

const numbersOf = (data: TypedArray): number[] => Array.from(data as ArrayLike<number | bigint>, Number);
const bytesOfData = (a: TypedArray): Buffer => Buffer.from(a.buffer, a.byteOffset, a.byteLength);
const sameNumbers = (a: TypedArray, b: TypedArray): boolean => bytesOfData(a).equals(bytesOfData(b));

/** Nodes and constants that compute what depends on the sizes, in front of the program. */
class SizeNodes {
  readonly nodes: OnnxNode[] = [];
  readonly constants: Initializer[] = [];
  readonly #sizes: readonly string[];
  readonly #known = new Map<string, string>();

  constructor(sizes: readonly [FreeSize, FreeSize]) {
    this.#sizes = sizes.map(({ input, axis, per }) => {
      const extent = this.#node("Gather", [this.#node("Shape", [input]), this.#list([axis])], { axis: int(0) });
      return per === 1 ? extent : this.#node("Div", [extent, this.#list([per])]);
    });
  }

  #node(op: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}, name?: string): string {
    const key = `${op} ${inputs.join(" ")} ${JSON.stringify(attributes)}`;
    const known = this.#known.get(key);
    if (known !== undefined && name === undefined) return known;
    const output = name ?? `size_${this.nodes.length}`;
    this.nodes.push({ op, domain: "", inputs, outputs: [output], attributes });
    this.#known.set(key, output);
    return output;
  }

  /** A list of whole numbers; a scalar where `isScalar`. */
  #list(values: readonly number[], isScalar = false): string {
    const key = `list ${isScalar} ${values.join(" ")}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = `size_c${this.constants.length}`;
    this.constants.push({ name, dtype: "i64", shape: isScalar ? [] : [values.length], data: BigInt64Array.from(values, BigInt) });
    this.#known.set(key, name);
    return name;
  }

  /** The values as a list [n] of i64. */
  values(of: readonly Bilinear[]): string {
    const key = `values ${JSON.stringify(of)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const [a, b] = this.#sizes as [string, string];
    const terms = [
      ["first", () => a],
      ["second", () => b],
      ["both", () => this.#node("Mul", [a, b])],
    ] as const;
    let sum = this.#list(of.map(v => v.one));
    for (const [part, size] of terms)
      if (of.some(v => v[part] !== 0)) sum = this.#node("Add", [sum, this.#node("Mul", [size(), this.#list(of.map(v => v[part]))])]);
    this.#known.set(key, sum);
    return sum;
  }

  /** The same as an array of a shape and dtype, under a name of the program. */
  array(of: readonly Bilinear[], shape: readonly number[], dtype: DType, name: string): void {
    const list = this.values(of);
    this.#shaped(list, this.#list(shape), dtype, name);
  }

  /** 0, 1, 2, ... in a shape that depends on the sizes. */
  range(shape: readonly Bilinear[], dtype: DType, name: string): void {
    const extents = this.values(shape);
    const count = this.#node("ReduceProd", [extents], { keepdims: int(0) });
    this.#shaped(this.#node("Range", [this.#list([0], true), count, this.#list([1], true)]), extents, dtype, name);
  }

  #shaped(list: string, shape: string, dtype: DType, name: string): void {
    if (dtype === "i64") this.#node("Reshape", [list, shape], {}, name);
    else this.#node("Cast", [this.#node("Reshape", [list, shape])], { to: int(dtypeTable[dtype].onnx) }, name);
  }
}

const isCount = (numbers: readonly number[]): boolean => numbers.every((n, i) => n === i);

/** One constant of the program, as it is in each trace. */
function freeConstant(nodes: SizeNodes, traces: FiveTraces, at: number): Initializer | undefined {
  const all = traces.map(t => t.model.initializers[at]!) as [Initializer, ...Initializer[]];
  const [first] = all;
  const place = `constant ${first.name}`;
  if (all.some(t => t.name !== first.name || t.dtype !== first.dtype || t.shape.length !== first.shape.length))
    throw differs(place, `${first.dtype} of ${first.shape.length} axes`, "another in another trace");
  if (all.every(t => sameNumbers(t.data, first.data) && t.shape.join() === first.shape.join())) return first;
  if (first.dtype !== "i64" && first.dtype !== "i32") throw differs(place, "the same numbers in each trace", `${first.dtype} that differ`);
  const shape = first.shape.map((_, axis) =>
    bilinearOf(
      traces,
      all.map(t => t.shape[axis]!),
      place,
    ),
  );
  const values = all.map(t => numbersOf(t.data));
  if (shape.every(isFixed)) {
    const each = values[0]!.map((_, i) =>
      bilinearOf(
        traces,
        values.map(v => v[i]!),
        place,
      ),
    );
    nodes.array(each, first.shape, first.dtype, first.name);
  } else if (values.every(isCount)) nodes.range(shape, first.dtype, first.name);
  else throw differs(place, "a counted list", `${values[0]!.slice(0, 8).join(", ")} ... of another length in another trace`);
  return undefined;
}

const describe = (v: Bilinear, [a, b]: readonly [FreeSize, FreeSize]): number | string =>
  isFixed(v)
    ? v.one
    : [v.both && `${v.both}*${a.name}*${b.name}`, v.first && `${v.first}*${a.name}`, v.second && `${v.second}*${b.name}`, v.one]
        .filter(part => part !== 0)
        .join("+");

function freeInfo(traces: FiveTraces, sizes: readonly [FreeSize, FreeSize], list: "inputs" | "outputs", at: number): ValueInfo {
  const all = traces.map(t => t.model[list][at]!);
  const first = all[0]!;
  const shape = first.shape.map((_, axis) =>
    describe(
      bilinearOf(
        traces,
        all.map(v => Number(v.shape[axis])),
        first.name,
      ),
      sizes,
    ),
  );
  return { ...first, shape };
}

const shapeless = ({ op, domain, inputs, outputs, attributes }: OnnxNode): string =>
  JSON.stringify([op, domain, inputs, outputs, attributes], (_, v) => (typeof v === "bigint" ? `${v}n` : v));

/**
 * The program for every size. Errors: tensor/argument where the traces are not one program: other nodes, or numbers that depend on the sizes in another way.
 */
export function withFreeSizes(sizes: readonly [FreeSize, FreeSize], traces: FiveTraces): OnnxModel {
  const [{ model }] = traces;
  for (const { model: other } of traces.slice(1)) {
    if (other.nodes.length !== model.nodes.length || other.initializers.length !== model.initializers.length)
      throw differs("nodes", `${model.nodes.length} in each trace`, `${other.nodes.length}`);
    const at = model.nodes.findIndex((n, i) => shapeless(n) !== shapeless(other.nodes[i]!));
    if (at >= 0) throw differs(`node ${at} (${model.nodes[at]!.op})`, "the same in each trace", shapeless(other.nodes[at]!));
  }
  const computed = new SizeNodes(sizes);
  const initializers = model.initializers.flatMap((_, i) => freeConstant(computed, traces, i) ?? []);
  return {
    ...defaultModel(model),
    nodes: [...computed.nodes, ...model.nodes],
    initializers: [...initializers, ...computed.constants],
    inputs: model.inputs.map((_, i) => freeInfo(traces, sizes, "inputs", i)),
    outputs: model.outputs.map((_, i) => freeInfo(traces, sizes, "outputs", i)),
  };
}

/** Without what was noted of the sizes of one trace. */
const defaultModel = ({ name = "loam", opsets = defaultOpsets }: OnnxModel): Pick<OnnxModel, "name" | "opsets"> => ({ name, opsets });
