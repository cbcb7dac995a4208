/** Inner door: ways to tune a model, each a transformation of its tree of parameters. */

export { type Method, type MethodInput, type MethodName, methodNames, methodOptions, nameOfMethod } from "./options.ts";
export { type MergeProof, mergeProof, type ProofOptions, showProof } from "./proof.ts";
export { adapterOfTuning, disposeTuned, givenBackOnFailure, mergedModel } from "./results.ts";
export {
  type ProvenOutput,
  probeOf,
  type ReadTexts,
  type ServedForm,
  type TextChange,
  type TextProof,
  type TextProofOptions,
  type TunedArrays,
  textChange,
  textProof,
  textProofSummary,
} from "./text-proof.ts";
export {
  type FrozenArrays,
  type FrozenTensors,
  type TrainableArrays,
  type TrainableSpecs,
  type TrainableTensors,
  type Tuning,
  type TuningOptions,
  tuningOf,
} from "./tuning.ts";
