/** The reference evaluator behind the backend contract: the judge of the others, and a fallback that runs anywhere. */
import type { Backend, DeviceMemory, Executable } from "./backend.ts";
import { bytesOf, type DType, dtypes, dtypeTable, fromNumbers, type TypedArray, toNumbers } from "./dtype.ts";
import { evaluate } from "./evaluate.ts";
import { expansions } from "./expand.ts";
import type { Graph } from "./graph.ts";
import type { OpKind } from "./ops.ts";
import type { Shape } from "./shape.ts";

const composites = new Set(Object.keys(expansions) as OpKind[]);

function allocate(shape: Shape, dtype: DType): DeviceMemory {
  const array = new dtypeTable[dtype].array(new ArrayBuffer(bytesOf(shape, dtype)));
  return {
    shape,
    dtype,
    host: () => array,
    read: async () => array.slice() as TypedArray,
    write: async data => (array as { set(x: TypedArray): void }).set(data),
    dispose: () => {},
  };
}

function build(graph: Graph): Executable {
  return {
    async run(inputs, outputs, signal) {
      signal?.throwIfAborted();
      const given = new Map(graph.inputs.map((t, i) => [t, toNumbers(inputs[i]!.host()!, t.dtype)]));
      const values = evaluate(graph.outputs, given);
      for (const [i, v] of values.entries()) await outputs[i]!.write(fromNumbers(v, graph.outputs[i]!.dtype));
    },
    dispose: () => {},
  };
}

export const referenceBackend = (): Backend => ({
  capabilities: { name: "reference", native: composites, dtypes, relativeError: 1e-6, asynchronous: false, inPlace: true, details: {} },
  allocate,
  build: async graph => build(graph),
  dispose: () => {},
});
