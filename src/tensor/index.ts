/** tensor: traced programs over shapes and dtypes, their derivatives, and the devices that run them. */
export {
  type MachineTier,
  machineTiers,
  measurePeak,
  mostAttentionKeys,
  type ProcessorFeatures,
  processorFeatures,
  processorTiers,
  usableFeatures,
  usableTiers,
} from "../machine/index.ts";
export type { Backend, BuildOptions, Capabilities, DeviceMemory, Executable } from "./backend.ts";
export { type CheckedOperation, checkOperation, type OperationCase } from "./check-operation.ts";
export { checkpoint } from "./checkpoint.ts";
export { type Argument, type Compiled, type CompileOptions, compile, type ExecutionOptions, type TensorSpec, trace } from "./compile.ts";
export { type CustomBackward, customGradient } from "./custom-gradient.ts";
export { Device, type DeviceOptions, openDevice, pluginVersion, recordingDevice } from "./device.ts";
export { DeviceArray, type NestedNumbers } from "./device-array.ts";
export { type DeviceName, deviceNames } from "./device-names.ts";
export {
  bytesOf,
  type DType,
  dtypes,
  dtypeTable,
  fromBf16,
  fromF16,
  fromNumbers,
  isFloat,
  isInt,
  sizeOf,
  type TypedArray,
  toBf16,
  toF16,
  toNumbers,
} from "./dtype.ts";
export type { Nested } from "./elements.ts";
export { tensorErrors } from "./errors.ts";
export { evaluate, type ReferenceOptions } from "./evaluate.ts";
export { exitProcess } from "./exit-process.ts";
export * from "./functions.ts";
export { grad, valueAndGrad, valueAuxAndGrad, vjp } from "./grad.ts";
export { type Graph, graphHash, graphOf, loadGraph, nodesOf, printGraph, type StoredGraph, sameGraph, storeGraph } from "./graph.ts";
export type { KeepOptions, KeptReport } from "./keep-activations.ts";
export { type Initializer, type OnnxModel, writeModel } from "./onnx/index.ts";
export {
  type FiveTraces,
  type KernelClass,
  type KernelNote,
  kernelClasses,
  kernelNotesFile,
  type OnnxFileParts,
  onnxFile,
  onnxModel,
  type TracedAt,
  withFreeSizes,
} from "./onnx-backend/index.ts";
export { engineVersion, libraryOf, trimNativeMemory } from "./onnxruntime/index.ts";
export {
  type Cotangent,
  defineOperation,
  type Operation,
  type OperationDefinition,
  type OperationGradient,
  type OperationLowering,
  type OperationOptions,
  type OperationValues,
  onnxAttribute,
  zeroCotangent,
} from "./operation.ts";
export { type Inferred, type OpKind, opKinds, ops, type Typed } from "./ops.ts";
export { type ExampleGradients, type ExampleOwners, perExample } from "./per-example/index.ts";
export { type KnownPlugin, knownPlugins } from "./pjrt/index.ts";
export {
  type CompiledAhead,
  type CompileTarget,
  compileAhead,
  compileEnvironment,
  parseCompileTarget,
  type RecordedProgram,
  type WantedExecutable,
} from "./pjrt-backend/index.ts";
export { checkShape, type Shape, sameShape, showShape } from "./shape.ts";
export * from "./shard/index.ts";
export { type AttentionSegments, additive, keyRange, type Sight, sameSegment, sightMask } from "./sight.ts";
export { simplify } from "./simplify.ts";
export { checkGraph } from "./spec.ts";
export { graphSvg } from "./svg.ts";
export { constant, input, Tensor } from "./tensor.ts";
