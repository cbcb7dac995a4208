/** Inner door: ONNX Runtime as a backend of the tensor engine. */
export { type OnnxBackendOptions, onnxBackend } from "./backend.ts";
export { type OnnxFileParts, onnxFile } from "./export.ts";
export { type FiveTraces, type FreeSize, type TracedAt, withFreeSizes } from "./free-sizes.ts";
export { type KernelClass, type KernelNote, kernelClasses, kernelNotesFile } from "./kernel-notes.ts";
export { onnxModel } from "./model.ts";
