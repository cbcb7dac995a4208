/**
 * A tensor is a node of a directed graph without circles: an operation over other tensors, with shape and dtype known at once and no
 * value. Functions over tensors only build nodes; `compile` turns what was built into a program. Nothing here is mutable, so a model is a
 * pure function and tracing needs no global state. Ids only grow: an input's id is always below its user's.
 */
import { inspect } from "node:util";
import { LoamError } from "../base/index.ts";
import { refuseAsValue } from "./control.ts";
import { type DType, sizeOf, type TypedArray } from "./dtype.ts";
import { checkSpec, elementsOf, flatten, type Nested, numbersAs } from "./elements.ts";
import { tensorErrors } from "./errors.ts";
import { type Inferred, type OpAttributes, type OpKind, type OpRow, ops } from "./ops.ts";
import { type Shape, showShape } from "./shape.ts";

let nextId = 0;

export class Tensor<K extends OpKind = OpKind> {
  readonly id: number;
  readonly kind: K;
  readonly inputs: readonly Tensor[];
  readonly attributes: OpAttributes[K];
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(kind: K, inputs: readonly Tensor[], attributes: OpAttributes[K], place: string = kind) {
    const row = ops[kind] as OpRow<OpAttributes[K]>;
    if (inputs.length < row.arity[0] || inputs.length > row.arity[1])
      throw tensorErrors.fail("shape", { place, expected: `${row.arity[0]} to ${row.arity[1]} inputs`, received: `${inputs.length}` });
    for (const x of inputs) requireTensor(place, x);
    const { shape, dtype } = inferred(row, inputs, attributes, place);
    checkSpec(place, shape, dtype);
    this.id = nextId++;
    this.kind = kind;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = shape;
    this.dtype = dtype;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** Conversions to numbers, strings and JSON: see control.ts. */
  [Symbol.toPrimitive](): never {
    return refuseAsValue(this.toString(), "tensor");
  }
  valueOf(): never {
    return refuseAsValue(this.toString(), "tensor");
  }
  toJSON(): never {
    return refuseAsValue(this.toString(), "tensor");
  }

  toString(): string {
    return `Tensor(${this.kind} ${this.dtype}${showShape(this.shape)})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** Shape and dtype by the operation's rule; attributes of another structure than its own are an error of ours, too. */
function inferred<A>(row: OpRow<A>, inputs: readonly Tensor[], attributes: A, place: string): Inferred {
  try {
    if (typeof attributes !== "object" || attributes === null) throw new TypeError("no attributes");
    return row.infer(inputs, attributes, place);
  } catch (error) {
    if (error instanceof LoamError) throw error;
    throw tensorErrors.fail("attribute", { place, expected: "the operation's attributes", received: "others" }, error);
  }
}

/** Throws where a function over tensors is given something else. */
export function requireTensor(place: string, x: unknown): asserts x is Tensor {
  if (x instanceof Tensor) return;
  const isArray = typeof x === "object" && x !== null && "memory" in x;
  throw tensorErrors.fail("argument", {
    place,
    expected: "a tensor",
    received: x === null ? "null" : typeof x === "object" ? (x.constructor?.name ?? "an object") : typeof x,
    hint: isArray ? "Pass the array to the compiled function as an argument." : "",
  });
}

/** A function's traced inside: results over placeholders. Used by `call`, so that a transformation can run it again. */
export interface TensorBody {
  readonly placeholders: readonly Tensor<"input">[];
  readonly outputs: readonly Tensor[];
}

export const isKind = <K extends OpKind>(t: Tensor, kind: K): t is Tensor<K> => t.kind === kind;

/** A node that all ranks of a group compute together. */
export type CollectiveTensor = Tensor<"allReduce"> | Tensor<"allGather"> | Tensor<"reduceScatter">;
export const isCollective = (t: Tensor): t is CollectiveTensor =>
  t.kind === "allReduce" || t.kind === "allGather" || t.kind === "reduceScatter";

/** The id that the next node will get: nodes built later have ids at or above it. */
export const idMark = (): number => nextId;

/** A named input of a program. */
export const input = (name: string, shape: Shape, dtype: DType = "f32"): Tensor<"input"> => new Tensor("input", [], { name, shape, dtype });

/** A constant from numbers (scalar or nested lists of equal length) or from memory with its shape. */
export function constant(value: Nested, dtype?: DType): Tensor<"constant">;
export function constant(value: TypedArray, dtype: DType, shape: Shape): Tensor<"constant">;
export function constant(value: Nested | TypedArray, dtype: DType = "f32", shape?: Shape): Tensor<"constant"> {
  if (ArrayBuffer.isView(value)) {
    const of = shape ?? [value.length];
    checkSpec("constant", of, dtype);
    return new Tensor("constant", [], { data: elementsOf("constant", value, dtype, sizeOf(of)), shape: of, dtype });
  }
  const found = flatten("constant", value);
  checkSpec("constant", found.shape, dtype);
  return new Tensor("constant", [], { data: numbersAs("constant", found.flat, dtype), shape: found.shape, dtype });
}
