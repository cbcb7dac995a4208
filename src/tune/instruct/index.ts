/** Inner door: instruction tuning, from a file of examples to tuned values. */
export { type Encoded, type EncodedExamples, encodeExample, encodeExamples, type Masked, maskedChat, type TuneText } from "./encode.ts";
export { type ChatExample, type CompletionExample, type Example, type PreferenceExample, textOf } from "./example.ts";
export { type Columns, columnOptions, type FormatName, formatNames } from "./formats.ts";
export {
  type ExampleOptions,
  exampleOptions,
  type InstructFitOptions,
  type InstructInput,
  type InstructOptions,
  instructFitOptions,
  instructOptions,
} from "./options.ts";
export { examplePacker, type TuneBatch } from "./pack.ts";
export { type PreviewRun, previewRuns, previewText } from "./preview.ts";
export { type PlacedExample, type ReadExamples, type ReadOptions, readExamples, throwProblems } from "./read.ts";
export { rateOf, type Tuned, type TuneOptions, tuneInstruct, tuneLoss } from "./tune.ts";
