/** Door of the ONNX files: models as plain data, to bytes and back. It knows nothing of Loam's own IR. */
export { onnxErrors } from "./errors.ts";
export { executionOrder } from "./execution-order.ts";
export { formatModel } from "./format-model.ts";
export {
  type AttributeKind,
  checkModel,
  defaultOpsets,
  float,
  floats,
  type Initializer,
  int,
  ints,
  irVersion,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  string,
  strings,
  tensor,
  type ValueInfo,
} from "./model.ts";
export { maxMessageBytes } from "./protobuf.ts";
export { readModel } from "./read-model.ts";
export { type WriteOptions, writeModel } from "./write-model.ts";
