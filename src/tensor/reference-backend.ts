/** The reference evaluator behind the backend contract: the judge of the others, and a fallback that runs anywhere. */
import type { Backend, DeviceMemory, Executable } from "./backend.ts";
import { bytesOf, type DType, dtypes, dtypeTable, fromNumbers, type TypedArray, toNumbers } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { evaluate } from "./evaluate.ts";
import { expansions } from "./expand.ts";
import type { Graph } from "./graph.ts";
import { detachedError, pinBuffer } from "./host-memory.ts";
import type { OpKind } from "./ops.ts";
import { type Shape, showShape } from "./shape.ts";

function allocateBuffer(sizeBytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(sizeBytes);
  } catch (error) {
    throw tensorErrors.fail(
      "device",
      { place: "allocate", expected: "memory that the machine has", received: `${sizeBytes} bytes` },
      error,
    );
  }
}

const composites = new Set(Object.keys(expansions) as OpKind[]);

function allocate(shape: Shape, dtype: DType): DeviceMemory {
  const sizeBytes = bytesOf(shape, dtype);
  const array = new dtypeTable[dtype].array(allocateBuffer(sizeBytes));
  let [isExposed, isFrozen] = [false, false];
  const host = (): TypedArray => {
    if (array.byteLength !== sizeBytes) throw detachedError(`${dtype}${showShape(shape)}`);
    return array;
  };
  return {
    shape,
    dtype,
    host,
    expose: () => {
      isExposed = true;
      pinBuffer(array.buffer);
      return host();
    },
    freeze: () => {
      isFrozen = true;
    },
    get isFrozen() {
      return isFrozen;
    },
    get isShared() {
      return isExposed || isFrozen;
    },
    read: async () => host().slice() as TypedArray,
    write: async data => (host() as { set(x: TypedArray): void }).set(data),
    dispose: () => {},
  };
}

function build(graph: Graph): Executable {
  return {
    async run(inputs, outputs, { signal, onBegin } = {}) {
      signal?.throwIfAborted();
      const given = new Map(graph.inputs.map((t, i) => [t, toNumbers(inputs[i]!.host()!, t.dtype)]));
      const values = evaluate(graph.outputs, given);
      onBegin?.();
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
