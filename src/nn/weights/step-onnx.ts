/**
 * A decoder's cached step as an ONNX program for other runtimes: any number of new tokens, any room of the cache. The cache is given and what is new
 * comes out, so whoever runs it keeps the cache where it likes. Weights are no part of the model; each is a stretch of a file beside it.
 */
import { isLoamError, type Tree, treePaths } from "../../base/index.ts";
import {
  add,
  compile,
  constant,
  type Device,
  type DeviceArray,
  dtypeTable,
  type FiveTraces,
  gather,
  type Initializer,
  mul,
  type OnnxModel,
  onnxModel,
  reshape,
  type Tensor,
  type TracedAt,
  withFreeSizes,
} from "../../tensor/index.ts";
import { type Decoder, type DecoderCache, type DecoderConfig, decoderStep } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { DecoderParameters } from "../generate/index.ts";

export interface StepOnnx {
  /** Inputs tokens [1, T], positions [1, T] (int32), keys.i and values.i [K * R, D]; outputs logits [1, V], newKeys.i and newValues.i [K, T, D]. */
  readonly model: OnnxModel;
  /** Arrays of the model's inputs that are weights, by name. */
  readonly weights: readonly { readonly name: string; readonly array: DeviceArray }[];
}

/** Sizes to trace at: new tokens, then rows. Primes, so that a size is no other number of the model by chance; further ones where it is. */
const trials = [
  { tokens: [101, 103, 107], rows: [127, 131, 137] },
  { tokens: [53, 59, 61], rows: [67, 71, 73] },
  { tokens: [11, 13, 17], rows: [19, 23, 29] },
  { tokens: [5, 7, 3], rows: [11, 13, 17] },
] as const;

/** What is new of a cache: rows [K, T, D] of flat pages [K * R, D]. */
function newRows(flat: Tensor, heads: number, positions: Tensor): Tensor {
  const width = positions.shape[1]!;
  const rows = flat.shape[0]! / heads;
  const first = constant(
    Int32Array.from({ length: heads }, (_, i) => i),
    "i32",
    [heads, 1],
  );
  return gather(flat, add(mul(first, rows), reshape(positions, [1, width])));
}

function step(config: DecoderConfig, p: Decoder, cache: DecoderCache, tokens: Tensor, positions: Tensor) {
  const rows = cache.layers[0]!.pages[0]!.keys.shape[0]! / config.kvHeads;
  const page = { first: 0, positions: rows, rows };
  const { logits, cache: after } = decoderStep(config, p, cache, { tokens, positions }, [page]);
  const fresh = after.layers.map(({ pages: [written] }) => ({
    keys: newRows(written!.keys, config.kvHeads, positions),
    values: newRows(written!.values, config.kvHeads, positions),
  }));
  return { logits, fresh };
}

/** Inputs behind the weights, in the order that a trace has them, and outputs in theirs. */
const stepInputs = ({ layers }: DecoderConfig): string[] => [
  ...Array.from({ length: layers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat(),
  "tokens",
  "positions",
];
const stepOutputs = ({ layers }: DecoderConfig): string[] => [
  "logits",
  ...Array.from({ length: layers }, (_, i) => [`newKeys.${i}`, `newValues.${i}`]).flat(),
];

function renamed(model: OnnxModel, names: ReadonlyMap<string, string>): OnnxModel {
  const rename = (name: string): string => names.get(name) ?? name;
  return {
    ...model,
    nodes: model.nodes.map(n => ({ ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) })),
    inputs: model.inputs.map(v => ({ ...v, name: rename(v.name) })),
    outputs: model.outputs.map(v => ({ ...v, name: rename(v.name) })),
    initializers: model.initializers.map(t => ({ ...t, name: rename(t.name) })),
  };
}

/** Errors: nn/config where no sizes tell the program's numbers apart. */
export async function stepOnnx(config: DecoderConfig, parameters: DecoderParameters, device: Device): Promise<StepOnnx> {
  const leaves = treePaths<DeviceArray>(parameters as Tree<DeviceArray>);
  const program = compile(
    (p: Decoder, cache: DecoderCache, tokens: Tensor, positions: Tensor) => step(config, p, cache, tokens, positions),
    { device, name: "step", keptPrograms: 1 },
  );
  const names = new Map([
    ...leaves.map(([path], i) => [`in${i}`, `weights.${path}`] as const),
    ...stepInputs(config).map((name, i) => [`in${leaves.length + i}`, name] as const),
    ...stepOutputs(config).map((name, i) => [`out${i}`, name] as const),
  ]);
  const traceAt = async (tokens: number, rows: number): Promise<TracedAt> => {
    const row = { shape: [1, tokens], dtype: "i32" } as const;
    const flat = { shape: [config.kvHeads * rows, config.headSize], dtype: "f32" } as const;
    const cache = { layers: Array.from({ length: config.layers }, () => ({ pages: [{ keys: flat, values: flat }] })) };
    const graph = await program.prepare(parameters, cache, row, row);
    return { sizes: [tokens, rows], model: renamed(onnxModel(graph), names) };
  };
  const sizes = [
    { name: "tokens", input: "tokens", axis: 1, per: 1 },
    { name: "rows", input: "keys.0", axis: 0, per: config.kvHeads },
  ] as const;
  try {
    for (const {
      tokens: [t, t2, t3],
      rows: [r, r2, r3],
    } of trials) {
      if (Math.max(t, t2, t3) > config.context) continue;
      const traces: FiveTraces = [
        await traceAt(t, r),
        await traceAt(t2, r),
        await traceAt(t, r2),
        await traceAt(t2, r2),
        await traceAt(t3, r3),
      ];
      try {
        const model = withFreeSizes(sizes, traces);
        return { model, weights: leaves.map(([path, array]) => ({ name: `weights.${path}`, array })) };
      } catch (error) {
        if (!isLoamError(error, "tensor/argument")) throw error;
      }
    }
  } finally {
    program.dispose();
  }
  throw nnErrors.fail("config", {
    place: "export",
    expected: "a decoder with a context of at least 7 tokens, whose sizes are no traced ones",
    received: `context ${config.context}`,
  });
}

/** The model's weights as stretches of files: the largest number of bytes a file, beyond which a single weight has a file of its own. */
export function weightFiles({ model, weights }: StepOnnx, mostBytes: number, nameOf: (file: number) => string) {
  const byName = new Map(weights.map(w => [w.name, w.array]));
  const files: { readonly name: string; sizeBytes: number; readonly parts: DeviceArray[] }[] = [];
  const stretches: Initializer[] = [];
  for (const { name, dtype } of model.inputs) {
    const array = byName.get(name);
    if (!array) continue;
    const { sizeBytes: element, array: Kind } = dtypeTable[dtype];
    const sizeBytes = element * array.shape.reduce((a, b) => a * b, 1);
    let file = files.at(-1);
    if (!file || file.sizeBytes + sizeBytes > mostBytes) {
      file = { name: nameOf(files.length), sizeBytes: 0, parts: [] };
      files.push(file);
    }
    const stretch = { location: file.name, offsetBytes: file.sizeBytes, sizeBytes };
    stretches.push({ name, dtype, shape: array.shape, data: new Kind(new ArrayBuffer(0)), isOutside: true, stretch });
    file.parts.push(array);
    file.sizeBytes += sizeBytes;
  }
  const inputs = model.inputs.filter(v => !byName.has(v.name));
  return { files, model: { ...model, inputs, initializers: [...model.initializers, ...stretches] } };
}
