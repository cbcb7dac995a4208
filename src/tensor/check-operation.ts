/**
 * The laws that every operation of Loam's obeys, for an operation from outside: what it is judged by, what it expands to and what a device
 * computes agree; its gradient equals central differences; it survives storing. For any test runner: a broken law throws.
 */
import { type Random, random } from "../base/index.ts";
import { compile } from "./compile.ts";
import type { Device } from "./device.ts";
import { type DType, fromNumbers, isFloat, sizeOf } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { evaluate, roundTo } from "./evaluate.ts";
import { cast, mul, reshape, sum } from "./functions.ts";
import { vjp } from "./grad.ts";
import { graphHash, graphOf, loadGraph, storeGraph } from "./graph.ts";
import type { Operation, OperationOptions } from "./operation.ts";
import type { Shape } from "./shape.ts";
import { constant, input, Tensor } from "./tensor.ts";

/** Inputs and options to try an operation with. */
export interface OperationCase<O extends OperationOptions> {
  readonly inputs: readonly {
    readonly shape: Shape;
    readonly dtype?: DType;
    /** In row-major order; drawn from a normal distribution where absent (integers: 0 to 4). Keep away from kinks and poles. */
    readonly values?: readonly number[];
  }[];
  readonly options?: O;
  /** Central differences make sense here: no ties and no kinks nearby (default true). */
  readonly isSmooth?: boolean;
}

interface CheckOperationOptions {
  readonly device: Device;
  /** Error of an f32 result on the device, relative to the larger of 1 and the value (default 1e-5). */
  readonly tolerance?: number;
  /** Error of a derivative, likewise (default 2e-6). */
  readonly gradientTolerance?: number;
  readonly seed?: number | string;
}

/** A law that held, and how well. */
export interface CheckedOperation {
  readonly law: "expansion" | "device" | "gradient" | "storage" | "f16" | "bf16";
  readonly case: number;
  /** Greatest error, relative to the larger of 1 and the value. */
  readonly error: number;
  readonly limit: number;
}

interface Drawn {
  readonly inputs: readonly Tensor<"input">[];
  readonly values: readonly Float64Array[];
  readonly output: Tensor;
}

const greatestError = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (Object.is(x, y) || x === y) continue;
    const error = Math.abs(x - y) / Math.max(1, Math.abs(y));
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return worst;
};

/** Largest difference between the derived gradient of sum(weights * output) and central differences, over all f32 inputs. */
export function gradientError(r: Random, c: Drawn): number {
  const weights = constant(Array.from({ length: c.output.size }, () => r.normal()));
  const loss = sum(mul(reshape(cast(c.output, "f32"), [c.output.size]), weights));
  const floats = c.inputs.filter(x => x.dtype === "f32");
  const derived = vjp(loss, floats, constant(1));
  const given = (values: readonly Float64Array[]) => new Map<Tensor, Float64Array>(c.inputs.map((x, i) => [x, values[i]!]));
  const gradients = evaluate(
    derived.map((d, i) => d ?? mul(floats[i]!, 0)),
    given(c.values),
    { exact: true },
  );
  const h = 1e-5;
  let worst = 0;
  floats.forEach((x, i) => {
    const at = c.inputs.indexOf(x);
    for (let j = 0; j < x.size; j++) {
      const value = (step: number) =>
        evaluate([loss], given(c.values.map((v, k) => (k === at ? v.with(j, v[j]! + step) : v))), { exact: true })[0]![0]!;
      const difference = (value(h) - value(-h)) / (2 * h);
      worst = Math.max(worst, Math.abs(difference - gradients[i]![j]!) / Math.max(1, Math.abs(difference)));
    }
  });
  return worst;
}

/** The case as tensors; floats of `as` in place of f32. */
function drawn<O extends OperationOptions>(operation: Operation<O>, c: OperationCase<O>, seed: string, as: DType = "f32"): Drawn {
  const r = random(seed);
  const inputs = c.inputs.map(({ shape, dtype = "f32" }, i) => input(`x${i}`, shape, dtype === "f32" ? as : dtype));
  const values = c.inputs.map(({ shape, values: own }, i) => {
    const draw = isFloat(inputs[i]!.dtype) ? () => r.normal() : () => r.below(inputs[i]!.dtype === "bool" ? 2 : 5);
    return roundTo(own ? Float64Array.from(own) : Float64Array.from({ length: sizeOf(shape) }, draw), inputs[i]!.dtype);
  });
  return { inputs, values, output: (operation as Operation<OperationOptions>)(inputs, c.options ?? {}) };
}

