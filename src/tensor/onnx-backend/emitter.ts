/** Collects ONNX nodes and initializers while a graph is lowered: names, small constants, dtypes that the kernels lack. */

import type { ProductForm, StrassenWeight } from "../../machine/index.ts";
import type { DType, TypedArray } from "../dtype.ts";
import { type Initializer, int, type OnnxAttribute, type OnnxNode, type ValueInfo } from "../onnx/index.ts";
import { type Operator, operatorDomain } from "../operators/index.ts";
import type { OpAttributes } from "../ops.ts";
import { positionWords } from "../random-bits.ts";
import type { Shape } from "../shape.ts";

/** ONNX's code of uint32, which Loam has no dtype for; only values between nodes have it. */
export const onnxUint32 = 12;

/** What a negative index is passed on as, so that the engine refuses it: it would count from the end. */
const refusedIndex = { i32: 2 ** 31 - 1, i64: 2n ** 63n - 1n } as const;
export const negativeMarks: ReadonlySet<string> = new Set(Object.values(refusedIndex).map(String));

/** What lowering must know of the provider. */
export interface EngineLimits {
  /** Work of at most so many bytes is done by one thread from front to back. */
  readonly sequentialBytes: number;
  /** Large products of matrices of f32 are operators of our own, of this form. */
  readonly products?: ProductForm;
  /** Chains of operations on elements may become one operator. */
  readonly fusesElements?: boolean;
  /** Sums of rows at places that repeat, and of squares, are operators of our own. */
  readonly ownsSums?: boolean;
  /** Its kernels refuse indices beyond an axis but count negative ones from the end: those are made indices beyond. */
  readonly refusesNegatives?: boolean;
  /** Nodes have names, which a profile says them by. */
  readonly namesNodes?: boolean;
}

/** A weight that the session is given in another order, as an input of its own. */
export interface PackedInput {
  readonly name: string;
  /** The name of the input that has the weight itself. */
  readonly of: string;
  readonly weight: StrassenWeight;
}
/** Can such an input be given? */
export type Packs = (input: PackedInput) => boolean;

export class Emitter {
  readonly limits: EngineLimits;
  /** By the weight's name and its order. */
  readonly packed = new Map<string, PackedInput>();
  readonly #packs: Packs;
  /** Results of operators that several nodes share, by what is computed and of what. */
  readonly #shared = new Map<string, readonly string[]>();
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  /** Operators of our own, by their names. */
  readonly operators = new Map<string, Operator>();
  /** Types of their results, without which the engine could not plan their memory. */
  readonly values: ValueInfo[] = [];
  #count = 0;
  readonly #checkedIndices = new Map<string, string>();
  readonly #constants = new Map<string, string>();

  constructor(limits: EngineLimits, packs: Packs = () => false) {
    this.limits = limits;
    this.#packs = packs;
  }

  /** The name of an input in the order of a weight, where it may be had so. */
  packedInput(of: string, weight: StrassenWeight): string | undefined {
    const key = `${of} ${weight.columns} ${weight.transposed}`;
    const known = this.packed.get(key);
    if (known) return known.name;
    const input = { name: `packed${this.packed.size}`, of, weight };
    if (!this.#packs(input)) return undefined;
    this.packed.set(key, input);
    return input.name;
  }

  /** The names of an operator's outputs of some inputs, one node for all who ask. */
  shared(operator: Operator, inputs: readonly string[]): readonly string[] {
    const key = `${operator.name} ${inputs.join(" ")}`;
    const known = this.#shared.get(key) ?? this.own(operator, inputs);
    this.#shared.set(key, known);
    return known;
  }

  name(): string {
    return `v${this.#count++}`;
  }

  /** Adds a node with one output and names it. */
  emit(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, domain = ""): string {
    const output = this.name();
    this.nodes.push({ op, domain, inputs, outputs: [output], attributes });
    return output;
  }

  /** A node of an operator of our own, and the names of its outputs. */
  own(operator: Operator, inputs: readonly string[]): string[] {
    this.operators.set(operator.name, operator);
    const outputs = operator.outputs.map(() => this.name());
    this.nodes.push({ op: operator.name, domain: operatorDomain, inputs, outputs, attributes: {} });
    for (const [i, shape] of operator.outputs.entries())
      this.values.push({ name: outputs[i]!, dtype: operator.outputTypes?.[i] ?? "f32", shape });
    return outputs;
  }

  /** An index without negative numbers: the kernel refuses what they became. */
  checkedIndex(index: string, dtype: DType): string {
    if (!this.limits.refusesNegatives || (dtype !== "i32" && dtype !== "i64")) return index;
    const known = this.#checkedIndices.get(index);
    if (known !== undefined) return known;
    const isNegative = this.emit("Less", [index, this.whole(0, dtype)]);
    const most = dtype === "i32" ? Int32Array.of(refusedIndex.i32) : BigInt64Array.of(refusedIndex.i64);
    const checked = this.emit("Where", [isNegative, this.constant(most, dtype, []), index]);
    this.#checkedIndices.set(index, checked);
    return checked;
  }

  /** A whole number as a scalar of i32 or i64. */
  whole(value: number, dtype: "i32" | "i64"): string {
    if (dtype === "i64") return this.ints([value], []);
    const key = `i32 ${value}`;
    const name = this.#constants.get(key) ?? this.constant(Int32Array.of(value), "i32", []);
    this.#constants.set(key, name);
    return name;
  }

  constant(data: TypedArray, dtype: DType, shape: Shape): string {
    const name = `c${this.initializers.length}`;
    this.initializers.push({ name, dtype, shape, data });
    return name;
  }

  /** A list of whole numbers, as shapes and axes are given. */
  ints(list: readonly number[], shape: Shape = [list.length]): string {
    const key = `ints ${shape} ${list}`;
    let name = this.#constants.get(key);
    if (!name) {
      const data = new BigInt64Array(new ArrayBuffer(8 * list.length));
      list.forEach((x, i) => {
        data[i] = BigInt(x);
      });
      name = this.constant(data, "i64", shape);
      this.#constants.set(key, name);
    }
    return name;
  }

  float(value: number): string {
    const key = `float ${value}`;
    let name = this.#constants.get(key);
    if (!name) {
      name = this.constant(Float32Array.of(value), "f32", []);
      this.#constants.set(key, name);
    }
    return name;
  }

  /** `count` bytes of one value. */
  bytes(value: number, count: number): string {
    const key = `bytes ${value} ${count}`;
    let name = this.#constants.get(key);
    if (!name) {
      name = this.constant(new Uint8Array(count).fill(value), "u8", [count]);
      this.#constants.set(key, name);
    }
    return name;
  }

  /** The words that a stream of random numbers begins with; one array for all that draw from it under different seeds. */
  words(random: OpAttributes["randomUniform"]): string {
    const key = `words ${JSON.stringify(random)}`;
    let name = this.#constants.get(key);
    if (!name) {
      name = this.constant(new Int32Array(positionWords(random).buffer), "i32", random.shape);
      this.#constants.set(key, name);
    }
    return name;
  }

  cast(value: string, onnxType: number): string {
    return this.emit("Cast", [value], { to: int(onnxType) });
  }
}
