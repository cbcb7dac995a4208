/** Labels that people give on the console. */
export { type ExportedLabels, type ExportLabelsOptions, type LabelFormat, labelFormats } from "./exported-labels.ts";
export { LabelCalls } from "./label-calls.ts";
export type { GivenBy, LabelBatch, LabelDisagreements, LabelledSet, ShownValue } from "./label-source.ts";
export { poolReader } from "./pool.ts";
