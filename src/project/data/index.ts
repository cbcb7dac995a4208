/** Data sets of a project: documents, sources, scorers, what forgetting means. */
export { cardPartOf, cardRecordOf } from "./card-record.ts";
export { type DataSet, dataNameOf, findDataSet, openDataSet, staleLine } from "./data-set.ts";
export { effectMaterial, effectSides } from "./effect.ts";
export { readExamples } from "./examples.ts";
export { findDocument, knownSets } from "./find-document.ts";
export { type ForgetPlan, forgetPlan, type Holder, holdersOf } from "./forget-plan.ts";
export { type NewSource, newSource, readerOf, type SourceEntry } from "./new-source.ts";
export { proxyTrainer, proxyVocab } from "./proxy-trainer.ts";
export { referenceIdentity } from "./reference-scorer.ts";
export { whereabouts } from "./whereabouts.ts";
