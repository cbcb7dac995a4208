/** Models of a project: brought in, found, quantised, exported. */
export { calibrationTexts } from "./calibration-text.ts";
export { type Closeness, closeness } from "./closeness.ts";
export { ggufTextEntries } from "./gguf-text.ts";
export { homeFolder, homeIfThere, openRecordOf, projectOrNone } from "./home.ts";
export { hubModel, isHub, parseHub } from "./hub.ts";
export { writeHuggingFace } from "./hugging-face-files.ts";
export { hubSource, type ImportSource, importModel, localSource } from "./import-stage.ts";
export { modelText } from "./model-text.ts";
export { newName } from "./new-name.ts";
export { fileDigest, localModel } from "./paths.ts";
export { type FormSpeed, formSpeed, type Quantisation, quantisationNames, quantisationOf, quantisedParameters } from "./quantised.ts";
export { writeSentenceFiles } from "./sentence-files.ts";
