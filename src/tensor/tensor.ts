/**
 * A tensor is a node of a directed graph without circles: an operation over other tensors, with shape and dtype known at once and no
 * value. Functions over tensors only build nodes; `compile` turns what was built into a program. Nothing here is mutable, so a model is a
 * pure function and tracing needs no global state. Ids only grow: an input's id is always below its user's.
 */
import { inspect } from "node:util";
import { type DType, dtypeTable, fromNumbers, sizeOf, type TypedArray } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { type Attributes, type OpKind, type OpRow, ops } from "./ops.ts";
import { type Shape, showShape } from "./shape.ts";

let nextId = 0;

export class Tensor<K extends OpKind = OpKind> {
  readonly id: number;
  readonly kind: K;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes[K];
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(kind: K, inputs: readonly Tensor[], attributes: Attributes[K], place: string = kind) {
    const row = ops[kind] as OpRow<Attributes[K]>;
    if (inputs.length < row.arity[0] || inputs.length > row.arity[1])
      throw tensorErrors.fail("shape", { place, expected: `${row.arity[0]} to ${row.arity[1]} inputs`, received: `${inputs.length}` });
    const { shape, dtype } = row.infer(inputs, attributes, place);
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

  toString(): string {
    return `Tensor(${this.kind} ${this.dtype}${showShape(this.shape)})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** A function's traced inside: results over placeholders. Used by `call`, so that a transformation can run it again. */
export interface Body {
  readonly placeholders: readonly Tensor<"input">[];
  readonly outputs: readonly Tensor[];
}

export const isKind = <K extends OpKind>(t: Tensor, kind: K): t is Tensor<K> => t.kind === kind;

/** The id that the next node will get: nodes built later have ids at or above it. */
export const idMark = (): number => nextId;

/** A named input of a program. */
export const input = (name: string, shape: Shape, dtype: DType = "f32"): Tensor<"input"> => new Tensor("input", [], { name, shape, dtype });

export type Nested = number | boolean | readonly Nested[];

/** A constant from numbers (scalar or nested lists of equal length) or from memory with its shape. */
export function constant(value: Nested, dtype?: DType): Tensor<"constant">;
export function constant(value: TypedArray, dtype: DType, shape: Shape): Tensor<"constant">;
export function constant(value: Nested | TypedArray, dtype: DType = "f32", shape?: Shape): Tensor<"constant"> {
  if (ArrayBuffer.isView(value)) {
    if (!(value instanceof dtypeTable[dtype].array))
      throw tensorErrors.fail("dtype", {
        place: "constant",
        expected: `${dtypeTable[dtype].array.name} for ${dtype}`,
        received: value.constructor.name,
      });
    return new Tensor("constant", [], { data: value, shape: shape!, dtype });
  }
  const found: number[] = [];
  for (let v: Nested = value; Array.isArray(v); v = v[0] as Nested) found.push(v.length);
  const flat: number[] = [];
  const walk = (v: Nested, depth: number): void => {
    if (Array.isArray(v)) {
      if (v.length !== found[depth])
        throw tensorErrors.fail("shape", {
          place: "constant",
          expected: `lists of equal length (${found[depth]}) at depth ${depth}`,
          received: `${v.length}`,
        });
      for (const x of v) walk(x, depth + 1);
    } else flat.push(Number(v));
  };
  walk(value, 0);
  return new Tensor("constant", [], { data: fromNumbers(flat, dtype), shape: found, dtype });
}