async function onDevice(c: Drawn, device: Device): Promise<Float64Array> {
  const program = compile(
    (...xs: Tensor[]) => {
      const [copy] = reapplied(c.output, c.inputs, xs);
      return copy!;
    },
    { device, name: "checkOperation" },
  );
  const arrays = await Promise.all(c.inputs.map((x, i) => device.array(fromNumbers(c.values[i]!, x.dtype), x.dtype, x.shape)));
  try {
    const result = await program(...(arrays as never[]));
    const numbers = await result.numbers();
    result.dispose();
    return numbers;
  } finally {
    for (const a of arrays) a.dispose();
    program.dispose();
  }
}
const reapplied = (t: Tensor, from: readonly Tensor[], to: readonly Tensor[]): Tensor[] => [
  new Tensor(
    t.kind,
    t.inputs.map(x => to[from.indexOf(x)]!),
    t.attributes,
  ),
];

const isRefusal = (error: unknown): boolean => typeof error === "object" && error !== null && "code" in error;

/**
 * Holds an operation to the laws; gives what was checked, with errors and limits.
 *
 * ```ts
 * await checkOperation(cube, [{ inputs: [{ shape: [2, 3] }] }], { device: openDevice("cpu") });
 * ```
 * Throws `tensor/operation` at the first law that does not hold, naming the case and the error.
 */
export async function checkOperation<O extends OperationOptions>(
  operation: Operation<O>,
  cases: readonly OperationCase<O>[],
  { device, tolerance = 1e-5, gradientTolerance = 2e-6, seed = 1 }: CheckOperationOptions,
): Promise<CheckedOperation[]> {
  const { name, expand, reference, gradient } = operation.definition;
  const checked: CheckedOperation[] = [];
  const hold = (law: CheckedOperation["law"], at: number, error: number, limit: number) => {
    if (!(error <= limit))
      throw tensorErrors.fail("operation", {
        place: `${name}: case ${at}`,
        expected: `the law "${law}" to hold within ${limit}`,
        received: `an error of ${error}`,
      });
    checked.push({ law, case: at, error, limit });
  };
  for (const [at, c] of cases.entries()) {
    const whole = drawn(operation, c, `${seed}/${at}`);
    const given = new Map<Tensor, Float64Array>(whole.inputs.map((x, i) => [x, whole.values[i]!]));
    const exact = evaluate([whole.output], given, { exact: true })[0]!;
    if (expand && reference)
      hold(
        "expansion",
        at,
        greatestError(evaluate([expand(whole.inputs, (c.options ?? {}) as O)], given, { exact: true })[0]!, exact),
        1e-9,
      );
    hold("device", at, greatestError(await onDevice(whole, device), evaluate([whole.output], given)[0]!), tolerance);
    if (c.isSmooth !== false && (gradient || expand) && isFloat(whole.output.dtype))
      hold("gradient", at, gradientError(random(`${seed}/${at}/weights`), whole), gradientTolerance);
    const graph = graphOf(whole.inputs, [whole.output]);
    const loaded = loadGraph(JSON.parse(JSON.stringify(storeGraph(graph))), [operation as Operation<never>]);
    const again = evaluate(loaded.outputs, new Map<Tensor, Float64Array>(loaded.inputs.map((x, i) => [x, whole.values[i]!])), {
      exact: true,
    })[0]!;
    hold("storage", at, graphHash(loaded) === graphHash(graph) ? greatestError(again, exact) : Number.POSITIVE_INFINITY, 0);
    for (const half of ["f16", "bf16"] as const) {
      let narrow: Drawn;
      try {
        narrow = drawn(operation, c, `${seed}/${at}`, half);
      } catch (error) {
        if (isRefusal(error)) continue; // an operation may refuse a dtype
        throw error;
      }
      const wanted = evaluate([narrow.output], new Map(narrow.inputs.map((x, i) => [x, narrow.values[i]!])))[0]!;
      // two units in the last place: the device may round once more than the reference
      hold(half, at, greatestError(await onDevice(narrow, device), wanted), half === "f16" ? 2 ** -9 : 2 ** -6);
    }
  }
  return checked;
}
