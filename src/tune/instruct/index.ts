/** Inner door: instruction tuning, from a file of examples to a model or an adapter. */
export { checkpointStage } from "./checkpoint-stage.ts";
export { documentExamplesStage } from "./documents-stage.ts";
export { type Encoded, type EncodedExamples, type EncodeExampleOptions, encodeExamples, type TuneText } from "./encode.ts";
export { checkpointLink, type ExamplePart, exampleSource } from "./example-kind.ts";
export { examplesFile, examplesStage, placedExamples } from "./examples-stage.ts";
export { columnOptions, type FormatName, formatNames } from "./format-options.ts";
export {
  type ExampleOptions,
  exampleOptions,
  heldOutOptions,
  type InstructInput,
  type InstructOptions,
  instructFitOptions,
  instructOptions,
  instructRecipe,
} from "./options.ts";
export { type ExamplesPreview, type PreviewPiece, type PreviewRun, previewOf, previewPieces, previewRuns, previewText } from "./preview.ts";
export { byLine, type PlacedExample, readExampleFile, throwProblems } from "./read.ts";
export { type BaseText, type InstructSurroundings, instructStage } from "./stage.ts";
export { tuneLoss } from "./tune.ts";
