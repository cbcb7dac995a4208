/**
 * Operations from outside the table: one object says what `ops.ts`, `gradient.ts`, `evaluate.ts`, `expand.ts` and `lower.ts` say of Loam's own
 * (shape, derivative, reference values, lowering). A graph holds it as a node of kind `custom`. `checkOperation` holds it to the same laws.
 * Idea: JAX's `Primitive` with its registered rules, and PyTorch's `torch.library.custom_op`, without a global registry.
 */
import type { DType, TypedArray } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { float, floats, int, ints, type OnnxAttribute, string, strings } from "./onnx/index.ts";
import type { Inferred, Typed } from "./ops.ts";
import type { Shape } from "./shape.ts";
import { requireTensor, Tensor, type TensorBody } from "./tensor.ts";

/** The derivative is 0 everywhere, and is not computed. */
export const zeroCotangent = Symbol("zero cotangent");
/** The cotangent of an input: of the input's shape; `undefined` for inputs that are no floats. */
export type Cotangent = Tensor | typeof zeroCotangent | undefined;

/** Attributes of ONNX nodes, for `lower`: `emit("Softmax", [x], { axis: onnxAttribute.int(-1) })`. */
export const onnxAttribute = { int, ints, float, floats, string, strings };

/** Everything beside the input tensors: plain JSON values, which a stored program keeps. */
export type OperationOptions = object;

/** What a gradient rule sees. */
export interface OperationGradient<O> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** Of the output's shape and dtype. */
  readonly cotangent: Tensor;
  readonly options: O;
}

/** What the reference sees: elements in row-major order, as doubles. */
export interface OperationValues<O> {
  readonly inputs: readonly Float64Array[];
  readonly inputTypes: readonly Typed[];
  /** Of the result. */
  readonly shape: Shape;
  readonly dtype: DType;
  readonly options: O;
}

/** What a lowering to ONNX sees, and what it writes nodes with. Values are names. */
export interface OperationLowering<O> {
  readonly inputs: readonly string[];
  /** f16 and bf16 are computed in f32: inputs of the first input's dtype arrive as f32, and the result is rounded back. */
  readonly inputTypes: readonly Typed[];
  readonly shape: Shape;
  readonly dtype: DType;
  readonly options: O;
  /** Adds a node of ONNX (opset 21) or of another domain of the runtime; gives the name of its one output. */
  emit(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>, domain?: string): string;
  /** A scalar of f32. */
  float(value: number): string;
  /** A list of i64, as shapes and axes are given. */
  ints(list: readonly number[], shape?: Shape): string;
  constant(data: TypedArray, dtype: DType, shape: Shape): string;
}

/**
 * An operation. Needed: how it is computed (`expand` in Loam's operations, or `lower` in ONNX nodes), and what it is judged by (`reference`, or
 * `expand`). Without `gradient` the derivative is that of `expand`; where that is missing too, differentiation is an error.
 */
export interface OperationDefinition<O extends OperationOptions = Record<string, never>> {
  /** Stands in errors, printed and stored programs: letters, digits, `.`, `_`, `-`. Take a prefix of your own: "acme.softcap". */
  readonly name: string;
  /** Changes when results change (default 1); a part of a program's hash, and a stored program loads with no other. */
  readonly version?: number;
  /** Number of inputs, or the least and the most. */
  readonly arity: number | readonly [least: number, most: number];
  /** Shape and dtype of the result. Throw to refuse inputs. */
  infer(inputs: readonly Typed[], options: O): Inferred;
  /** The cotangent of each input. */
  gradient?(given: OperationGradient<O>): readonly Cotangent[];
  /** The values, slow and obvious. */
  reference?(given: OperationValues<O>): Float64Array;
  /** The same written with other operations. */
  expand?(inputs: readonly Tensor[], options: O): Tensor;
  /** The same in ONNX nodes; gives the name of the result. */
  lower?(given: OperationLowering<O>): string;
}

/** A defined operation, as nodes hold it: a function of inputs and options. */
export interface Operation<O extends OperationOptions = Record<string, never>> {
  (inputs: readonly Tensor[], ...options: Record<string, never> extends O ? [options?: O] : [options: O]): Tensor;
  readonly definition: OperationDefinition<O>;
}

/** What a node of kind `custom` holds: the rules with the options filled in as they are, so that no pass needs to know the options' type. */
export interface AppliedOperation {
  readonly name: string;
  readonly version: number;
  /** Differs for each definition in this process: two of one name are never taken for one. */
  readonly id: number;
  readonly options: OperationOptions;
  readonly arity: readonly [number, number];
  infer(inputs: readonly Typed[]): Inferred;
  readonly gradient?: (given: Omit<OperationGradient<never>, "options">) => readonly Cotangent[];
  readonly reference?: (given: Omit<OperationValues<never>, "options">) => Float64Array;
  readonly expand?: (inputs: readonly Tensor[]) => Tensor;
  readonly lower?: (given: Omit<OperationLowering<never>, "options">) => string;
  /** Of a function with a gradient of its own (`customGradient`): what a stored program keeps of it. */
  readonly body?: TensorBody;
}

