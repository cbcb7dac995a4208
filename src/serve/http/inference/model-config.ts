/** The model configuration extension: what a Triton server would say of a model in its `config.pbtxt`. */
import type { ModelMetadata } from "../../model-metadata.ts";
import type { Signature } from "../tensorflow/signatures.ts";
import { signatureOf } from "../tensorflow/signatures.ts";
import { versionOf } from "../tensorflow/versions.ts";

const types = { DT_STRING: "TYPE_STRING", DT_FLOAT: "TYPE_FP32", DT_INT32: "TYPE_INT32" } as const;

const tensorsOf = (of: ReturnType<Signature["outputs"]>) =>
  Object.entries(of).map(([name, { dtype, shape }]) => ({ name, data_type: types[dtype], dims: shape }));

const optional = (name: string, data_type: string) => ({ name, data_type, dims: [1], optional: true });
/** Parameters that clients of Triton's backends send as tensors; `infer` takes every other one by its name, too. */
const parameterTensors = [
  optional("stream", "TYPE_BOOL"),
  optional("sampling_parameters", "TYPE_STRING"),
  optional("max_tokens", "TYPE_INT32"),
  optional("temperature", "TYPE_FP32"),
];

export function modelConfig(engine: ModelMetadata, name: string) {
  const isDecoder = "room" in engine;
  const signature = signatureOf(engine, "predict", undefined);
  return {
    name,
    platform: "loam_onnxruntime",
    backend: "loam",
    version_policy: { specific: { versions: [versionOf(engine)] } },
    // the first dimension of every tensor is the batch, and stands in the shapes
    max_batch_size: 0,
    input: [...tensorsOf(signature.inputs), ...(isDecoder ? parameterTensors : [])],
    output: tensorsOf(signature.outputs(engine)),
    instance_group: [{ name: `${name}_0`, kind: "KIND_CPU", count: 1 }],
    model_transaction_policy: { decoupled: isDecoder },
  };
}
