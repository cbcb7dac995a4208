/** Models of a project: brought in, found, quantised, exported. */

export { homeFolder } from "../home-folder.ts";
export { calibrationTexts } from "./calibration-text.ts";
export { type Closeness, closeness } from "./closeness.ts";
export { type ExportedVersion, type ExportFormat, type ExportVersionOptions, exportVersion, modelFormats } from "./export-version.ts";
export { homeIfThere, openRecordOf, projectOrNone, withRecordOf } from "./home.ts";
export { hubModel, isHub, parseHub } from "./hub.ts";
export { writeHuggingFace } from "./hugging-face-files.ts";
export { hubSource, type ImportSource, importModel, localSource } from "./import-stage.ts";
export { type ImportedVersion, type ImportOptions, importVersion } from "./import-version.ts";
export { type ListedModel, type ListedModels, listedModels } from "./list-models.ts";
export {
  type MeasuredForms,
  measuredText,
  measureQuantized,
  nearChange,
  type QuantizedForm,
  type QuantizeOptions,
  type QuantizeStart,
} from "./measure-quantized.ts";
export { ModelCalls } from "./model-calls.ts";
export { modelText } from "./model-text.ts";
export { type NamedModelVersion, namedVersion, publicKeys } from "./named-version.ts";
export { newName } from "./new-name.ts";
export {
  type PackedFile,
  type PackOptions,
  type PullOptions,
  type PushedVersion,
  type PushOptions,
  packVersion,
  pullVersion,
  pushVersion,
  type RegistryAccess,
  type UnpackedVersion,
  type UnpackOptions,
  unpackVersion,
} from "./package-version.ts";
export { fileDigest, localModel } from "./paths.ts";
export { type FormSpeed, formSpeed, type Quantisation, quantisationNames, quantisationOf, quantisedParameters } from "./quantised.ts";
export { writeSentenceFiles } from "./sentence-files.ts";
export { compareVersions, type ShownVersion, showVersion } from "./show-version.ts";
export {
  checkRepeated,
  type RebuiltVersion,
  rebuildVersion,
  type VerifiedFiles,
  type VerifiedRecord,
  type VerifiedVersion,
  type VerifyVersionOptions,
  verifyFiles,
  verifyLineage,
  verifyVersion,
} from "./verify-version.ts";
