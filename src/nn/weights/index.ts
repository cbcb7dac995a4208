/** weights: models and trees of arrays in files. */
export type { FilesReader, FilesWriter } from "./files.ts";
export { folderFiles } from "./folder.ts";
export { maxHeaderBytes, type TensorEntry } from "./header.ts";
export { exportHuggingFace, huggingFaceTensors, importHuggingFace, readHuggingFaceConfig } from "./huggingface.ts";
export { architectures, type ModelType, modelTypes } from "./huggingface-rows.ts";
export { configFile, loadModel, readModelConfig, weightsFile, writeModelFiles } from "./model-files.ts";
export { openBytes, openSafetensors, safetensorsPieces, type TensorSource, type WeightFile, writeSafetensors } from "./safetensors.ts";
export { type LoadOptions, loadTree, saveTree, treePieces, treeSources } from "./tree.ts";