const wrong = (place: string, expected: string, received: string, hint = "") =>
  tensorErrors.fail("argument", { place, expected, received, ...(hint ? { hint } : {}) });

function checkDefinition<O extends OperationOptions>(d: OperationDefinition<O>): readonly [number, number] {
  const place = `defineOperation ${JSON.stringify(d?.name)}`;
  if (typeof d?.name !== "string" || !/^[A-Za-z][\w.-]{0,99}$/.test(d.name))
    throw wrong(place, "a name of letters, digits, `.`, `_`, `-` that begins with a letter", JSON.stringify(d?.name) ?? "none");
  const arity = typeof d.arity === "number" ? ([d.arity, d.arity] as const) : d.arity;
  if (!(arity?.length === 2 && arity.every(n => Number.isSafeInteger(n) && n >= 0) && arity[0] <= arity[1]))
    throw wrong(place, "an arity: a number of inputs, or [least, most]", JSON.stringify(d.arity));
  if (d.version !== undefined && !(Number.isSafeInteger(d.version) && d.version >= 1))
    throw wrong(place, "a version: a whole number from 1", JSON.stringify(d.version));
  if (typeof d.infer !== "function") throw wrong(place, "infer(inputs, options), which gives shape and dtype", typeof d.infer);
  if (!d.expand && !d.lower) throw wrong(place, "expand or lower: how it is computed", "neither");
  if (!d.expand && !d.reference) throw wrong(place, "reference or expand: what it is judged by", "neither");
  return arity;
}

let count = 0;
/** A number that no other operation of this process has. */
export const nextOperationId = (): number => count++;

/**
 * Defines an operation. The result is a function over tensors, to be used like Loam's own: traced, differentiated, compiled, recomputed, stored.
 *
 * ```ts
 * const cube = defineOperation({
 *   name: "acme.cube",
 *   arity: 1,
 *   infer: ([x]) => x!,
 *   gradient: ({ inputs: [x], cotangent }) => [mul(cotangent, mul(3, mul(x!, x!)))],
 *   reference: ({ inputs: [x] }) => x!.map(v => v ** 3),
 *   lower: ({ emit, float, inputs: [x] }) => emit("Pow", [x!, float(3)]),
 * });
 * const y = cube([x]);
 * ```
 * Throws `tensor/argument` where the definition lacks a part.
 */
export function defineOperation<O extends OperationOptions = Record<string, never>>(definition: OperationDefinition<O>): Operation<O> {
  const arity = checkDefinition(definition);
  const id = nextOperationId();
  const { name, version = 1, gradient, reference, expand, lower } = definition;
  const apply = (inputs: readonly Tensor[], options?: O): Tensor => {
    if (!Array.isArray(inputs)) throw wrong(name, "a list of tensors: operation([x, y], options)", typeof inputs);
    return new Tensor("custom", inputs, { operation: applied(options ?? ({} as O)) }, name);
  };
  const applied = (options: O): AppliedOperation => ({
    name,
    version,
    id,
    options: plainOptions(name, options),
    arity,
    infer: inputs => checkInferred(name, definition.infer(inputs, options)),
    ...(gradient ? { gradient: given => gradient({ ...given, options }) } : {}),
    ...(reference ? { reference: given => reference({ ...given, options }) } : {}),
    ...(expand ? { expand: inputs => checkResult(name, expand(inputs, options)) } : {}),
    ...(lower ? { lower: given => lower({ ...given, options }) } : {}),
  });
  return Object.assign(apply, { definition });
}

/** Options that survive storing: what JSON makes of them is what they are. */
function plainOptions(name: string, options: OperationOptions): OperationOptions {
  if (typeof options !== "object" || options === null)
    throw wrong(name, "an object of options", options === null ? "null" : typeof options);
  const odd = findOdd(options, "");
  if (odd !== undefined)
    throw wrong(`${name}: options${odd}`, "plain values (numbers, strings, booleans, lists, objects)", "another value");
  return Object.freeze(structuredClone(options));
}
function findOdd(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path;
  if (typeof value !== "object") return path;
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!isPlain) return path;
  for (const [key, inner] of Object.entries(value)) {
    const odd = findOdd(inner, `${path}.${key}`);
    if (odd !== undefined) return odd;
  }
  return undefined;
}

function checkInferred(name: string, inferred: Inferred): Inferred {
  if (!Array.isArray(inferred?.shape) || typeof inferred.dtype !== "string")
    throw wrong(`${name}: infer`, "{ shape, dtype }", JSON.stringify(inferred) ?? "nothing");
  return { shape: [...inferred.shape], dtype: inferred.dtype };
}

function checkResult(name: string, result: Tensor): Tensor {
  requireTensor(`${name}: expand`, result);
  return result;
}
