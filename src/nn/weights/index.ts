/** weights: models and trees of arrays in files. */
export type { FilesReader, FilesWriter, OnRead } from "./files.ts";
export { folderFiles } from "./folder.ts";
export { type GgufFile, openGguf } from "./gguf.ts";
export type { GgufValue } from "./gguf-header.ts";
export { ggufModels, ggufParts, openGgufOf } from "./gguf-parts.ts";
export { type GgufEntry, type GgufWritable, ggufWeightBytes, ggufWritable, modelGguf } from "./gguf-write.ts";
export { maxHeaderBytes, type TensorEntry } from "./header.ts";
export { exportHuggingFace, huggingFaceTensors, importHuggingFace, readHuggingFaceConfig } from "./huggingface.ts";
export { architectures, type ModelType, modelTypes } from "./huggingface-rows.ts";
export {
  checkModelFiles,
  configFile,
  loadModel,
  modelFormat,
  readModelConfig,
  type WeightsFormat,
  weightsFile,
  writeModelConfig,
  writeModelFiles,
} from "./model-files.ts";
export { readingOnnx, scoringOnnx, type VectorForm } from "./onnx.ts";
export { openBytes, openSafetensors, safetensorsPieces, type TensorSource, type WeightFile, writeSafetensors } from "./safetensors.ts";
export { type StepOnnx, stepOnnx, weightFiles } from "./step-onnx.ts";
export { type LoadWeightsOptions, loadTree, saveTree, treePieces, treeSources } from "./tree.ts";
